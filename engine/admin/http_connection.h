#pragma once
// One connection of the admin listener: reads a request, answers it, reads the next. A state
// machine over a non-blocking socket; the listener's loop says when the socket is ready and when
// time is up.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "engine/admin/http_listener.h"
#include "engine/admin/http_parser.h"
#include "engine/ring/file_descriptor.h"

namespace sallyport::admin {

enum class ConnectionState : std::uint8_t {
  idle,       ///< between two requests: no octet of the next one yet
  reading,    ///< inside a request
  writing,    ///< the response is on its way
  lingering,  ///< our side is shut after an error; what the peer still sends is thrown away
  closed,     ///< to be removed
};

class HttpConnection {
 public:
  HttpConnection(ring::FileDescriptor socket, const HttpListener::Handler& handler,
                 const HttpLimits& limits, std::uint64_t now_ms);

  /// The socket can be read or written (or is broken).
  void ready(std::uint64_t now_ms);
  /// Closes when its deadline has passed.
  void expire(std::uint64_t now_ms) noexcept;

  [[nodiscard]] int socket() const noexcept { return socket_.get(); }
  [[nodiscard]] ConnectionState state() const noexcept { return state_; }
  [[nodiscard]] std::uint64_t deadline_ms() const noexcept { return deadline_ms_; }
  [[nodiscard]] short events() const noexcept;  ///< for poll(2)

 private:
  void enter(ConnectionState state, std::uint64_t now_ms) noexcept;
  /// False: nothing more to read now.
  [[nodiscard]] bool read_some(std::uint64_t now_ms);
  /// As far as the octets at hand and the socket allow.
  void advance(std::uint64_t now_ms);
  void parse(std::uint64_t now_ms);
  void answer(std::uint64_t now_ms);
  void refuse(unsigned status, std::uint64_t now_ms);
  void write_some(std::uint64_t now_ms);
  void discard_some() noexcept;

  ring::FileDescriptor socket_;
  const HttpListener::Handler& handler_;
  const HttpLimits& limits_;
  ConnectionState state_ = ConnectionState::reading;
  std::uint64_t deadline_ms_ = 0;
  HttpParser parser_;
  std::string input_;
  std::string output_;
  std::size_t written_ = 0;
  bool last_ = false;  ///< close after the response
};

}  // namespace sallyport::admin
