#include "engine/http/server.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <ctime>
#include <list>
#include <mutex>
#include <optional>
#include <thread>

#include <fmt/chrono.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "engine/http/control.h"
#include "engine/http/door.h"
#include "engine/http/grants.h"
#include "engine/http/grants_file.h"
#include "engine/http/listening.h"
#include "engine/http/make_settings.h"
#include "engine/http/whitelists.h"
#include "engine/limits.h"
#include "engine/ring/tls_files.h"
#include "protocol/check.h"
#include "verify/clock.h"

namespace sallyport::http_door {
namespace {

/// How often the control thread looks: a grant that ends cuts its streams off within a second.
constexpr auto kPeriod = std::chrono::milliseconds(250);

std::uint64_t monotonic_ms() { return verify::monotonic_ns() / 1'000'000; }
std::int64_t unix_s() { return static_cast<std::int64_t>(verify::unix_ms() / 1000); }

template <typename Message>
void post_surely(Door& door, const Message& message) {
  while (!door.post(message)) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

/// The witness of who was let in, why, and until when.
void log_grant(std::string_view what, const Grant& grant) {
  spdlog::info("grants: {} {}: {} for \"{}\" until {:%FT%TZ}, by {}{}{}", grant.id, what,
               grant.address.text(), grant.user,
               fmt::gmtime(static_cast<std::time_t>(grant.until_ms / 1000)), grant.by,
               grant.reason.empty() ? "" : ": ", grant.reason);
}

void name_thread(const char* name) {
  ::pthread_setname_np(::pthread_self(), name);
  sigset_t all;
  sigfillset(&all);  // signals are the main thread's
  ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
}

std::uint64_t draw_seed() {
  std::uint64_t seed = 0;
  SystemRandom().fill({reinterpret_cast<std::uint8_t*>(&seed), sizeof(seed)});
  return seed;
}

}  // namespace

struct HttpServer::Impl {
  explicit Impl(const config::Http& config)
      : configured(config), grants(static_cast<std::uint8_t>(config.ipv6_prefix), draw_seed()) {}

  [[nodiscard]] std::expected<void, std::string> open(ring::Reactors& reactors,
                                                      AccessQueue& access);
  [[nodiscard]] std::expected<void, std::string> reload(const config::Http& config);
  void control();
  void run_commands();
  void wait();
  void look();
  void hand_over(std::shared_ptr<const DoorSettings> settings);
  void recheck();
  void save();

  config::Http configured;
  std::vector<ListeningSocket> sockets;
  std::mutex mutex;  ///< of all below that the threads of ours and the main thread share
  SettingsBase base;
  std::shared_ptr<ring::TicketKeys> tickets;
  std::optional<Whitelists> whitelists;
  bool lists_changed = false;  ///< by a command; the shards do not know yet
  std::unique_ptr<ring::TlsFiles> files;
  Grants grants;
  bool grants_changed = false;
  std::vector<std::shared_ptr<const DoorSettings>> settings;  ///< that shards may still use
  std::list<Handover> handovers;                              ///< shards hold pointers into it
  std::vector<std::unique_ptr<Door>> doors;

  std::thread thread;
  std::thread commands;  ///< runs those of whitelists: nothing else waits for them
  std::optional<ControlSocket> control_socket;
  ring::FileDescriptor stop_event;  ///< readable once `stopping`
  std::condition_variable stop_requested;
  bool stopping = false;
};

std::expected<void, std::string> HttpServer::Impl::open(ring::Reactors& reactors,
                                                        AccessQueue& access) {
  stop_event = ring::FileDescriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop_event.valid()) return std::unexpected("cannot create an eventfd");
  auto lists = Whitelists::open(configured.whitelists, monotonic_ms(), stop_event.get());
  if (!lists) return std::unexpected(std::move(lists.error()));
  whitelists = std::move(*lists);
  grants.tell(log_grant);
  if (!configured.grants_file.empty()) {
    auto kept = load_grants(configured.grants_file);
    if (!kept) return std::unexpected(std::move(kept.error()));
    static_cast<void>(grants.restore(kept->grants, kept->next_id));
    static_cast<void>(grants.expire(verify::unix_ms()));
  }
  if (!configured.control_socket.empty()) {
    auto socket = ControlSocket::open(configured.control_socket);
    if (!socket) return std::unexpected(std::move(socket.error()));
    control_socket = std::move(*socket);
  }
  SystemRandom random;
  tickets = std::make_shared<ring::TicketKeys>(verify::unix_ms(), random);
  base = {.tickets = tickets, .whitelist = whitelists->set(), .cookie_key = {}};
  random.fill(base.cookie_key);
  // Before they are read: what changes meanwhile is then read again.
  files = std::make_unique<ring::TlsFiles>(watched_files(configured));
  auto made = make_settings(configured, base, unix_s());
  if (!made) return std::unexpected(std::move(made.error()));
  for (const std::string& warning : made->warnings) spdlog::warn("http: {}", warning);
  settings.push_back(std::move(made->settings));

