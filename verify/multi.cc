#include "verify/multi.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "protocol/check.h"
#include "verify/clock.h"

namespace sallyport::verify {
namespace {

/// In place of a lane's number and socket.
constexpr std::uint64_t kWakeEvent = UINT64_MAX;
/// One for calls that post, one for the others.
constexpr std::size_t kReadLane = 0;
constexpr std::size_t kFirstLanes = 2;
/// Up to here all calls share connections: more to read and to write at once costs less each.
constexpr std::size_t kSharedCalls = 512;
/// An empty lane keeps its connections for the next burst; no server keeps them much longer.
constexpr std::uint64_t kEmptyLaneMs = 60'000;

}  // namespace

Multi::Descriptor::Descriptor(int fd) : fd_(fd) { CHECK(fd >= 0); }
Multi::Descriptor::~Descriptor() { ::close(fd_); }

Multi::Multi(std::uint32_t calls_per_lane)
    : calls_per_lane_(calls_per_lane),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kWakeEvent;
  CHECK(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, event_.get(), &event) == 0);
  open_lane(false);  // kReadLane
  open_lane(true);
}

Multi::~Multi() {
  CHECK(aborted_.empty());
  lanes_.clear();  // they speak to the epoll set: it must still be there
}

void Multi::open_lane(bool posts) {
  const auto number = static_cast<std::uint32_t>(lanes_.size());
  lanes_.push_back(
      {.lane = std::make_unique<Lane>(epoll_.get(), number, calls_per_lane_), .posts = posts});
}

Lane& Multi::lane_with_room(bool posts) {
  Lane& shared = *lanes_[kReadLane].lane;
  if (posts && shared.calls() < kSharedCalls && shared.has_room()) return shared;
  const auto found = std::ranges::find_if(
      lanes_, [&](const Place& place) { return place.posts == posts && place.lane->has_room(); });
  if (found == lanes_.end()) {
    open_lane(posts);
    return *lanes_.back().lane;
  }
  found->empty_since_ms = 0;
  return *found->lane;
}

void Multi::start(Transfer& transfer) {
  CHECK(transfer.place == Transfer::Place::idle);
  if (lane_with_room(transfer.posts()).add(transfer)) return;
  transfer.place = Transfer::Place::in_flight;
  aborted_.push_back(&transfer);
}

void Multi::cancel(Transfer& transfer) {
  if (transfer.place == Transfer::Place::idle) return;
  if (std::erase(aborted_, &transfer) == 0) return lanes_[transfer.lane].lane->remove(transfer);
  transfer.place = Transfer::Place::idle;
}

int Multi::timeout_ms(std::uint64_t until_ms) const {
  constexpr std::uint64_t kLongestMs = 60'000;
  if (!aborted_.empty()) return 0;
  for (const Place& place : lanes_) until_ms = std::min(until_ms, place.lane->timer_ms());
  const std::uint64_t now_ms = monotonic_ms();
  return until_ms <= now_ms ? 0 : static_cast<int>(std::min(until_ms - now_ms, kLongestMs));
}

void Multi::wait(std::uint64_t until_ms) {
  std::array<epoll_event, 256> events;
  const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), timeout_ms(until_ms));
  CHECK(count >= 0 || errno == EINTR);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    on_event(event.data.u64, event.events);
  }
  const std::uint64_t now_ms = monotonic_ms();
  for (std::uint32_t number = 0; number < lanes_.size(); ++number) {
    lanes_[number].lane->on_timer(now_ms);
    if (lanes_[number].lane->broken()) restart(number);
  }
  close_empty_lanes(now_ms);
}

void Multi::on_event(std::uint64_t data, std::uint32_t epoll_events) {
  if (data == kWakeEvent) return drain_wake();
  // A number that was closed and opened anew in this very round gets an event too many: libcurl
  // then finds nothing to read. Level-triggered, nothing is lost.
  lanes_[data >> 32].lane->on_event(static_cast<curl_socket_t>(data & 0xffff'ffff), epoll_events);
}

/// After an error of libcurl's every transfer of the lane is undefined: they all end as cut, and a
/// new lane begins with no connections.
void Multi::restart(std::uint32_t number) {
  std::unique_ptr<Lane>& lane = lanes_[number].lane;
  spdlog::warn("verify: libcurl lost its event state; {} calls are ended and connections reopened",
               lane->calls());
  for (Transfer* const transfer : lane->give_up()) {
    transfer->place = Transfer::Place::in_flight;
    aborted_.push_back(transfer);
  }
  lane.reset();  // the old one leaves the epoll set before the new one enters it
  lane = std::make_unique<Lane>(epoll_.get(), number, calls_per_lane_);
}

/// From the last one down, so that numbers stay; the first of each kind is kept.
void Multi::close_empty_lanes(std::uint64_t now_ms) {
  while (lanes_.size() > kFirstLanes) {
    Place& last = lanes_.back();
    if (last.lane->calls() > 0) return;
    if (last.empty_since_ms == 0) last.empty_since_ms = now_ms;
    if (now_ms - last.empty_since_ms < kEmptyLaneMs) return;
    lanes_.pop_back();
  }
}

Finished Multi::take_finished() {
  if (!aborted_.empty()) {
    Transfer* const transfer = aborted_.back();
    aborted_.pop_back();
    transfer->place = Transfer::Place::idle;
    return {.transfer = transfer, .code = CURLE_RECV_ERROR};
  }
  for (; harvested_lane_ < lanes_.size(); ++harvested_lane_) {
    const Finished finished = lanes_[harvested_lane_].lane->take_finished();
    if (finished.transfer != nullptr) return finished;
  }
  harvested_lane_ = 0;
  return {};
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
