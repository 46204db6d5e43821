#include "engine/daemon/daemon.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include "engine/admin/pages.h"
#include "engine/daemon/settings.h"
#include "verify/clock.h"

namespace sallyport::daemon {

Daemon::Daemon(config::Config config, log::Log& log)
    : config_(std::move(config)),
      log_(log),
      audit_queue_(log::kAuditQueueRecords),
      access_queue_(config_.http.listeners.empty() ? 2 : log::kAccessQueueRecords),
      audit_writer_(audit_queue_, log.output(), log.style()) {}

std::expected<std::unique_ptr<Daemon>, std::string> Daemon::start(config::Config config,
                                                                  log::Log& log) {
  std::unique_ptr<Daemon> daemon(new Daemon(std::move(config), log));
  if (auto opened = daemon->open(); !opened) return std::unexpected(std::move(opened.error()));
  daemon->run();
  daemon->running_ = true;
  return daemon;
}

std::expected<void, std::string> Daemon::open() {
  auto reactors = ring::Reactors::open(radius_door::reactors_plan(config_.radius));
  if (!reactors) return std::unexpected(std::move(reactors.error()));
  reactors_ = std::move(*reactors);
  identity_ = {.version = SALLYPORT_VERSION,
               .listening = {},
               .downstream = {},
               .started_unix_ms = verify::unix_ms()};
  if (config_.has_radius) {
    if (auto opened = open_radius(); !opened) return opened;
  }
  if (!config_.http.listeners.empty()) {
    auto http = http_door::HttpServer::open(config_, *reactors_, access_queue_);
    if (!http) return std::unexpected(std::move(http.error()));
    http_ = std::move(*http);
    http_metrics_ = http_->metrics();
    audit_writer_.write_access_of(access_queue_);
    for (const std::string& text : http_->listening()) identity_.listening.push_back(text);
  }
  if (!config_.admin.listen) return {};
  auto admin = admin::HttpListener::open(*config_.admin.listen, [this](std::string_view path) {
    return admin::page_for(path, snapshot());
  });
  if (admin) {
    admin_ = std::move(*admin);
  } else if (config_.admin.required) {
    return std::unexpected(std::move(admin.error()));
  } else {
    spdlog::warn("admin: {}; running without it", admin.error());
  }
  return {};
}

std::expected<void, std::string> Daemon::open_radius() {
  auto radius = radius_door::RadiusServer::open(config_, *reactors_, audit_queue_);
  if (!radius) return std::unexpected(std::move(radius.error()));
  radius_ = std::move(*radius);
  pool_ = std::make_unique<verify::Pool>(pool_settings(config_), radius_->verdicts());
  radius_->use(*pool_);
  identity_.downstream = downstream_text(config_.downstream);
  for (const Endpoint& endpoint : radius_->listening())
    identity_.listening.push_back(endpoint.text());
  shard_metrics_ = radius_->metrics();
  verify_metrics_ = pool_->metrics();
  return {};
}

void Daemon::run() {
  // Whoever receives starts before whoever sends.
  audit_writer_.start();
  if (pool_) pool_->start();
  if (http_) http_->start();
  if (admin_) admin_->start();
  reactors_->start();
}

void Daemon::stop(std::chrono::milliseconds grace) {
  if (std::exchange(stopped_, true)) return;
  const auto until = std::chrono::steady_clock::now() + grace;
  const auto left = [until] {
    const auto rest = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    return std::max(rest, std::chrono::milliseconds(0));
  };
  if (radius_) radius_->drain(left());
  if (http_) http_->drain(left());
  reactors_->stop();
  if (pool_) pool_->stop();
  audit_writer_.stop();
  if (admin_) admin_->stop();
  if (audit_writer_.lost() > 0)
    spdlog::error("audit: {} records could not be written", audit_writer_.lost());
}

Daemon::~Daemon() {
  if (running_) stop(std::chrono::milliseconds(0));
}

std::expected<void, std::string> Daemon::reload(config::Config wanted) {
  if (const auto keys = restart_needed_for(config_, wanted); !keys.empty())
    return std::unexpected(
        fmt::format("{} cannot change while sallyport runs: restart it", fmt::join(keys, ", ")));
  if (radius_) {
    if (auto taken = radius_->reload(wanted); !taken) return taken;
  }
  if (http_) {
    if (auto taken = http_->reload(wanted); !taken) return taken;
  }
  log::Log::set_level(wanted.log.level);
  config_ = std::move(wanted);
  return {};
}

std::string Daemon::listening_text() const {
  std::string text;
  if (radius_) {
    std::vector<std::string> addresses;
    for (const Endpoint& endpoint : radius_->listening()) addresses.push_back(endpoint.text());
    text = fmt::format("RADIUS on {}, ", fmt::join(addresses, ", "));
  }
  if (http_) text += fmt::format("HTTP on {}, ", fmt::join(http_->listening(), ", "));
  return text + fmt::format("admin {}, {} shard{}",
                            admin_ ? "on " + admin_->listening().text() : "off", reactors_->count(),
                            reactors_->count() == 1 ? "" : "s");
}

admin::Snapshot Daemon::snapshot() const {
  // Without a RADIUS door nothing is asked of Notakey: what runs is well.
  verify::Health well;
  well.state = verify::HealthState::ok;
  return {.identity = identity_,
          .shards = shard_metrics_,
          .verify_threads = verify_metrics_,
          .http_shards = http_metrics_,
          .http_grants = http_ ? http_->grants_open() : 0,
          .health = pool_ ? pool_->health() : well,
          .log = {.lost_lines = log_.lost_lines(),
                  .audit_written = audit_writer_.written(),
                  .audit_lost = audit_writer_.lost()},
          .process = admin::read_process_stats(),
          .now_unix_ms = verify::unix_ms()};
}

}  // namespace sallyport::daemon