  auto opened = open_listening(configured.listeners, reactors.count());
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
    plan.grants = &grants.publication();
    plan.access = &access;
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
  return {};
}

std::expected<void, std::string> HttpServer::Impl::reload(const config::Http& config) {
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
  auto lists = Whitelists::open(config.whitelists, monotonic_ms(), stop_event.get(), &before);
  lock.lock();
  if (!lists) return std::unexpected(std::move(lists.error()));
  SettingsBase wanted = base;
  wanted.whitelist = lists->set();
  auto watched = std::make_unique<ring::TlsFiles>(watched_files(config));
  auto made = make_settings(config, wanted, unix_s());
  if (!made) return std::unexpected(std::move(made.error()));
  // From here on nothing fails.
  for (const std::string& warning : made->warnings) spdlog::warn("http: {}", warning);
  whitelists = std::move(*lists);
  base = std::move(wanted);
  if (config.ipv6_prefix != configured.ipv6_prefix) {
    grants.regroup(static_cast<std::uint8_t>(config.ipv6_prefix));
  }
  configured = config;
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

void HttpServer::Impl::save() {
  if (!std::exchange(grants_changed, false) || configured.grants_file.empty()) return;
  if (const auto saved = save_grants(configured.grants_file, grants); !saved) {
    spdlog::error("http: {}", saved.error());
    grants_changed = true;
  }
}

void HttpServer::Impl::look() {
  const std::uint64_t now_unix_ms = verify::unix_ms();
  SystemRandom random;
  tickets->rotate(now_unix_ms, random);
  if (const auto next = grants.next_end_ms(); next && *next <= now_unix_ms) {
    static_cast<void>(grants.expire(now_unix_ms));
    grants_changed = true;
    recheck();
  }
  save();
  std::vector<std::string> problems;
  bool again = whitelists->refresh_files(problems);
  for (const std::string& problem : problems) spdlog::error("http: {}", problem);
  again |= std::exchange(lists_changed, false);
  if (again) base.whitelist = whitelists->set();
  again |= files->changed();
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
  std::array<pollfd, 2> ready{
      {{.fd = stop_event.get(), .events = POLLIN, .revents = 0},
       {.fd = control_socket ? control_socket->fd() : -1, .events = POLLIN, .revents = 0}}};
  if (::poll(ready.data(), ready.size(), static_cast<int>(kPeriod.count())) <= 0) return;
  if (ready[1].revents == 0) return;
  control_socket->serve([this](std::string_view line) {
    const std::scoped_lock lock(mutex);
    std::string answer = obey(line, grants, verify::unix_ms(), configured.access_duration_ms);
    if (changes(line)) {
      grants_changed = true;
      recheck();
      save();  // who is told that it is done finds it done after a crash, too
    }
    return answer;
  });
}

void HttpServer::Impl::run_commands() {
  name_thread("http-lists");
  std::unique_lock lock(mutex);
  while (!stopping) {
    const auto due = whitelists->take_due(monotonic_ms());
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
  name_thread("http-control");
  std::unique_lock lock(mutex);
  while (!stopping) {
    lock.unlock();
    wait();
    lock.lock();
    if (!stopping) look();
  }
  save();
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpServer::~HttpServer() {
  CHECK(!impl_->thread.joinable() && !impl_->commands.joinable());
  for (ListeningSocket& socket : impl_->sockets) stop_listening(socket);
}

std::expected<std::unique_ptr<HttpServer>, std::string> HttpServer::open(
    const config::Config& config, ring::Reactors& reactors, AccessQueue& access) {
  auto impl = std::make_unique<Impl>(config.http);
  if (const auto opened = impl->open(reactors, access); !opened)
    return std::unexpected(opened.error());
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

void HttpServer::start() {
  impl_->thread = std::thread([this] { impl_->control(); });
  impl_->commands = std::thread([this] { impl_->run_commands(); });
}

std::expected<void, std::string> HttpServer::reload(const config::Config& config) {
  return impl_->reload(config.http);
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
  const auto deadline = std::chrono::steady_clock::now() + grace;
  for (ListeningSocket& socket : impl_->sockets) stop_listening(socket);
  for (const auto& door : impl_->doors) post_surely(*door, Drain{});
  const auto busy = [this] {
    return std::ranges::any_of(impl_->doors, [](const auto& door) { return door->busy() > 0; });
  };
  while (busy() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

void HttpServer::change_grants(const std::function<void(Grants&)>& change) {
  const std::scoped_lock lock(impl_->mutex);
  change(impl_->grants);
  impl_->grants_changed = true;
  impl_->recheck();
}

std::vector<const HttpMetrics*> HttpServer::metrics() const {
  std::vector<const HttpMetrics*> all;
  for (const auto& door : impl_->doors) all.push_back(&door->metrics());
  return all;
}

std::size_t HttpServer::grants_open() const {
  const std::scoped_lock lock(impl_->mutex);
  return impl_->grants.size();
}

std::vector<std::string> HttpServer::listening() const {
  std::vector<std::string> all;
  for (const ListeningSocket& socket : impl_->sockets) all.push_back(socket.text);
  return all;
}

}  // namespace sallyport::http_door
