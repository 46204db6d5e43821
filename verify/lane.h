#pragma once
// One libcurl multi handle with the connections it keeps, over an epoll set that it shares with
// other lanes. libcurl looks through all connections to a host for each call that starts, and
// through all calls of a connection for each event: a lane is kept small enough for both (multi.h).
// One thread. Nothing is started or removed inside a libcurl callback.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <curl/curl.h>

#include "verify/transfer.h"

namespace sallyport::verify {

/// A transfer that the lane has given back, and how it ended.
struct Finished {
  Transfer* transfer = nullptr;  ///< null: no more
  CURLcode code = CURLE_OK;
};

class Lane {
 public:
  /// For `max_calls` calls at once. `epoll` outlives the lane; its events carry `number` in the
  /// upper half of their data, the socket in the lower.
  Lane(int epoll, std::uint32_t number, std::uint32_t max_calls);
  ~Lane();  ///< every transfer has been removed or taken
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  /// False: libcurl did not take it, it was never in flight.
  [[nodiscard]] bool add(Transfer& transfer);
  /// Takes it back. HTTP/2 resets the stream and keeps the connection.
  void remove(Transfer& transfer);
  [[nodiscard]] std::size_t calls() const noexcept { return calls_.size(); }
  [[nodiscard]] bool has_room() const noexcept { return calls_.size() < max_calls_; }

  /// An event of the epoll set, in its terms.
  void on_event(curl_socket_t socket, std::uint32_t epoll_events);
  /// When libcurl wants to be called; UINT64_MAX: not by itself.
  [[nodiscard]] std::uint64_t timer_ms() const noexcept { return timer_ms_; }
  void on_timer(std::uint64_t now_ms);
  /// One transfer that has ended, already removed.
  [[nodiscard]] Finished take_finished();

  /// libcurl has failed: every call is undefined. Take them off with give_up() and forget the lane.
  [[nodiscard]] bool broken() const noexcept { return broken_; }
  [[nodiscard]] std::vector<Transfer*> give_up();

 private:
  struct Cleanup {
    void operator()(CURLM* multi) const noexcept { curl_multi_cleanup(multi); }
  };
  static int on_socket(CURL* easy, curl_socket_t socket, int what, void* self,
                       void* known) noexcept;
  static int on_timeout(CURLM* multi, long timeout_ms, void* self) noexcept;
  void act(curl_socket_t socket, int events);

  const int epoll_;
  const std::uint32_t number_;
  const std::uint32_t max_calls_;
  std::unique_ptr<CURLM, Cleanup> multi_;
  std::uint64_t timer_ms_ = UINT64_MAX;
  bool broken_ = false;  ///< socket_action failed
  std::vector<Transfer*> calls_;
};

}  // namespace sallyport::verify
