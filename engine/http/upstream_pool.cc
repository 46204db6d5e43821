#include "engine/http/upstream_pool.h"

#include <algorithm>

#include "engine/http/door.h"
#include "engine/http/h1_upstream.h"
#include "engine/http/h2_upstream.h"

namespace sallyport::http_door {

UpstreamPool::UpstreamPool(Door& door, std::shared_ptr<const DoorSettings> settings,
                           std::uint32_t index, const UpstreamPool* before)
    : door_(door),
      settings_(std::move(settings)),
      index_(index),
      servers_(settings_->pools[index].config),
      balancer_(settings_->pools[index].config, settings_->config.ipv6_prefix,
                settings_->cookie_key),
      idle_(settings_->pools[index].config.servers.size()),
      shared_(settings_->pools[index].config.servers.size()) {
  if (before != nullptr) servers_.adopt(before->servers_);
  if (UpstreamBoard* const board = door.board()) {
    std::vector<std::string> labels;
    for (std::uint32_t i = 0; i < servers_.size(); ++i) labels.push_back(servers_.label(i));
    servers_.show_on(board->enter(this->settings().config.name, std::move(labels)));
  }
}

UpstreamPool::~UpstreamPool() = default;

bool UpstreamPool::same_as(const DoorSettings& next, std::uint32_t index) const noexcept {
  const PoolSettings& wanted = next.pools[index];
  return wanted.config == settings().config && wanted.addresses == settings().addresses &&
         wanted.config.ca_file.empty() &&
         next.config.ipv6_prefix == settings_->config.ipv6_prefix &&
         next.cookie_key == settings_->cookie_key;
}

UpstreamSide* UpstreamPool::open(std::uint32_t server, ExchangeEvents& exchange, bool fresh) {
  if (settings().config.protocol == config::UpstreamProtocol::h2) {
    return open_shared(server, exchange);
  }
  auto& idle = idle_[server];
  while (!fresh && !idle.empty()) {
    H1Upstream& kept = *idle.back();
    if (!kept.usable()) {
      kept.close();  // forget() takes it off the list
      continue;
    }
    idle.pop_back();
    door_.counts().upstream_reuses.add();
    kept.use(exchange);
    return &kept;
  }
  const ring::StreamId stream = connect(server);
  if (!stream.valid()) return nullptr;
  door_.counts().upstream_connects.add();
  auto connection = std::make_unique<H1Upstream>(door_, shared_from_this(), server, stream);
  connection->use(exchange);
  door_.attach(stream, *connection);
  return connection.release();  // it owns itself: H1Upstream::close
}

ring::StreamId UpstreamPool::connect(std::uint32_t server) {
  const config::HttpServer& config = settings().config.servers[server];
  if (!config.unix_path.empty()) return door_.streams().connect_unix(config.unix_path, 0);
  const std::string& name =
      settings().config.server_name.empty() ? config.host : settings().config.server_name;
  return door_.streams().connect(settings().addresses[server], 0, settings().tls.get(), name);
}

UpstreamSide* UpstreamPool::open_shared(std::uint32_t server, ExchangeEvents& exchange) {
  for (H2Upstream* connection : shared_[server]) {
    if (!connection->can_open()) continue;
    door_.counts().upstream_reuses.add();
    return &connection->open(exchange);
  }
  const ring::StreamId stream = connect(server);
  if (!stream.valid()) return nullptr;
  door_.counts().upstream_connects.add();
  auto connection = std::make_unique<H2Upstream>(door_, shared_from_this(), server, stream);
  door_.attach(stream, *connection);
  H2Upstream& made = *connection.release();  // it owns itself: H2Upstream::close
  shared_[server].push_back(&made);
  return &made.open(exchange);
}

void UpstreamPool::forget(H2Upstream& connection) {
  std::erase(shared_[connection.server()], &connection);
}

void UpstreamPool::keep(H1Upstream& connection) {
  auto& idle = idle_[connection.server()];
  if (retired_ || idle.size() >= settings().config.max_idle) return connection.close();
  idle.push_back(&connection);
}

void UpstreamPool::forget(H1Upstream& connection) {
  // Mostly the last: what was kept last is used next.
  auto& idle = idle_[connection.server()];
  const auto found = std::find(idle.rbegin(), idle.rend(), &connection);
  if (found != idle.rend()) idle.erase(std::next(found).base());
}

void UpstreamPool::retire() {
  retired_ = true;
  servers_.show_on(nullptr);
  const auto self = shared_from_this();  // the connections may hold the last reference
  for (auto& idle : idle_) {
    while (!idle.empty()) idle.back()->close();
  }
  for (auto& shared : shared_) {
    for (H2Upstream* connection : shared) connection->drain();
  }
}

}  // namespace sallyport::http_door
