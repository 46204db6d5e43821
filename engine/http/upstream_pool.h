#pragma once
// One pool on one shard: its servers' state, the choice among them, and the connections that are
// kept for the next request. Lives as long as an exchange or a connection uses it; a reload that
// changes the pool makes another. One thread.

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/http/balancer.h"
#include "engine/http/door_settings.h"
#include "engine/http/sides.h"
#include "engine/http/upstream_set.h"
#include "engine/ring/streams.h"

namespace sallyport::http_door {

class Door;
class H1Upstream;
class H2Upstream;

class UpstreamPool : public std::enable_shared_from_this<UpstreamPool> {
 public:
  /// `settings` holds the pool at `index`. `before`: the pool of the same name until now, or null.
  UpstreamPool(Door& door, std::shared_ptr<const DoorSettings> settings, std::uint32_t index,
               const UpstreamPool* before);
  ~UpstreamPool();

  [[nodiscard]] const PoolSettings& settings() const noexcept { return settings_->pools[index_]; }
  [[nodiscard]] UpstreamSet& servers() noexcept { return servers_; }
  [[nodiscard]] Balancer& balancer() noexcept { return balancer_; }

  /// Whether it is what a pool of these settings would be, so that it goes on with its connections.
  /// Never one that trusts a CA file: what is in it may have changed.
  [[nodiscard]] bool same_as(const DoorSettings& settings, std::uint32_t index) const noexcept;

  /// A side for one request to `server`: of a kept connection, or (also when `fresh`) of a new one
  /// that is still connecting; requests may be handed to it at once. Null: no stream is free.
  [[nodiscard]] UpstreamSide* open(std::uint32_t server, ExchangeEvents& exchange, bool fresh);

  /// A reload has replaced it, or sallyport stops: kept connections are closed, none is kept again.
  void retire();

  // Connections of its own.
  void keep(H1Upstream& connection);
  void forget(H1Upstream& connection);
  void forget(H2Upstream& connection);

 private:
  [[nodiscard]] ring::StreamId connect(std::uint32_t server);
  [[nodiscard]] UpstreamSide* open_shared(std::uint32_t server, ExchangeEvents& exchange);

  Door& door_;
  const std::shared_ptr<const DoorSettings> settings_;
  const std::uint32_t index_;
  UpstreamSet servers_;
  Balancer balancer_;
  std::vector<std::vector<H1Upstream*>> idle_;    ///< by server; the last one was used last
  std::vector<std::vector<H2Upstream*>> shared_;  ///< by server, HTTP/2
  bool retired_ = false;
};

}  // namespace sallyport::http_door
