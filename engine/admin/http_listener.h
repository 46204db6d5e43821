#pragma once
// The admin listener: HTTP/1.1 for a scraper and an operator, on a thread of its own, so that
// nothing it does can touch the packet path. GET and HEAD only. Everything is bounded: connections,
// octets of a request, time for each step; a slow or hostile peer loses its connection, no more.

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "engine/admin/pages.h"
#include "engine/ring/file_descriptor.h"
#include "protocol/ip_address.h"

namespace sallyport::admin {

struct HttpLimits {
  std::size_t connections = 64;        ///< more wait in the kernel's backlog
  std::uint32_t request_ms = 5'000;    ///< first octet of a request (or accept) to its last
  std::uint32_t idle_ms = 30'000;      ///< between requests of one connection
  std::uint32_t response_ms = 10'000;  ///< to take the whole response
  std::uint32_t linger_ms = 1'000;     ///< after an error response, for the peer to read it
};

class HttpListener {
 public:
  /// Called on the listener's thread with the path of a GET or HEAD.
  using Handler = std::function<Page(std::string_view path)>;

  /// Binds and listens; an error is one line that says what to do.
  [[nodiscard]] static std::expected<std::unique_ptr<HttpListener>, std::string> open(
      const Endpoint& endpoint, Handler handler, const HttpLimits& limits = {});
  /// Listens on a socket that another process has opened.
  [[nodiscard]] static std::expected<std::unique_ptr<HttpListener>, std::string> take(
      ring::FileDescriptor listener, Handler handler, const HttpLimits& limits = {});
  ~HttpListener();  ///< stops

  void start();
  void stop();
  /// The address bound (port 0 resolved).
  [[nodiscard]] Endpoint listening() const noexcept;
  /// For a process that takes over; stays ours.
  [[nodiscard]] const ring::FileDescriptor& socket() const noexcept;

 private:
  struct Impl;
  explicit HttpListener(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sallyport::admin
