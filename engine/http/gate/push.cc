#include "engine/http/gate/push.h"

#include <string>
#include <utility>

#include "protocol/random.h"
#include "verify/clock.h"

namespace sallyport::http_door {

verify::PoolSettings push_settings(verify::PoolSettings settings) {
  // A question has no fields of the gate's own: those of RADIUS that no visitor has carry them. In
  // one line: phones are shown no control characters.
  settings.notakey.description += " ({client}){called_station}";
  return settings;
}

verify::Question push_question(std::string_view user, const IpAddress& address,
                               std::string_view device, std::string_view number) {
  verify::Question question;
  question.user.assign(user);
  question.address = address;
  question.calling_station.assign(address.text());
  question.client.assign(device);
  if (!number.empty()) question.called_station.assign(" " + std::string(number));
  question.user_hash = std::hash<std::string_view>{}(user);
  question.asked_ns = verify::monotonic_ns();
  return question;
}

Push::Push(verify::PoolSettings settings, Later later)
    : most_(settings.max_pending),
      later_(std::move(later)),
      pool_(push_settings(std::move(settings)), *this) {}

Push::~Push() { pool_.stop(); }

bool Push::ask(std::string_view user, const IpAddress& address, std::string_view device,
               std::string_view number, Decided decided) {
  verify::Question question = push_question(user, address, device, number);
  // Each visit is asked for by itself: nobody rides on another's approval.
  SystemRandom random;
  random.fill(question.join_key.octets);
  std::uint64_t ticket = 0;
  {
    const std::scoped_lock lock(mutex_);
    if (waiting_.size() >= most_) return false;
    ticket = ++last_ticket_;
    waiting_.emplace(ticket, std::move(decided));
  }
  question.ticket = {.value = ticket};
  if (pool_.ask(question)) return true;
  const std::scoped_lock lock(mutex_);
  waiting_.erase(ticket);
  return false;
}

bool Push::deliver(const verify::Answer& answer) noexcept {
  const std::scoped_lock lock(mutex_);
  const auto found = waiting_.find(answer.ticket.value);
  if (found == waiting_.end()) return true;
  const verify::Verdict verdict = answer.verdict;
  // A copy: without room the same verdict comes again.
  if (!later_([decided = found->second, verdict] { decided(verdict); })) return false;
  waiting_.erase(found);
  return true;
}

}  // namespace sallyport::http_door
