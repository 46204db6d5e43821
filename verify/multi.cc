#include "verify/multi.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "protocol/check.h"
#include "verify/clock.h"

namespace sallyport::verify {
namespace {

/// Above the cost curve's knee (docs: one verify thread): more streams make each socket event
/// dearer, more connections each start.
constexpr long kStreamsPerConnection = 100;
/// 1,024 × 100 streams hold 100,000 verifications on one thread.
constexpr long kMaxConnections = 1'024;
constexpr std::size_t kStartsPerTurn = 256;

std::uint32_t epoll_events(int what) {
  std::uint32_t events = 0;
  if (what == CURL_POLL_IN || what == CURL_POLL_INOUT) events |= EPOLLIN;
  if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT) events |= EPOLLOUT;
  return events;
}

}  // namespace

Multi::Descriptor::Descriptor(int fd) : fd_(fd) { CHECK(fd >= 0); }
Multi::Descriptor::~Descriptor() { ::close(fd_); }

Multi::Multi()
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)), event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = event_.get();
  CHECK(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, event_.get(), &event) == 0);
  open();
}

Multi::~Multi() {
  CHECK(in_flight_.empty() && aborted_.empty());
  multi_.reset();  // calls on_socket: the epoll set must still be there
}

void Multi::open() {
  multi_.reset(curl_multi_init());
  CHECK(multi_ != nullptr);
  CURLM* const multi = multi_.get();
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, &Multi::on_socket);
  curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, &Multi::on_timer);
  curl_multi_setopt(multi, CURLMOPT_TIMERDATA, this);
  curl_multi_setopt(multi, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_MULTIPLEX));
  curl_multi_setopt(multi, CURLMOPT_MAX_CONCURRENT_STREAMS, kStreamsPerConnection);
  curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, kMaxConnections);
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, kMaxConnections);
}

void Multi::start(Transfer& transfer) {
  CHECK(transfer.place == Transfer::Place::idle);
  transfer.place = Transfer::Place::queued;
  queued_.push_back(&transfer);
}

void Multi::cancel(Transfer& transfer) {
  switch (transfer.place) {
    case Transfer::Place::idle: return;
    case Transfer::Place::queued: {
      const auto found = std::ranges::find(queued_, &transfer);
      CHECK(found != queued_.end());
      *found = nullptr;
      transfer.place = Transfer::Place::idle;
      return;
    }
    case Transfer::Place::in_flight: {
      if (std::erase(aborted_, &transfer) == 0) {
        detach(transfer);
        return;
      }
      transfer.place = Transfer::Place::idle;
      return;
    }
  }
}

void Multi::detach(Transfer& transfer) {
  curl_multi_remove_handle(multi_.get(), transfer.handle());
  CHECK(transfer.slot < in_flight_.size() && in_flight_[transfer.slot] == &transfer);
  in_flight_[transfer.slot] = in_flight_.back();
  in_flight_[transfer.slot]->slot = transfer.slot;
  in_flight_.pop_back();
  transfer.place = Transfer::Place::idle;
}

void Multi::flush() {
  for (std::size_t started = 0; started < kStartsPerTurn && !queued_.empty();) {
    Transfer* const transfer = queued_.front();
    queued_.pop_front();
    if (transfer == nullptr) continue;
    ++started;
    transfer->place = Transfer::Place::in_flight;
    transfer->slot = static_cast<std::uint32_t>(in_flight_.size());
    in_flight_.push_back(transfer);
    if (curl_multi_add_handle(multi_.get(), transfer->handle()) != CURLM_OK) {
      detach(*transfer);
      transfer->place = Transfer::Place::in_flight;
      aborted_.push_back(transfer);
    }
  }
}

