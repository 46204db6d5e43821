#include "bench/simulators/request_store.h"

#include <openssl/rand.h>

#include "protocol/check.h"

namespace sallyport::lab {

const char* to_text(RequestState state) noexcept {
  switch (state) {
    case RequestState::pending: return "pending";
    case RequestState::approved: return "approved";
    case RequestState::denied: return "denied";
    case RequestState::expired: return "expired";
  }
  return "?";
}

const char* to_text(AnsweredBy by) noexcept {
  switch (by) {
    case AnsweredBy::nobody: return "nobody";
    case AnsweredBy::script: return "script";
    case AnsweredBy::phone: return "phone";
  }
  return "?";
}

Uuid Uuid::random() {
  std::array<std::uint8_t, 16> octets{};
  CHECK(RAND_bytes(octets.data(), octets.size()) == 1);
  octets[6] = static_cast<std::uint8_t>((octets[6] & 0x0f) | 0x40);
  octets[8] = static_cast<std::uint8_t>((octets[8] & 0x3f) | 0x80);
  constexpr std::string_view kHex = "0123456789abcdef";
  Uuid uuid;
  std::size_t at = 0;
  for (std::size_t i = 0; i < octets.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) uuid.text[at++] = '-';
    uuid.text[at++] = kHex[octets[i] >> 4];
    uuid.text[at++] = kHex[octets[i] & 15];
  }
  return uuid;
}

const AuthRequest& RequestStore::create(NewRequest request, std::uint64_t now_unix_ms) {
  if (requests_.size() == max_requests_) forget_oldest();
  const auto user = creates_per_user_.find(request.user);
  if (user == creates_per_user_.end()) {
    creates_per_user_.emplace(request.user, 1);
  } else {
    ++user->second;
  }
  // A deque never moves its elements, so the table may point at the text of the uuid.
  const AuthRequest& created = requests_.emplace_back(AuthRequest{
      .number = next_number_,
      .uuid = Uuid::random(),
      .user = std::move(request.user),
      .action = std::move(request.action),
      .description = std::move(request.description),
      .created_unix_ms = now_unix_ms,
      .expires_unix_ms = now_unix_ms + request.ttl_ms,
      .behaviour = request.behaviour,
  });
  by_uuid_.emplace(created.uuid.view(), created.number);
  pending_.insert(created.number);
  ++next_number_;
  return created;
}

const AuthRequest* RequestStore::find(std::string_view uuid) const {
  const auto found = by_uuid_.find(uuid);
  return found == by_uuid_.end() ? nullptr : at(found->second);
}

const AuthRequest* RequestStore::at(std::uint32_t number) const {
  if (number < first_number_ || number >= next_number_) return nullptr;
  return &requests_[number - first_number_];
}

AuthRequest* RequestStore::find_mutable(std::uint32_t number) {
  if (number < first_number_ || number >= next_number_) return nullptr;
  return &requests_[number - first_number_];
}

void RequestStore::count_poll(std::uint32_t number) {
  if (AuthRequest* request = find_mutable(number)) ++request->polls;
}

bool RequestStore::answer(std::uint32_t number, bool approve, AnsweredBy by,
                          std::uint64_t now_unix_ms) {
  AuthRequest* request = find_mutable(number);
  if (request == nullptr || request->state != RequestState::pending) return false;
  if (now_unix_ms >= request->expires_unix_ms) return false;
  finish(*request, approve ? RequestState::approved : RequestState::denied, by, now_unix_ms);
  return true;
}

bool RequestStore::expire(std::uint32_t number, std::uint64_t now_unix_ms) {
  AuthRequest* request = find_mutable(number);
  if (request == nullptr || request->state != RequestState::pending) return false;
  if (now_unix_ms < request->expires_unix_ms) return false;
  finish(*request, RequestState::expired, AnsweredBy::nobody, now_unix_ms);
  return true;
}

void RequestStore::finish(AuthRequest& request, RequestState state, AnsweredBy by,
                          std::uint64_t now_unix_ms) {
  request.state = state;
  request.answered_by = by;
  request.finished_unix_ms = now_unix_ms;
  pending_.erase(request.number);
  history_.push_front(request.number);
  if (history_.size() > kHistory) history_.pop_back();
}

std::vector<const AuthRequest*> RequestStore::newest_pending(std::size_t at_most) const {
  std::vector<const AuthRequest*> newest;
  for (auto number = pending_.rbegin(); number != pending_.rend() && newest.size() < at_most;
       ++number)
    newest.push_back(at(*number));
  return newest;
}

std::vector<const AuthRequest*> RequestStore::history() const {
  std::vector<const AuthRequest*> last;
  for (const std::uint32_t number : history_) {
    if (const AuthRequest* request = at(number)) last.push_back(request);
  }
  return last;
}

void RequestStore::forget_oldest() {
  const AuthRequest& oldest = requests_.front();
  by_uuid_.erase(oldest.uuid.view());
  pending_.erase(oldest.number);
  requests_.pop_front();
  ++first_number_;
}

void RequestStore::clear() {
  by_uuid_.clear();
  pending_.clear();
  history_.clear();
  creates_per_user_.clear();
  requests_.clear();
  first_number_ = next_number_;
}

}  // namespace sallyport::lab
