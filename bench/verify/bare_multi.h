#pragma once
// The wall that the pool's transfers are measured against: the least libcurl program that makes the
// same calls. One thread, epoll and socket_action, handles used again; it reads nothing of an
// answer but the uuid, keeps no deadlines, joins nobody and forgives nothing.

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include <curl/curl.h>

namespace sallyport::lab {

class BareMulti {
 public:
  BareMulti(std::string origin, std::string ca_file);
  ~BareMulti();
  BareMulti(const BareMulti&) = delete;
  BareMulti& operator=(const BareMulti&) = delete;

  /// Creates and polls `verifications`, `concurrency` at once, until all are approved. Returns the
  /// transfers that took. An error: what went wrong with one of them.
  [[nodiscard]] std::expected<std::uint64_t, std::string> run(std::uint64_t verifications,
                                                              std::uint32_t concurrency);

 private:
  struct Call;
  static std::size_t on_write(char* data, std::size_t size, std::size_t count, void* self);
  static int on_socket(CURL* easy, curl_socket_t socket, int what, void* self, void* known);
  static int on_timer(CURLM* multi, long timeout_ms, void* self);
  Call& new_call();
  void create(Call& call);
  void poll(Call& call, std::string_view uuid);
  void wait();
  void harvest();
  void finished(Call& call, CURLcode code);
  void act(curl_socket_t socket, int events);

  std::string origin_;
  std::string ca_file_;
  CURLM* multi_;
  curl_slist* headers_;
  int epoll_;
  std::uint64_t timer_ms_ = UINT64_MAX;
  std::vector<Call*> calls_;
  std::uint64_t next_ = 0;  ///< number of the next verification
  std::uint64_t left_to_begin_ = 0;
  std::uint64_t running_ = 0;
  std::uint64_t transfers_ = 0;
  std::string error_;
};

}  // namespace sallyport::lab
