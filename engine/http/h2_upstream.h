#pragma once
// A connection to a server in HTTP/2, on a stream: H2Client with octets and time; many requests at
// once. Owns itself: ends by Door::bury. One thread.

#include <cstdint>
#include <memory>

#include "engine/http/connection.h"
#include "engine/http/h2_client.h"
#include "engine/http/h2_wire.h"

namespace sallyport::http_door {

class Door;
class UpstreamPool;

class H2Upstream final : public Connection, private H2ClientOwner {
 public:
  /// `stream` is connecting.
  H2Upstream(Door& door, std::shared_ptr<UpstreamPool> pool, std::uint32_t server,
             ring::StreamId stream);

  [[nodiscard]] std::uint32_t server() const noexcept { return server_; }
  [[nodiscard]] bool can_open() const noexcept { return !lost_ && client_.can_open(); }
  [[nodiscard]] UpstreamSide& open(ExchangeEvents& exchange);

  // Connection.
  void stream_event(const ring::StreamEvent& event) override;
  void timer(std::uint64_t now_ms) override;
  void drain() override;
  void turn() override;

 private:
  void needs_turn() noexcept override;
  void connected();
  void read();
  void lose(Broken why);
  void close();

  Door& door_;
  std::shared_ptr<UpstreamPool> pool_;
  const std::uint32_t server_;
  const ring::StreamId stream_;
  H2Client client_;
  H2StreamWire wire_;
  std::uint64_t used_ms_;      ///< when a request was last open
  std::uint64_t received_ms_;  ///< when an octet last came; before any: since it is connecting
  bool connected_ = false;
  bool turning_ = false;  ///< on the Door's list
  bool lost_ = false;     ///< nothing comes or goes; exchanges still take what is here
  bool closed_ = false;
};

}  // namespace sallyport::http_door
