#pragma once
// libcurl's multi handle over our own epoll set: sockets and timers go in, finished transfers come
// out. One thread, except wake(). Nothing is started or removed inside a libcurl callback.

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include <curl/curl.h>

#include "verify/transfer.h"

namespace sallyport::verify {

class Multi {
 public:
  Multi();
  ~Multi();  ///< every transfer has been cancelled or taken
  Multi(const Multi&) = delete;
  Multi& operator=(const Multi&) = delete;

  /// Queues a prepared transfer; flush() starts it.
  void start(Transfer& transfer);
  /// Takes it back, wherever it is. HTTP/2 resets the stream and keeps the connection.
  void cancel(Transfer& transfer);
  /// Starts what was queued, some hundreds a turn: one by one on live connections costs five times
  /// as much, thousands at once would starve what is in flight.
  void flush();

  /// Sleeps until a socket, a libcurl timer, wake() or `until_ms` (CLOCK_MONOTONIC), and lets
  /// libcurl work on what it finds.
  void wait(std::uint64_t until_ms);
  /// Any thread.
  void wake() noexcept;

  struct Finished {
    Transfer* transfer = nullptr;  ///< null: no more
    CURLcode code = CURLE_OK;
  };
  /// One transfer that has ended, already taken off the multi.
  [[nodiscard]] Finished take_finished();

 private:
  struct Cleanup {
    void operator()(CURLM* multi) const noexcept { curl_multi_cleanup(multi); }
  };
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

  static int on_socket(CURL* easy, curl_socket_t socket, int what, void* self,
                       void* known) noexcept;
  static int on_timer(CURLM* multi, long timeout_ms, void* self) noexcept;
  void open();
  void act(curl_socket_t socket, int events);
  void restart();
  void detach(Transfer& transfer);
  void drain_wake() const noexcept;

  Descriptor epoll_;
  Descriptor event_;
  std::unique_ptr<CURLM, Cleanup> multi_;
  std::uint64_t timer_ms_ = UINT64_MAX;  ///< when libcurl wants to be called
  bool broken_ = false;                  ///< socket_action failed: start anew
  std::deque<Transfer*> queued_;         ///< null: cancelled while queued
  std::vector<Transfer*> in_flight_;
  std::vector<Transfer*> aborted_;  ///< were in flight when the multi broke
};

}  // namespace sallyport::verify
