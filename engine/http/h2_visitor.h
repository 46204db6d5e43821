#pragma once
// A visitor's connection in HTTP/2: H2Server on a stream of the Door's, with its exchanges and its
// time-outs. Owns itself: ends by Door::bury. One thread.

#include <cstdint>
#include <string_view>

#include "engine/http/connection.h"
#include "engine/http/h2_server.h"
#include "engine/http/h2_wire.h"

namespace sallyport::http_door {

class Door;

class H2Visitor final : public Connection, private H2Requests {
 public:
  H2Visitor(Door& door, ring::StreamId stream, const Peer& peer);

  /// Octets may have come before it was made.
  void begin();

  // Connection.
  void stream_event(const ring::StreamEvent& event) override;
  void timer(std::uint64_t now_ms) override;
  void drain() override;
  void retire() override { drain(); }
  void turn() override;
  [[nodiscard]] std::size_t held() const noexcept override { return server_.buffers_waiting(); }
  void shed() override { abort(); }

 private:
  // H2Requests.
  [[nodiscard]] ExchangeEvents* begin_request(ClientSide& side, http::RequestHead& head,
                                              bool body) override;
  [[nodiscard]] ExchangeEvents* refuse_request(ClientSide& side, http::RequestHead& head,
                                               std::uint16_t status,
                                               std::string_view reason) override;
  void needs_turn() noexcept override;

  void read();
  void check_time();
  void schedule();
  void close();
  void abort();

  Door& door_;
  const ring::StreamId stream_;
  const Peer peer_;
  H2Server server_;
  H2StreamWire wire_;
  std::uint64_t idle_since_ms_;     ///< no request is open since
  std::uint64_t head_since_ms_;     ///< a head, or the preface, is incomplete since
  std::uint64_t moved_ms_;          ///< when octets_sent() was last seen to grow
  std::uint64_t octets_moved_ = 0;  ///< octets_sent() then
  std::uint64_t shutting_since_ms_ = 0;
  std::uint64_t armed_ms_ = 0;  ///< when the timer comes; 0: it is not set
  bool turning_ = false;        ///< on the Door's list
  bool closed_ = false;
};

}  // namespace sallyport::http_door
