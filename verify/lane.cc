#include "verify/lane.h"

#include <utility>

#include <sys/epoll.h>

#include "protocol/check.h"
#include "verify/clock.h"

namespace sallyport::verify {
namespace {

/// Above the cost curve's knee (docs/performance.md): more streams make each socket event dearer,
/// more connections each start.
constexpr long kStreamsPerConnection = 100;
/// Twice what full connections need, for servers that allow fewer streams. HTTP/1 has one call a
/// connection: the first lane serves those, too.
constexpr long kMaxConnectionsOfFirst = 1'024;
long connections_for(std::uint32_t number, std::uint32_t max_calls) {
  return number == 0 ? kMaxConnectionsOfFirst : 2 * (long{max_calls} / kStreamsPerConnection + 1);
}

std::uint32_t epoll_events(int what) {
  std::uint32_t events = 0;
  if (what == CURL_POLL_IN || what == CURL_POLL_INOUT) events |= EPOLLIN;
  if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT) events |= EPOLLOUT;
  return events;
}

}  // namespace

Lane::Lane(int epoll, std::uint32_t number, std::uint32_t max_calls)
    : epoll_(epoll), number_(number), max_calls_(max_calls), multi_(curl_multi_init()) {
  CHECK(multi_ != nullptr);
  CURLM* const multi = multi_.get();
  const long connections = connections_for(number, max_calls);
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, &Lane::on_socket);
  curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, &Lane::on_timeout);
  curl_multi_setopt(multi, CURLMOPT_TIMERDATA, this);
  curl_multi_setopt(multi, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_MULTIPLEX));
  curl_multi_setopt(multi, CURLMOPT_MAX_CONCURRENT_STREAMS, kStreamsPerConnection);
  curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, connections);
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, connections);
}

Lane::~Lane() {
  CHECK(calls_.empty());
  multi_.reset();  // calls on_socket
}

bool Lane::add(Transfer& transfer) {
  if (curl_multi_add_handle(multi_.get(), transfer.handle()) != CURLM_OK) return false;
  transfer.place = Transfer::Place::in_flight;
  transfer.lane = number_;
  transfer.slot = static_cast<std::uint32_t>(calls_.size());
  calls_.push_back(&transfer);
  return true;
}

void Lane::remove(Transfer& transfer) {
  curl_multi_remove_handle(multi_.get(), transfer.handle());
  CHECK(transfer.slot < calls_.size() && calls_[transfer.slot] == &transfer);
  calls_[transfer.slot] = calls_.back();
  calls_[transfer.slot]->slot = transfer.slot;
  calls_.pop_back();
  transfer.place = Transfer::Place::idle;
}

void Lane::on_event(curl_socket_t socket, std::uint32_t events) {
  act(socket, ((events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
                  ((events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
                  ((events & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0));
}

void Lane::on_timer(std::uint64_t now_ms) {
  if (timer_ms_ > now_ms) return;
  timer_ms_ = UINT64_MAX;
  act(CURL_SOCKET_TIMEOUT, 0);
}

void Lane::act(curl_socket_t socket, int events) {
  if (broken_) return;
  int running = 0;
  if (curl_multi_socket_action(multi_.get(), socket, events, &running) != CURLM_OK) broken_ = true;
}

std::vector<Transfer*> Lane::give_up() {
  std::vector<Transfer*> given_up = calls_;
  for (Transfer* const transfer : given_up) remove(*transfer);
  return given_up;
}

Finished Lane::take_finished() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;  // the message dies with the handle's removal
    void* owner = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &owner);
    auto* const transfer = static_cast<Transfer*>(owner);
    remove(*transfer);
    return {.transfer = transfer, .code = code};
  }
  return {};
}

int Lane::on_socket(CURL*, curl_socket_t socket, int what, void* self, void* known) noexcept {
  auto& lane = *static_cast<Lane*>(self);
  if (what == CURL_POLL_REMOVE) {
    // libcurl may have closed it already; the kernel then took it out by itself.
    ::epoll_ctl(lane.epoll_, EPOLL_CTL_DEL, socket, nullptr);
    return 0;
  }
  epoll_event event{};
  event.events = epoll_events(what);
  event.data.u64 = std::uint64_t{lane.number_} << 32 | static_cast<std::uint32_t>(socket);
  const int first = known == nullptr ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  const int other = known == nullptr ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  if (::epoll_ctl(lane.epoll_, first, socket, &event) != 0 &&
      ::epoll_ctl(lane.epoll_, other, socket, &event) != 0)
    return -1;
  if (known == nullptr) curl_multi_assign(lane.multi_.get(), socket, &lane);
  return 0;
}

/// 0 means as soon as possible, but not inside this call: the next wait does not sleep then.
int Lane::on_timeout(CURLM*, long timeout_ms, void* self) noexcept {
  auto& lane = *static_cast<Lane*>(self);
  lane.timer_ms_ =
      timeout_ms < 0 ? UINT64_MAX : monotonic_ms() + static_cast<std::uint64_t>(timeout_ms);
  return 0;
}

}  // namespace sallyport::verify
