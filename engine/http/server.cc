#include "engine/http/server.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <optional>
#include <thread>

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "engine/http/server_core.h"
#include "engine/limits.h"
#include "protocol/check.h"
#include "verify/clock.h"
#include "verify/thread.h"

namespace sallyport::http_door {
namespace {

/// How often the control thread looks: a grant that ends cuts its streams off within a second.
constexpr auto kPeriod = std::chrono::milliseconds(250);
constexpr std::uint32_t kLooksASecond = 4;

std::int64_t unix_s() { return static_cast<std::int64_t>(verify::unix_ms() / 1000); }

std::shared_ptr<const AccessBinding> make_binding(const config::Gate& config,
                                                  std::vector<AccessKey> keys) {
  if (!config.on || config.settings.bind == verify::Bind::address) {
    return std::make_shared<const AccessBinding>();
  }
  const CookieRules rules{.domain = config.cookie_domain, .insecure = config.insecure_cookie};
  return std::make_shared<const AccessBinding>(
      AccessBinding{.bind = config.settings.bind,
                    .cookie = std::string(cookie_name(verify::GateCookie::Name::access, rules)),
                    .keys = std::move(keys)});
}

}  // namespace

std::expected<void, std::string> HttpServer::Impl::open_gate(const config::Config& config,
                                                             verify::PoolSettings push) {
  if (!config.gate.on) return {};
  if (kept.store == nullptr) return std::unexpected("the gate needs a [store]");
  auto opened =
      Gatehouse::open(config, std::move(push),
                      {.store = *kept.store,
                       .sealer = *kept.sealer,
                       .grants = book,
                       .audit = [this](const verify::GateEvent& event) { tell(event); },
                       .deliver =
                           [this](GateErrand* errand) {
                             return doors[errand->ticket.shard]->post(GateAnswered{errand});
                           },
                       .keys_changed = [this] { keys_changed.store(true); }});
  if (!opened) return std::unexpected(std::move(opened.error()));
  gate = std::move(*opened);
  users_of_gate.emplace(gate->gate());
  users = &*users_of_gate;
  return {};
}

void HttpServer::Impl::tell(const verify::GateEvent& event) {
  events.push(audit_event_of(event, "visitor", verify::unix_ms()));
}

std::vector<AccessKey> HttpServer::Impl::access_keys() const {
  return gate == nullptr ? std::vector<AccessKey>() : gate->access_keys();
}

void HttpServer::Impl::watch_store() {
  if (kept.store == nullptr) return;
  using Kind = verify::RecordKind;
  kept.store->watch({Kind::grant, Kind::visit, Kind::key},
                    {.changed =
                         [this](const verify::RecordChange& change) {
                           if (change.key.kind == Kind::grant) {
                             book.changed(change);
                           } else if (gate != nullptr) {
                             gate->changed(change);
                           }
                         },
                     .resync =
                         [this] {
                           book.resync();
                           if (gate != nullptr) gate->resync();
                         }});
}

std::expected<void, std::string> HttpServer::Impl::open(ring::Reactors& reactors,
                                                        AccessQueue& access,
                                                        std::optional<HttpHeritage> heritage) {
  stop_event = ring::FileDescriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop_event.valid()) return std::unexpected("cannot create an eventfd");
  auto lists = Whitelists::open(configured.whitelists, verify::monotonic_ms(), stop_event.get());
  if (!lists) return std::unexpected(std::move(lists.error()));
  whitelists = std::move(*lists);
  if (!configured.control_socket.empty()) {
    if (heritage && heritage->control.valid()) {
      control_socket = ControlSocket::take(configured.control_socket, std::move(heritage->control));
    } else {
      auto socket = ControlSocket::open(configured.control_socket);
      if (!socket) return std::unexpected(std::move(socket.error()));
      control_socket = std::move(*socket);
    }
  }
  SystemRandom random;
  tickets = std::make_shared<ring::TicketKeys>(verify::unix_ms(), random);
  base = {.tickets = tickets,
          .whitelist = whitelists->set(),
          .binding = make_binding(configured_gate, access_keys()),
          .gate = gate == nullptr ? nullptr : gate->front(),
          .cookie_key = {}};
  random.fill(base.cookie_key);
  // Before they are read: what changes meanwhile is then read again.
  files = std::make_unique<ring::TlsFiles>(watched_files(configured));
  auto made = make_settings(configured, base, unix_s());
  if (!made) return std::unexpected(std::move(made.error()));
  for (const std::string& warning : made->warnings) spdlog::warn("http: {}", warning);
  settings.push_back(std::move(made->settings));

