#pragma once
// A visitor's HTTP/2 connection on a stream: H2Server with octets, exchanges and time. Owns itself:
// ends by Door::bury. One thread.

#include <cstdint>

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
  void turn() override;

 private:
  // H2Requests.
  [[nodiscard]] ExchangeEvents* begin_request(ClientSide& side, http::RequestHead& head,
                                              bool body) override;
  [[nodiscard]] ExchangeEvents* refuse_request(ClientSide& side, http::RequestHead& head,
                                               std::uint16_t status,
                                               std::string_view reason) override;
  void needs_turn() noexcept override;

  void read();
  void lose();
  void close();
  void schedule();

  Door& door_;
  const ring::StreamId stream_;
  const Peer peer_;
  H2Server server_;
  H2StreamWire wire_;
  std::uint64_t since_ms_;      ///< of the last octet
  std::uint64_t armed_ms_ = 0;  ///< when the timer comes; 0: it is not set
  bool turning_ = false;        ///< on the Door's list
  bool closed_ = false;
};

}  // namespace sallyport::http_door
