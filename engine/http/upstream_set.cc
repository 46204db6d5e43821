#include "engine/http/upstream_set.h"

#include <algorithm>
#include <utility>

#include "protocol/check.h"

namespace sallyport::http_door {
namespace {

/// Between two lines of the log about one server.
constexpr std::uint64_t kTellMs = 10'000;

std::string label_of(const config::HttpServer& server) {
  if (!server.unix_path.empty()) return "unix:" + server.unix_path;
  const bool is_ipv6 = server.host.contains(':') && !server.host.starts_with('[');
  return (is_ipv6 ? "[" + server.host + "]" : server.host) + ":" + std::to_string(server.port);
}

}  // namespace

UpstreamSet::Server::Server(const config::HttpServer& from, const config::HttpPool& pool)
    : config(from),
      label(label_of(from)),
      // Where there is no other, a try is better than a certain refusal.
      passive(pool.servers.size() == 1 ? 0 : pool.max_fails, pool.fail_timeout_ms),
      drain(from.drain) {
  if (!pool.health_path.empty()) active = Health::suspect;  // until its first probe
}

UpstreamSet::UpstreamSet(const config::HttpPool& pool)
    : slow_start_ms_(pool.slow_start_ms), probed_(!pool.health_path.empty()) {
  CHECK(!pool.servers.empty() && pool.servers.size() <= kMaxServers);
  servers_.reserve(pool.servers.size());
  for (const config::HttpServer& server : pool.servers) servers_.emplace_back(server, pool);
}

void UpstreamSet::adopt(const UpstreamSet& old) {
  for (Server& server : servers_) {
    const auto known = std::ranges::find(old.servers_, server.label, &Server::label);
    if (known == old.servers_.end()) continue;
    // Without probes of its own nothing would ever bring a server up again.
    if (probed_ && old.probed_) {
      server.active = known->active;
      server.reason = known->reason;
    }
    server.slow_start = known->slow_start;
    server.back_since_ms = known->back_since_ms;
    server.passive.adopt(known->passive);
  }
}

void UpstreamSet::show_on(std::shared_ptr<PoolView> view) {
  view_ = std::move(view);
  for (std::uint32_t i = 0; i < size(); ++i) show(i);
}

void UpstreamSet::show(std::uint32_t server) const noexcept {
  if (view_ == nullptr) return;
  view_->write(server,
               {.health = health(server), .reason = reason(server), .drains = drains(server)});
}

std::uint32_t UpstreamSet::size() const noexcept {
  return static_cast<std::uint32_t>(servers_.size());
}

const config::HttpServer& UpstreamSet::config(std::uint32_t server) const noexcept {
  return servers_[server].config;
}

const std::string& UpstreamSet::label(std::uint32_t server) const noexcept {
  return servers_[server].label;
}

ServerMask UpstreamSet::candidates(ServerMask tried, std::uint64_t now_ms) const noexcept {
  ServerMask primaries = 0;
  ServerMask backups = 0;
  ServerMask last_resort = 0;
  for (std::uint32_t i = 0; i < size(); ++i) {
    const Server& server = servers_[i];
    if (server.drain || server.active == Health::down || (tried & server_bit(i)) != 0) continue;
    if (server.passive.admits(now_ms))
      (server.config.backup ? backups : primaries) |= server_bit(i);
    else if (!server.passive.on_trial())
      last_resort |= server_bit(i);
  }
  if (primaries != 0) return primaries;
  return backups != 0 ? backups : last_resort;
}

std::uint32_t UpstreamSet::weight(std::uint32_t index, std::uint64_t now_ms) const noexcept {
  const Server& server = servers_[index];
  const std::uint32_t full = full_weight(index);
  if (!server.slow_start) return full;
  const std::uint64_t since_ms = now_ms - server.back_since_ms;
  if (since_ms >= slow_start_ms_) return full;
  return static_cast<std::uint32_t>(full / 10 +
                                    std::uint64_t{full} * 9 / 10 * since_ms / slow_start_ms_);
}

std::uint32_t UpstreamSet::full_weight(std::uint32_t server) const noexcept {
  return std::max(servers_[server].config.weight, 1u) * kWeightScale;
}

std::uint32_t UpstreamSet::in_flight(std::uint32_t server) const noexcept {
  return servers_[server].in_flight;
}

ServerLease UpstreamSet::acquire(std::uint32_t index) noexcept {
  Server& server = servers_[index];
  ++server.in_flight;
  const bool trial = server.passive.begin();
  if (trial) show(index);
  return {.server = index, .trial = trial};
}

void UpstreamSet::succeeded(ServerLease& lease, std::uint64_t now_ms) noexcept {
  CHECK(!lease.reported);
  lease.reported = true;
  Server& server = servers_[lease.server];
  if (server.last_failure == Broken::none && server.passive.health() == Health::up) return;
  server.last_failure = Broken::none;
  server.detail.clear();
  if (server.passive.succeeded()) came_back(server, now_ms);
  show(lease.server);
}

void UpstreamSet::failed(ServerLease& lease, Broken why, std::uint64_t now_ms) noexcept {
  CHECK(!lease.reported);
  lease.reported = true;
  Server& server = servers_[lease.server];
  server.passive.failed(lease.trial, why, now_ms);
  server.last_failure = why;
  ++server.untold;
  show(lease.server);
}

void UpstreamSet::explain(std::uint32_t server, std::string detail) {
  servers_[server].detail = std::move(detail);
}

const std::string& UpstreamSet::detail(std::uint32_t server) const noexcept {
  return servers_[server].detail;
}

std::uint64_t UpstreamSet::take_untold(std::uint32_t index, std::uint64_t now_ms) noexcept {
  Server& server = servers_[index];
  if (server.told_ms != 0 && now_ms < server.told_ms + kTellMs) return 0;
  if (server.untold > 0) server.told_ms = now_ms;
  return std::exchange(server.untold, 0);
}

void UpstreamSet::release(const ServerLease& lease) noexcept {
  Server& server = servers_[lease.server];
  CHECK(server.in_flight > 0);
  --server.in_flight;
  if (lease.reported) return;
  server.passive.gave_up(lease.trial);
  if (lease.trial) show(lease.server);
}

void UpstreamSet::set_active(const HealthChange& change, std::uint64_t now_ms) noexcept {
  Server& server = servers_[change.server];
  const bool was_down = server.active == Health::down;
  server.active = change.health;
  server.reason = change.reason;
  if (change.health == Health::down) return show(change.server);
  // Good probes forgive what requests have found.
  const bool good = change.reason.kind == HealthReason::Kind::good;
  const bool was_out = server.passive.health() == Health::down;
  if (was_down || good) server.passive.reset();
  if (was_down || (good && was_out)) came_back(server, now_ms);
  show(change.server);
}

void UpstreamSet::set_drain(std::uint32_t index, bool drain, std::uint64_t now_ms) noexcept {
  Server& server = servers_[index];
  if (server.drain && !drain) came_back(server, now_ms);
  server.drain = drain;
  show(index);
}

void UpstreamSet::came_back(Server& server, std::uint64_t now_ms) const noexcept {
  if (slow_start_ms_ == 0) return;
  server.slow_start = true;
  server.back_since_ms = now_ms;
}

Health UpstreamSet::health(std::uint32_t index) const noexcept {
  return std::max(servers_[index].active, servers_[index].passive.health());
}

HealthReason UpstreamSet::reason(std::uint32_t index) const noexcept {
  const Server& server = servers_[index];
  if (server.passive.health() > server.active) {
    return {.kind = HealthReason::Kind::connection, .broken = server.passive.reason()};
  }
  const bool probed_well = server.reason.kind <= HealthReason::Kind::good;
  if (server.last_failure == Broken::none || !probed_well) return server.reason;
  return {.kind = HealthReason::Kind::connection, .broken = server.last_failure};
}

bool UpstreamSet::drains(std::uint32_t server) const noexcept { return servers_[server].drain; }

}  // namespace sallyport::http_door
