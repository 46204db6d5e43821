#pragma once
// All calls of a verify thread on their way: lanes of libcurl's over one epoll set. The first lane
// with room takes a call, so that few calls share few connections; a lane more is opened for the
// next thousands and given back when it has been empty for a while. While many polls are out,
// which the server may hold, calls that post take lanes of their own: each answer makes libcurl
// look at all calls of its connection. One thread, except wake().

#include <cstdint>
#include <memory>
#include <vector>

#include "verify/lane.h"
#include "verify/transfer.h"

namespace sallyport::verify {

class Multi {
 public:
  explicit Multi(std::uint32_t calls_per_lane);
  ~Multi();  ///< every transfer has been cancelled or taken
  Multi(const Multi&) = delete;
  Multi& operator=(const Multi&) = delete;

  /// Sends a prepared transfer on its way. Start many in a row and then wait(): on live connections
  /// one by one costs five times as much.
  void start(Transfer& transfer);
  /// Takes it back, wherever it is.
  void cancel(Transfer& transfer);

  /// Sleeps until a socket, a libcurl timer, wake() or `until_ms` (CLOCK_MONOTONIC), and lets
  /// libcurl work on what it finds.
  void wait(std::uint64_t until_ms);
  /// Any thread.
  void wake() noexcept;

  /// One transfer that has ended, already taken off its lane.
  [[nodiscard]] Finished take_finished();

 private:
  class Descriptor {
   public:
    explicit Descriptor(int fd);  ///< CHECKs that there is one
    ~Descriptor();
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    [[nodiscard]] int get() const noexcept { return fd_; }

   private:
    int fd_;
  };
  struct Place {
    std::unique_ptr<Lane> lane;
    bool posts = false;
    std::uint64_t empty_since_ms = 0;  ///< 0: it is not
  };

  [[nodiscard]] Lane& lane_with_room(bool posts);
  void open_lane(bool posts);
  [[nodiscard]] int timeout_ms(std::uint64_t until_ms) const;
  void on_event(std::uint64_t data, std::uint32_t epoll_events);
  void restart(std::uint32_t number);
  void close_empty_lanes(std::uint64_t now_ms);
  void drain_wake() const noexcept;

  const std::uint32_t calls_per_lane_;
  Descriptor epoll_;
  Descriptor event_;
  std::vector<Place> lanes_;        ///< by number
  std::size_t harvested_lane_ = 0;  ///< take_finished() goes on here
  std::vector<Transfer*> aborted_;  ///< were in flight, or about to be, when their lane broke
};

}  // namespace sallyport::verify