void Multi::wait(std::uint64_t until_ms) {
  const std::uint64_t now_ms = monotonic_ms();
  std::uint64_t wake_ms = std::min(until_ms, timer_ms_);
  if (!queued_.empty() || !aborted_.empty()) wake_ms = now_ms;
  constexpr std::uint64_t kLongestMs = 60'000;
  const int timeout_ms =
      wake_ms <= now_ms ? 0 : static_cast<int>(std::min(wake_ms - now_ms, kLongestMs));
  std::array<epoll_event, 256> events;
  const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), timeout_ms);
  CHECK(count >= 0 || errno == EINTR);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    if (event.data.fd == event_.get()) {
      drain_wake();
      continue;
    }
    // A number that was closed and opened anew in this very round gets an event too many: libcurl
    // then finds nothing to read. Level-triggered, nothing is lost.
    const int mask = ((event.events & EPOLLIN) ? CURL_CSELECT_IN : 0) |
                     ((event.events & EPOLLOUT) ? CURL_CSELECT_OUT : 0) |
                     ((event.events & (EPOLLERR | EPOLLHUP)) ? CURL_CSELECT_ERR : 0);
    act(event.data.fd, mask);
  }
  if (timer_ms_ <= monotonic_ms()) {
    timer_ms_ = UINT64_MAX;
    act(CURL_SOCKET_TIMEOUT, 0);
  }
  if (broken_) restart();
}

void Multi::act(curl_socket_t socket, int events) {
  if (broken_) return;
  int running = 0;
  if (curl_multi_socket_action(multi_.get(), socket, events, &running) != CURLM_OK) broken_ = true;
}

/// After an error of socket_action every transfer is undefined: they all end as cut, and a new
/// multi begins with no connections.
void Multi::restart() {
  spdlog::warn("verify: libcurl lost its event state; {} calls are ended and connections reopened",
               in_flight_.size());
  while (!in_flight_.empty()) {
    Transfer* const transfer = in_flight_.back();
    detach(*transfer);
    transfer->place = Transfer::Place::in_flight;
    aborted_.push_back(transfer);
  }
  multi_.reset();
  timer_ms_ = UINT64_MAX;
  broken_ = false;
  open();
}

Multi::Finished Multi::take_finished() {
  if (!aborted_.empty()) {
    Transfer* const transfer = aborted_.back();
    aborted_.pop_back();
    transfer->place = Transfer::Place::idle;
    return {.transfer = transfer, .code = CURLE_RECV_ERROR};
  }
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;  // the message dies with the handle's removal
    void* owner = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &owner);
    auto* const transfer = static_cast<Transfer*>(owner);
    detach(*transfer);
    return {.transfer = transfer, .code = code};
  }
  return {};
}

int Multi::on_socket(CURL*, curl_socket_t socket, int what, void* self, void* known) noexcept {
  auto& multi = *static_cast<Multi*>(self);
  if (what == CURL_POLL_REMOVE) {
    // libcurl may have closed it already; the kernel then took it out by itself.
    ::epoll_ctl(multi.epoll_.get(), EPOLL_CTL_DEL, socket, nullptr);
    return 0;
  }
  epoll_event event{};
  event.events = epoll_events(what);
  event.data.fd = socket;
  const int first = known == nullptr ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  const int other = known == nullptr ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  if (::epoll_ctl(multi.epoll_.get(), first, socket, &event) != 0 &&
      ::epoll_ctl(multi.epoll_.get(), other, socket, &event) != 0)
    return -1;
  if (known == nullptr) curl_multi_assign(multi.multi_.get(), socket, &multi);
  return 0;
}

/// 0 means as soon as possible, but not inside this call: the next wait() does not sleep then.
int Multi::on_timer(CURLM*, long timeout_ms, void* self) noexcept {
  auto& multi = *static_cast<Multi*>(self);
  multi.timer_ms_ =
      timeout_ms < 0 ? UINT64_MAX : monotonic_ms() + static_cast<std::uint64_t>(timeout_ms);
  return 0;
}

void Multi::wake() noexcept {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(event_.get(), &one, sizeof one));
}

void Multi::drain_wake() const noexcept {
  std::uint64_t count = 0;
  static_cast<void>(!::read(event_.get(), &count, sizeof count));
}

}  // namespace sallyport::verify