  auto opened = heritage ? inherit_listening(configured.listeners, reactors.count(),
                                             std::move(heritage->sockets))
                         : open_listening(configured.listeners, reactors.count());
  if (!opened) return std::unexpected(std::move(opened.error()));
  sockets = std::move(*opened);
  for (const std::string& name : sockets_left_over()) {
    spdlog::warn(
        "http: systemd has handed over a socket named \"{}\" that no [[http.listener]] names: "
        "visitors wait there in vain",
        name);
  }
  const auto shards = static_cast<std::uint32_t>(reactors.count());
  for (std::uint32_t shard = 0; shard < shards; ++shard) {
    DoorPlan plan;
    plan.shard = static_cast<std::uint16_t>(shard);
    plan.settings = settings.back();
    for (const ListeningSocket& socket : sockets) {
      plan.listeners.push_back(socket.of_shard(shard));
      plan.listener_of.push_back(socket.listener);
    }
    plan.grants = &book.publication();
    plan.slides = &book.slides();
    plan.desk = gate == nullptr ? nullptr : &gate->desk();
    plan.access = &access;
    plan.board = &board;
    plan.max_connections = (configured.max_connections + shards - 1) / shards;
    plan.max_buffers = std::clamp<std::uint32_t>(
        configured.max_buffer_memory / limits::kStreamBufferOctets / shards, 64, 65'536);
    auto door = Door::open(std::move(plan), reactors[shard]);
    if (!door) return std::unexpected(std::move(door.error()));
    doors.push_back(std::move(*door));
  }
  std::vector<Door*> others;
  for (std::size_t shard = 1; shard < doors.size(); ++shard) others.push_back(doors[shard].get());
  doors[0]->know_others(std::move(others));
  watch_store();
  return {};
}

std::expected<void, std::string> HttpServer::Impl::reload(const config::Config& whole) {
  const config::Http& config = whole.http;
  const char* const restart = " cannot change while sallyport runs: restart it";
  std::unique_lock lock(mutex);
  if (config.listeners != configured.listeners) {
    return std::unexpected(std::string("http.listener") + restart);
  }
  if (config.max_connections != configured.max_connections ||
      config.max_buffer_memory != configured.max_buffer_memory) {
    return std::unexpected(std::string("http.max_connections and http.max_buffer_memory") +
                           restart);
  }
  // Not under the lock: a new command takes its time, and grants end meanwhile. What an old one
  // prints in between is known with its next run.
  const Whitelists before = *whitelists;
  lock.unlock();
  auto lists =
      Whitelists::open(config.whitelists, verify::monotonic_ms(), stop_event.get(), &before);
  std::optional<Gatehouse::Parts> parts;
  if (gate != nullptr) {
    auto prepared = Gatehouse::prepare(whole);
    if (!prepared) return std::unexpected(std::move(prepared.error()));
    parts = std::move(*prepared);
  }
  lock.lock();
  if (!lists) return std::unexpected(std::move(lists.error()));
  SettingsBase wanted = base;
  wanted.whitelist = lists->set();
  if (parts) {
    wanted.gate = parts->front;
    wanted.binding = make_binding(whole.gate, access_keys());
  }
  auto watched = std::make_unique<ring::TlsFiles>(watched_files(config));
  auto made = make_settings(config, wanted, unix_s());
  if (!made) return std::unexpected(std::move(made.error()));
  // From here on nothing fails.
  for (const std::string& warning : made->warnings) spdlog::warn("http: {}", warning);
  whitelists = std::move(*lists);
  base = std::move(wanted);
  if (config.ipv6_prefix != configured.ipv6_prefix) {
    book.regroup(static_cast<std::uint8_t>(config.ipv6_prefix));
  }
  if (parts) {
    gate->use(std::move(*parts));
    keys_changed.store(true);  // they may be the configuration's now, or ours again
  }
  configured = config;
  configured_gate = whole.gate;
  files = std::move(watched);
  hand_over(std::move(made->settings));
  return {};
}

void HttpServer::Impl::hand_over(std::shared_ptr<const DoorSettings> next) {
  // Freed here, so that no shard pays for it.
  handovers.remove_if([](const Handover& handover) {
    return handover.shards_left.load(std::memory_order_acquire) == 0;
  });
  std::erase_if(settings, [](const auto& held) { return held.use_count() == 1; });
  settings.push_back(std::move(next));
  Handover& handover = handovers.emplace_back();
  handover.settings = settings.back();
  handover.shards_left = static_cast<std::uint32_t>(doors.size());
  for (const auto& door : doors) post_surely(*door, TakeOver{&handover});
}

void HttpServer::Impl::recheck() {
  for (const auto& door : doors) post_surely(*door, Recheck{});
}

void HttpServer::Impl::look() {
  const std::uint64_t now_unix_ms = verify::unix_ms();
  SystemRandom random;
  tickets->rotate(now_unix_ms, random);
  // Where a route has a duration of its own, access ends between the ends of grants.
  const auto own = [](const config::HttpRoute& route) { return route.access_duration_ms > 0; };
  if (++looks % kLooksASecond == 0 && std::ranges::any_of(configured.routes, own)) recheck();
  std::vector<std::string> problems;
  bool again = whitelists->refresh_files(problems);
  for (const std::string& problem : problems) spdlog::error("http: {}", problem);
  again |= std::exchange(lists_changed, false);
  if (again) base.whitelist = whitelists->set();
  again |= files->changed();
  if (gate != nullptr) {
    gate->look(now_unix_ms);
    if (keys_changed.exchange(false)) {
      base.binding = make_binding(configured_gate, access_keys());
      again = true;
    }
  }
  if (!again) return;
  auto made = make_settings(configured, base, unix_s());
  if (!made) {
    spdlog::error("http: {}; what runs stays as it is", made.error());
    return;
  }
  for (const std::string& warning : made->warnings) spdlog::warn("http: {}", warning);
  hand_over(std::move(made->settings));
}

void HttpServer::Impl::wait() {
  std::array<pollfd, 2> ready{{{.fd = stop_event.get(), .events = POLLIN, .revents = 0},
                               {.fd = control_socket && obeys.load() ? control_socket->fd() : -1,
                                .events = POLLIN,
                                .revents = 0}}};
  if (::poll(ready.data(), ready.size(), static_cast<int>(kPeriod.count())) <= 0) return;
  if (ready[1].revents == 0) return;
  // Whoever has come since another process took over is that one's.
  const std::scoped_lock obeying(obedience);
  if (!obeys.load()) return;
  std::unique_lock lock(mutex);
  const OperatorWorld world{.grants = book,
                            .users = users,
                            .audit = events,
                            .now_ms = verify::unix_ms(),
                            .access_ms = configured.access_duration_ms};
  lock.unlock();
  control_socket->serve(
      [&world](std::string_view line, std::string_view who) { return obey(line, who, world); });
}

void HttpServer::Impl::run_commands() {
  verify::begin_thread("http-lists");
  std::unique_lock lock(mutex);
  while (!stopping) {
    const auto due = whitelists->take_due(verify::monotonic_ms());
    if (!due) {
      stop_requested.wait_for(lock, kPeriod);
      continue;
    }
    lock.unlock();
    auto addresses = Whitelists::read(*due, stop_event.get());
    lock.lock();
    if (stopping) return;
    std::vector<std::string> problems;
    lists_changed |= whitelists->update(*due, std::move(addresses), problems);
    for (const std::string& problem : problems) spdlog::error("http: {}", problem);
  }
}

void HttpServer::Impl::control() {
  verify::begin_thread("http-control");
  std::unique_lock lock(mutex);
  while (!stopping) {
    lock.unlock();
    wait();
    lock.lock();
    if (!stopping) look();
  }
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpServer::~HttpServer() {
  CHECK(!impl_->thread.joinable() && !impl_->commands.joinable());
  impl_->shut_sockets();
}

std::expected<std::unique_ptr<HttpServer>, std::string> HttpServer::open(
    const config::Config& config, ring::Reactors& reactors, AccessQueue& access,
    AuditEvents& events, verify::PoolSettings push, std::optional<HttpHeritage> heritage) {
  events.turn(config.log.audit);
  auto store =
      open_store(config.store, heritage ? verify::FileUse::shared : verify::FileUse::alone);
  if (!store) return std::unexpected(std::move(store.error()));
  auto impl = std::make_unique<Impl>(config, events, std::move(*store));
  if (const auto opened = impl->open_gate(config, std::move(push)); !opened)
    return std::unexpected(opened.error());
  if (const auto opened = impl->open(reactors, access, std::move(heritage)); !opened)
    return std::unexpected(opened.error());
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

HttpServer::Shared HttpServer::shared() noexcept {
  return {.store = impl_->kept.store.get(),
          .sealer = impl_->kept.sealer ? &*impl_->kept.sealer : nullptr,
          .gate = impl_->gate.get()};
}

void HttpServer::use(UserCommands& users) noexcept {
  if (impl_->users == nullptr) impl_->users = &users;
}

void HttpServer::start() {
  impl_->book.start();
  if (impl_->gate != nullptr) impl_->gate->start();
  impl_->thread = std::thread([this] { impl_->control(); });
  impl_->commands = std::thread([this] { impl_->run_commands(); });
}

std::expected<void, std::string> HttpServer::reload(const config::Config& config) {
  auto taken = impl_->reload(config);
  if (taken) impl_->events.turn(config.log.audit);
  return taken;
}

void HttpServer::drain(std::chrono::milliseconds grace) {
  if (!impl_->thread.joinable()) return;
  {
    const std::scoped_lock lock(impl_->mutex);
    impl_->stopping = true;
  }
  static_cast<void>(::eventfd_write(impl_->stop_event.get(), 1));
  impl_->stop_requested.notify_all();
  impl_->thread.join();
  impl_->commands.join();
  impl_->book.stop();
  const auto deadline = std::chrono::steady_clock::now() + grace;
  impl_->shut_sockets();
  if (impl_->gate != nullptr) impl_->gate->let_go();
  for (const auto& door : impl_->doors) post_surely(*door, Drain{});
  const auto busy = [this] {
    return std::ranges::any_of(impl_->doors, [](const auto& door) { return door->busy() > 0; });
  };
  while (busy() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  if (impl_->gate != nullptr) impl_->gate->stop();
}

std::optional<GateStatus> HttpServer::gate_status() const {
  if (impl_->gate == nullptr) return std::nullopt;
  return impl_->gate->status();
}

std::optional<verify::StoreHealth> HttpServer::store_health() const {
  if (impl_->kept.store == nullptr) return std::nullopt;
  return impl_->kept.store->health();
}

std::optional<MessageStatus> HttpServer::message_status() const {
  if (impl_->gate == nullptr) return std::nullopt;
  return impl_->gate->message_status();
}

std::vector<UpstreamState> HttpServer::upstreams() const { return impl_->board.read(); }

std::vector<const HttpMetrics*> HttpServer::metrics() const {
  std::vector<const HttpMetrics*> all;
  for (const auto& door : impl_->doors) all.push_back(&door->metrics());
  return all;
}

std::size_t HttpServer::grants_open() const { return impl_->book.size(); }

std::vector<std::string> HttpServer::listening() const {
  std::vector<std::string> all;
  for (const ListeningSocket& socket : impl_->sockets) all.push_back(socket.text);
  return all;
}

}  // namespace sallyport::http_door
