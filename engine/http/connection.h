#pragma once
// One stream of the HTTP door and who speaks on it: a visitor's HTTP/1 or HTTP/2 connection, or one
// to an upstream. Owned by the Door; one thread.

#include <cstdint>

#include "engine/http/sides.h"
#include "engine/ring/streams.h"

namespace sallyport::http_door {

class Door;
class UpstreamPool;

class Connection {
 public:
  virtual ~Connection() = default;
  virtual void stream_event(const ring::StreamEvent& event) = 0;
  /// Its timer (Door::set_timer) has come.
  virtual void timer(std::uint64_t now_ms) = 0;
  /// sallyport stops: ends as soon as nothing is owed.
  virtual void drain() = 0;
  /// Another process takes over: its visitor is to come anew for his next request.
  virtual void retire() {}
  /// Buffers that it has for its peer and that the stream below does not know of.
  [[nodiscard]] virtual std::size_t held() const noexcept { return 0; }
  /// Buffers are nearly gone, and nobody holds more of them: it breaks off.
  virtual void shed() {}
  /// It has asked for a turn of its own (Door::wants_turn): HTTP/2, whose frames are collected.
  virtual void turn() {}
};

/// What a connection that was never made means to a request.
[[nodiscard]] Broken why_not_connected(ring::StreamError error) noexcept;
/// Notes with the pool what was wrong with TLS there, if that was it.
void explain_tls(Door& door, UpstreamPool& pool, std::uint32_t server, ring::StreamId stream);

/// Who a visitor's connection belongs to and how it came: of all requests on it.
struct Peer {
  Endpoint address;  ///< of the TCP connection, or as a PROXY header told; any: a Unix socket
  Endpoint local;
  std::uint16_t listener = 0;
  bool tls = false;
};

}  // namespace sallyport::http_door
