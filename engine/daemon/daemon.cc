#include "engine/daemon/daemon.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include "engine/admin/pages.h"
#include "engine/config/report.h"
#include "engine/daemon/settings.h"
#include "engine/http/listening.h"
#include "engine/ring/descriptor_copy.h"
#include "verify/clock.h"

namespace sallyport::daemon {
namespace {

// Names of what one process gives to the next (takeover.h).
constexpr std::string_view kRadius = "radius ";
constexpr std::string_view kCoa = "coa ";
constexpr std::string_view kTls = "radsec ";
constexpr std::string_view kAdmin = "admin ";
constexpr std::string_view kReturns = "returns";
constexpr std::string_view kControl = "control ";
constexpr std::string_view kHttp = "http ";
constexpr std::string_view kGeneration = "generation ";
/// A million clients and a downstream's name that resolves slowly.
constexpr std::chrono::seconds kReadyWithin{60};
/// For downloads, WebSockets and the like that visitors have with a process that another one has
/// taken over from. As long no other can take over.
constexpr std::chrono::seconds kVisitorsAtMost{300};

/// Of this process, as the one before it counts; it may go round.
std::uint8_t generation_after(Predecessor& predecessor) {
  for (const std::string& name : predecessor.names()) {
    if (!name.starts_with(kGeneration)) continue;
    std::uint8_t before = 0;
    std::from_chars(name.data() + kGeneration.size(), name.data() + name.size(), before);
    static_cast<void>(predecessor.take(name));
    return static_cast<std::uint8_t>(before + 1);
  }
  return 0;
}

}  // namespace

Daemon::Daemon(config::Config config, log::Log& log)
    : config_(std::move(config)),
      log_(log),
      audit_queue_(log::kAuditQueueRecords),
      coa_audit_queue_(config_.coa.listen.empty() ? 2 : log::kCoaQueueRecords),
      access_queue_(config_.http.listeners.empty() ? 2 : log::kAccessQueueRecords),
      audit_writer_(audit_queue_, log.output(), log.style()) {}

std::expected<std::unique_ptr<Daemon>, std::string> Daemon::start(config::Config config,
                                                                  log::Log& log,
                                                                  Predecessor* predecessor) {
  std::unique_ptr<Daemon> daemon(new Daemon(std::move(config), log));
  if (predecessor != nullptr) daemon->generation_ = generation_after(*predecessor);
  if (auto opened = daemon->open(predecessor); !opened)
    return std::unexpected(std::move(opened.error()));
  if (predecessor != nullptr) {
    if (const auto legacy = predecessor->wait_go()) {
      if (daemon->radius_) daemon->radius_->respect(*legacy);
    } else {
      spdlog::warn("upgrade: of what the old process remembered nothing is known: {}",
                   legacy.error());
    }
  }
  daemon->run();
  daemon->running_ = true;
  return daemon;
}

std::expected<void, std::string> Daemon::open(Predecessor* predecessor) {
  auto reactors = ring::Reactors::open(radius_door::reactors_plan(config_));
  if (!reactors) return std::unexpected(std::move(reactors.error()));
  reactors_ = std::move(*reactors);
  identity_ = {.version = SALLYPORT_VERSION,
               .listening = {},
               .downstream = {},
               .started_unix_ms = verify::unix_ms()};
  if (config_.has_radius) {
    if (auto opened = open_radius(predecessor); !opened) return opened;
  }
  if (!config_.http.listeners.empty()) {
    auto http = http_door::HttpServer::open(config_, *reactors_, access_queue_, audit_events_,
                                            pool_settings(config_), http_heritage(predecessor));
    if (!http) return std::unexpected(std::move(http.error()));
    http_ = std::move(*http);
    http_metrics_ = http_->metrics();
    audit_writer_.write_access_of(access_queue_);
    audit_writer_.write_events_of(audit_events_);
    for (const std::string& text : http_->listening()) identity_.listening.push_back(text);
  }
  if (!http_) {  // it tells of them itself
    for (const std::string& name : http_door::sockets_left_over())
      spdlog::warn("systemd has handed over a socket named \"{}\", and no listener names it", name);
  }
  if (radius_ && config::holds_logins(config_)) {
    if (auto opened = open_codes(predecessor); !opened) return opened;
  }
  return open_admin(predecessor);
}

std::optional<http_door::HttpHeritage> Daemon::http_heritage(Predecessor* predecessor) const {
  if (predecessor == nullptr) return std::nullopt;
  http_door::HttpHeritage heritage;
  for (const std::string& name : predecessor->names()) {
    if (name.starts_with(kHttp))
      heritage.sockets.push_back(
          {.name = name.substr(kHttp.size()), .sockets = predecessor->take(name)});
  }
  auto control = predecessor->take(std::string(kControl) + config_.http.control_socket);
  if (!control.empty()) heritage.control = std::move(control.front());
  return heritage;
}

std::expected<void, std::string> Daemon::open_codes(Predecessor* predecessor) {
  CodesHeritage heritage{.generation = generation_};
  if (predecessor != nullptr) {
    heritage.use = verify::FileUse::shared;
    auto control = predecessor->take(std::string(kControl) + config_.http.control_socket);
    if (!control.empty()) heritage.control = std::move(control.front());
  }
  auto codes = Codes::open(config_, http_.get(), radius_->codes(), radius_->verdicts(),
                           audit_events_, std::move(heritage));
  if (!codes) return std::unexpected(std::move(codes.error()));
  codes_ = std::move(*codes);
  radius_->use(codes_->challenges(), codes_->links());
  if (!http_) audit_writer_.write_events_of(audit_events_);
  return {};
}

std::expected<void, std::string> Daemon::open_admin(Predecessor* predecessor) {
  if (!config_.admin.listen) return {};
  const auto page = [this](std::string_view path) { return admin::page_for(path, snapshot()); };
  std::vector<ring::FileDescriptor> inherited;
  if (predecessor != nullptr)
    inherited = predecessor->take(std::string(kAdmin) + config_.admin.listen->text());
  auto admin = inherited.empty() ? admin::HttpListener::open(*config_.admin.listen, page)
                                 : admin::HttpListener::take(std::move(inherited.front()), page);
  if (admin) {
    admin_ = std::move(*admin);
  } else if (config_.admin.required) {
    return std::unexpected(std::move(admin.error()));
  } else {
    spdlog::warn("admin: {}; running without it", admin.error());
  }
  return {};
}

std::expected<void, std::string> Daemon::open_radius(Predecessor* predecessor) {
  std::optional<radius_door::Inheritance> inheritance;
  if (predecessor != nullptr) {
    inheritance.emplace();
    inheritance->returns = predecessor->take(kReturns);
    for (const std::string& name : predecessor->names()) {
      const auto take = [&](std::string_view prefix,
                            std::vector<radius_door::ListenerCopies>& copies) {
        if (!name.starts_with(prefix)) return;
        copies.push_back({.name = name.substr(prefix.size()), .sockets = predecessor->take(name)});
      };
      take(kRadius, inheritance->listeners);
      take(kCoa, inheritance->coa_listeners);
      take(kTls, inheritance->tls_listeners);
    }
  }
  auto radius = radius_door::RadiusServer::open(config_, *reactors_, audit_queue_, coa_audit_queue_,
                                                std::move(inheritance));
  if (!radius) return std::unexpected(std::move(radius.error()));
  radius_ = std::move(*radius);
  if (config_.notakey.host.empty()) {
    radius_->use(no_phone_);
  } else {
    verify::PoolSettings pool = pool_settings(config_);
    pool.limits = config_.second_factor.limits;  // the gate has its own
    pool_ = std::make_unique<verify::Pool>(std::move(pool), radius_->verdicts());
    radius_->use(*pool_);
    verify_metrics_ = pool_->metrics();
  }
  identity_.downstream = config::downstream_text(config_.downstream);
  for (const Endpoint& endpoint : radius_->listening())
    identity_.listening.push_back(endpoint.text());
  for (const Endpoint& endpoint : radius_->listening_tls())
    identity_.listening.push_back(endpoint.text() + " (TLS)");
  if (radius_->coa_metrics() != nullptr) audit_writer_.write_coa_of(coa_audit_queue_);
  for (const Endpoint& endpoint : radius_->coa_listening())
    identity_.listening.push_back(endpoint.text() + " (CoA)");
  forget_clients();
  shard_metrics_ = radius_->metrics();
  std::vector<const radius_door::RefusalNotes*> refusals;
  for (const radius_door::RadiusMetrics* const shard : shard_metrics_)
    refusals.push_back(&shard->refusals);
  audit_writer_.report_refusals_of(std::move(refusals));
  return {};
}

void Daemon::run() {
  // Whoever receives starts before whoever sends.
  audit_writer_.start();
  if (pool_) pool_->start();
  if (radius_) radius_->start();
  if (codes_) codes_->start();
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
  if (radius_) radius_->stop();
  if (codes_) codes_->stop();
  if (pool_) pool_->stop();
  audit_writer_.stop();
  if (admin_) admin_->stop();
  if (lost_audit() == 0) return;
  const std::string lost = fmt::format("audit: {} records could not be written", lost_audit());
  spdlog::error(lost);
  log_.output().tell_beside(lost);  // what had no room for them has none for this
}

Daemon::~Daemon() {
  if (running_) stop(std::chrono::milliseconds(0));
}

std::expected<void, std::string> Daemon::reload(config::Config wanted) {
  if (const auto keys = restart_needed_for(config_, wanted); !keys.empty())
    return std::unexpected(
        fmt::format("{} cannot change while sallyport runs: restart it", fmt::join(keys, ", ")));
  auto codes = codes_ ? Codes::prepare(wanted) : Codes::Parts{};
  if (!codes) return std::unexpected(std::move(codes.error()));
  if (radius_) {
    if (auto taken = radius_->reload(wanted); !taken) return taken;
  }
  if (http_) {
    if (auto taken = http_->reload(wanted); !taken) return taken;
  }
  if (codes_) codes_->use(std::move(*codes));
  log::Log::set_level(wanted.log.level);
  config_ = std::move(wanted);
  forget_clients();
  return {};
}

// The RADIUS door's table has copies: a million clients are not kept twice.
void Daemon::forget_clients() {
  config_.clients = {};
  config_.client_rows.reset();
}

std::expected<std::vector<NamedSockets>, std::string> Daemon::sockets() const {
  std::vector<NamedSockets> all;
  const auto add = [&all](std::string_view prefix, auto listeners) {
    if (!listeners) return std::expected<void, std::string>(std::unexpected(listeners.error()));
    for (auto& copies : *listeners)
      all.push_back(
          {.name = std::string(prefix) + copies.name, .sockets = std::move(copies.sockets)});
    return std::expected<void, std::string>();
  };
  std::expected<void, std::string> added;
  if (radius_) added = add(kRadius, radius_->listeners());
  if (radius_ && added) added = add(kTls, radius_->tls_listeners());
  if (radius_ && added) added = add(kCoa, radius_->coa_listeners());
  if (http_ && added) added = add(kHttp, http_->listeners());
  if (!added) return std::unexpected(std::move(added.error()));
  all.push_back({.name = fmt::format("{}{}", kGeneration, generation_), .sockets = {}});
  if ((http_ || codes_) && !config_.http.control_socket.empty()) {
    all.push_back({.name = std::string(kControl) + config_.http.control_socket, .sockets = {}});
    all.back().sockets.push_back(http_ ? http_->copy_of_control() : codes_->copy_of_control());
    if (!all.back().sockets.back().valid()) return std::unexpected(ring::kNoDescriptorLeft);
  }
  if (!admin_ || !config_.admin.listen) return all;
  ring::FileDescriptor copy = ring::copy_of(admin_->socket().get());
  if (!copy.valid()) return std::unexpected(ring::kNoDescriptorLeft);
  all.push_back({.name = std::string(kAdmin) + config_.admin.listen->text(), .sockets = {}});
  all.back().sockets.push_back(std::move(copy));
  return all;
}

std::expected<pid_t, std::string> Daemon::hand_over(const std::string& program,
                                                    const std::string& config_path,
                                                    const std::function<void()>& alive) {
  auto given = sockets();
  if (!given) return std::unexpected(std::move(given.error()));
  NamedSockets theirs{.name = std::string(kReturns), .sockets = {}};
  std::vector<ring::FileDescriptor> ours;
  for (std::size_t shard = 0; shard < reactors_->count(); ++shard) {
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
      return std::unexpected(ring::kNoDescriptorLeft);
    ours.emplace_back(pair[0]);
    theirs.sockets.emplace_back(pair[1]);
  }
  given->push_back(std::move(theirs));
  std::expected<void, std::string> shared;
  if (codes_) shared = codes_->share_store();
  if (http_ && shared) shared = http_->share_store();
  if (!shared) return std::unexpected("the store: " + shared.error() + ". Restart sallyport");
  auto successor = Successor::start(program, config_path, *given);
  if (!successor) return std::unexpected(std::move(successor.error()));
  if (auto ready = successor->wait_ready(kReadyWithin, alive); !ready)
    return std::unexpected(std::move(ready.error()));

  // Both never read at the same time: what arrives now waits in the sockets.
  radius_door::Legacy legacy;
  if (radius_) legacy = radius_->step_back(std::move(ours));
  if (codes_) codes_->step_back();
  if (http_) http_->step_back();
  if (!successor->go(legacy)) {
    if (http_) http_->step_forth();
    if (codes_) codes_->step_forth();
    if (radius_) radius_->step_forth();
    return std::unexpected("the new process ended when it was ready");
  }
  if (admin_) admin_->stop();
  successor_.emplace(std::move(*successor));
  return successor_->pid();
}

void Daemon::outlive_memories() {
  // Visitors may have their time beside logins.
  std::thread visitors;
  if (http_) visitors = std::thread([this] { http_->retire(kVisitorsAtMost); });
  if (radius_) outlive_logins();
  if (visitors.joinable()) visitors.join();
}

void Daemon::outlive_logins() {
  // Whoever may still answer does so in this time; the window begins with the last answer.
  const auto& downstream = config_.downstream;
  std::uint32_t held_ms = codes_ ? config_.second_factor.otp_ttl_ms : 0;
  if (config::sends_messages(config_))
    held_ms = std::max(held_ms, config_.gate.settings.token_duration_ms);
  const std::uint32_t login_ms = downstream.send_timeout_ms + downstream.receive_timeout_ms +
                                 config_.notakey.ttl_ms + config_.notakey.timeout_ms + held_ms;
  const std::uint32_t coa_ms = config_.coa.listen.empty() ? 0 : config_.coa.timeout_ms;
  const std::chrono::milliseconds owed{std::max(login_ms, coa_ms)};
  radius_->retire(owed);
  std::this_thread::sleep_for(std::chrono::milliseconds(config_.radius.duplicate_window_ms));
}

std::string Daemon::listening_text() const {
  std::string text;
  if (radius_) {
    std::vector<std::string> addresses;
    for (const Endpoint& endpoint : radius_->listening()) addresses.push_back(endpoint.text());
    for (const Endpoint& endpoint : radius_->listening_tls())
      addresses.push_back(endpoint.text() + " (TLS)");
    text = fmt::format("RADIUS on {}, ", fmt::join(addresses, ", "));
    std::vector<std::string> coa;
    for (const Endpoint& endpoint : radius_->coa_listening()) coa.push_back(endpoint.text());
    if (!coa.empty()) text += fmt::format("CoA on {}, ", fmt::join(coa, ", "));
  }
  if (http_) text += fmt::format("HTTP on {}, ", fmt::join(http_->listening(), ", "));
  return text + fmt::format("admin {}, {} shard{}",
                            admin_ ? "on " + admin_->listening().text() : "off", reactors_->count(),
                            reactors_->count() == 1 ? "" : "s");
}

admin::Snapshot Daemon::snapshot() const {
  // Where nothing is asked of Notakey, what runs is well.
  verify::Health well;
  well.state = verify::HealthState::ok;
  return {
      .identity = identity_,
      .shards = shard_metrics_,
      .spool = radius_ ? radius_->spool_metrics() : nullptr,
      .coa = radius_ ? radius_->coa_metrics() : nullptr,
      .verify_threads = verify_metrics_,
      .downstreams = radius_ ? radius_->downstreams() : std::vector<radius_door::DownstreamState>{},
      .http_shards = http_metrics_,
      .http_grants = http_ ? http_->grants_open() : 0,
      .http_upstreams = http_ ? http_->upstreams() : std::vector<http_door::UpstreamState>{},
      .gate = http_ ? http_->gate_status() : std::nullopt,
      .store = http_    ? http_->store_health()
               : codes_ ? codes_->store_health()
                        : std::nullopt,
      .messages = http_    ? http_->message_status()
                  : codes_ ? codes_->message_status()
                           : std::nullopt,
      .health = pool_ ? pool_->health() : well,
      .log = {.lost_lines = log_.lost_lines(),
              .audit_written = audit_writer_.written(),
              .audit_lost = audit_writer_.lost()},
      .process = admin::read_process_stats(),
      .now_unix_ms = verify::unix_ms()};
}

}  // namespace sallyport::daemon
