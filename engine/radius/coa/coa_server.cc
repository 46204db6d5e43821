#include "engine/radius/coa/coa_server.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>
#include <mutex>
#include <semaphore>
#include <system_error>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "engine/limits.h"
#include "engine/radius/coa/coa_askers.h"
#include "engine/radius/source_ports.h"
#include "engine/ring/descriptor_copy.h"
#include "engine/ring/udp_socket.h"
#include "protocol/check.h"
#include "protocol/random.h"
#include "verify/clock.h"
#include "verify/thread.h"

namespace sallyport::radius_door {
namespace {

/// Datagrams that are read from one socket before the others have their turn.
constexpr int kDatagramsPerTurn = 64;
constexpr std::uint64_t kLogEveryMs = 1'000;

/// Where NASes are asked from.
struct NasSockets {
  std::vector<ring::FileDescriptor> v4;
  std::vector<ring::FileDescriptor> v6;  ///< empty: this machine has no IPv6
};

CoaNow read_clock() {
  return {.monotonic_us = verify::monotonic_ns() / 1'000,
          .unix_s = static_cast<std::int64_t>(verify::unix_ms() / 1'000)};
}

std::expected<ring::FileDescriptor, int> open_bound(const Endpoint& address) {
  auto socket = ring::open_udp(address.address);
  if (!socket) return std::unexpected(socket.error());
  if (const auto bound = ring::bind_when_free(*socket, address); !bound)
    return std::unexpected(bound.error());
  return socket;
}

std::expected<std::vector<ring::FileDescriptor>, std::string> open_family(
    bool v4, const std::optional<IpAddress>& source) {
  const bool ours = source && source->is_v4() == v4;
  const Endpoint local{.address = ours ? *source : (v4 ? IpAddress::v4(0) : IpAddress{}),
                       .port = 0};
  std::vector<ring::FileDescriptor> sockets;
  for (std::uint16_t i = 0; i < limits::kCoaSourcePorts; ++i) {
    auto socket = open_bound(local);
    if (socket) {
      sockets.push_back(std::move(*socket));
      continue;
    }
    const bool no_family = socket.error() == EAFNOSUPPORT || socket.error() == EADDRNOTAVAIL;
    if (!v4 && !ours && no_family) return {};
    return std::unexpected(fmt::format("coa: cannot open a port towards the clients from {}: {}{}",
                                       local.address.text(),
                                       std::generic_category().message(socket.error()),
                                       ours ? ": correct coa.source_address" : ""));
  }
  return sockets;
}

std::expected<NasSockets, std::string> open_nas_sockets(const std::optional<IpAddress>& source) {
  auto v4 = open_family(true, source);
  if (!v4) return std::unexpected(std::move(v4.error()));
  auto v6 = open_family(false, source);
  if (!v6) return std::unexpected(std::move(v6.error()));
  return NasSockets{.v4 = std::move(*v4), .v6 = std::move(*v6)};
}

std::expected<std::shared_ptr<const CoaSettings>, std::string> make_settings(
    const config::Config& config, const HostAddresses& addresses,
    std::shared_ptr<const ClientTable> clients) {
  auto askers = make_askers(config, addresses);
  if (!askers) return std::unexpected(std::move(askers.error()));
  return std::make_shared<const CoaSettings>(
      CoaSettings{.askers = std::move(*askers),
                  .nases = std::make_shared<const NasDirectory>(std::move(clients), config.clients,
                                                                config.client_rows.get()),
                  .require_message_authenticator = config.coa.require_message_authenticator,
                  .require_event_timestamp = config.coa.require_event_timestamp,
                  .event_window_s = config.coa.event_window_ms / 1'000,
                  .retransmit_ms = config.coa.retransmit_ms,
                  .timeout_ms = config.coa.timeout_ms,
                  .max_pending = config.coa.max_pending,
                  .audit = config.log.audit});
}

}  // namespace

struct CoaServer::Impl final : CoaOutbox {
  Impl(const std::shared_ptr<const CoaSettings>& first, Octets proxy_state, CoaAuditQueue& queue,
       NasSockets opened)
      : audit_queue(queue),
        nas_sockets(std::move(opened)),
        event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        door(first, proxy_state, *this, random, metrics),
        settings(first) {}

  // CoaOutbox: the server's thread.
  void send_to_asker(const CoaPath& path, Octets datagram) noexcept override;
  void send_to_nas(const Endpoint& nas, std::uint16_t source_port,
                   Octets datagram) noexcept override;
  [[nodiscard]] bool audit(const CoaRecord& record) noexcept override;

  // The server's thread.
  void run();
  void take_commands();
  void receive_from_nases(const std::vector<ring::FileDescriptor>& sockets);
  void receive_from_askers();
  void log_silence();
  void wait();

  // The main thread.
  /// Runs on the server's thread, between two turns; at once when that does not run.
  void command(std::function<void()> what);
  void command_and_wait(const std::function<void()>& what);
  /// Listeners for these addresses: those there are, or new ones.
  [[nodiscard]] std::expected<CoaListeners, std::string> listeners_for(
      const std::vector<Endpoint>& addresses, std::vector<ListenerCopies>& inherited);

  CoaAuditQueue& audit_queue;
  SystemRandom random;
  CoaMetrics metrics;
  NasSockets nas_sockets;
  ring::FileDescriptor event;
  CoaDoor door;

  // The thread's that uses us.
  std::shared_ptr<const CoaSettings> settings;
  CoaListeners configured;
  std::vector<std::weak_ptr<const CoaListener>> retired;  ///< perhaps still in use for answers
  std::uint16_t next_number = 0;
  std::thread thread;

  // The server's thread's.
  CoaListeners reads;    ///< empty: another process does
  CoaListeners answers;  ///< all that a request may have come by
  std::uint64_t answers_until_ms =
      0;  ///< those that are not read are closed then; 0: there are none
  bool paused = false;
  bool stopping = false;
  std::uint64_t silent = 0;  ///< NASes that did not answer since the last line about it
  std::string silent_nas;    ///< the last of them
  std::uint64_t log_at_ms = 0;
  std::array<std::uint8_t, radius::kMaxPacketOctets> incoming;

  std::mutex mutex;
  std::vector<std::function<void()>> commands;  ///< guarded by the mutex
};

// --- The server's thread ---------------------------------------------------------------------

void CoaServer::Impl::send_to_asker(const CoaPath& path, Octets datagram) noexcept {
  const auto listener =
      std::ranges::find_if(answers, [&](const auto& each) { return each->number == path.socket; });
  if (listener == answers.end()) return metrics.send_errors.add();
  sockaddr_storage name{};
  iovec octets{.iov_base = const_cast<std::uint8_t*>(datagram.data()), .iov_len = datagram.size()};
  alignas(cmsghdr) std::array<std::uint8_t, ring::kControlOctets> control{};
  msghdr message{};
  message.msg_name = &name;
  message.msg_namelen = path.source.fill(name);
  message.msg_iov = &octets;
  message.msg_iovlen = 1;
  if ((*listener)->bound.address.is_any()) {
    message.msg_control = control.data();
    message.msg_controllen = ring::write_source(path.local, control);
  }
  if (::sendmsg((*listener)->socket.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
    metrics.send_errors.add();
}

void CoaServer::Impl::send_to_nas(const Endpoint& nas, std::uint16_t source_port,
                                  Octets datagram) noexcept {
  const auto& sockets = nas.address.is_v4() ? nas_sockets.v4 : nas_sockets.v6;
  // Without IPv6 it is as if the NAS did not answer.
  if (source_port >= sockets.size()) return metrics.send_errors.add();
  sockaddr_storage name{};
  const std::uint32_t octets = nas.fill(name);
  if (::sendto(sockets[source_port].get(), datagram.data(), datagram.size(),
               MSG_DONTWAIT | MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&name), octets) < 0)
    metrics.send_errors.add();
}

bool CoaServer::Impl::audit(const CoaRecord& record) noexcept {
  if (record.outcome == CoaOutcome::unreachable) {
    ++silent;
    silent_nas = fmt::format("{} at {}", record.nas.view(), record.nas_address.text());
  }
  return audit_queue.try_push(record);
}

void CoaServer::Impl::run() {
  verify::begin_thread("coa");
  while (!stopping) {
    // 1. The NASes' answers come before new requests: they make room.
    // 2. A command is done between two turns, so that it finds no datagram half done.
    receive_from_nases(nas_sockets.v4);
    receive_from_nases(nas_sockets.v6);
    receive_from_askers();
    door.advance(read_clock());
    log_silence();
    wait();
    take_commands();
  }
}

void CoaServer::Impl::take_commands() {
  std::vector<std::function<void()>> next;
  {
    const std::scoped_lock lock(mutex);
    next.swap(commands);
  }
  for (const auto& what : next) what();
}

void CoaServer::Impl::receive_from_nases(const std::vector<ring::FileDescriptor>& sockets) {
  for (std::uint16_t port = 0; port < sockets.size(); ++port) {
    for (int count = 0; count < kDatagramsPerTurn; ++count) {
      sockaddr_storage name{};
      socklen_t name_octets = sizeof(name);
      const ssize_t octets =
          ::recvfrom(sockets[port].get(), incoming.data(), incoming.size(), MSG_DONTWAIT,
                     reinterpret_cast<sockaddr*>(&name), &name_octets);
      if (octets < 0) break;
      door.nas_datagram(read_clock(), Endpoint::from(reinterpret_cast<const sockaddr*>(&name)),
                        port, Octets(incoming).first(static_cast<std::size_t>(octets)));
    }
  }
}

void CoaServer::Impl::receive_from_askers() {
  if (paused) return;
  for (const auto& listener : reads) {
    for (int count = 0; count < kDatagramsPerTurn; ++count) {
      const auto datagram = ring::receive_one(listener->socket, incoming);
      if (!datagram) break;
      door.asker_datagram(
          read_clock(),
          {.source = datagram->source, .local = datagram->local, .socket = listener->number},
          datagram->payload);
    }
  }
}

void CoaServer::Impl::log_silence() {
  const std::uint64_t now_ms = verify::monotonic_ms();
  if (silent == 0 || now_ms < log_at_ms) return;
  spdlog::warn("coa: {} does not answer; {} request{} given up", silent_nas, silent,
               silent == 1 ? " was" : "s were");
  silent = 0;
  log_at_ms = now_ms + kLogEveryMs;
}

void CoaServer::Impl::wait() {
  const std::uint64_t now_ms = verify::monotonic_ms();
  if (answers_until_ms != 0 && answers_until_ms <= now_ms) {
    answers = reads;
    answers_until_ms = 0;
  }
  std::vector<pollfd> polled;
  const auto watch = [&polled](const ring::FileDescriptor& socket) {
    polled.push_back({.fd = socket.get(), .events = POLLIN, .revents = 0});
  };
  watch(event);
  for (const auto& socket : nas_sockets.v4) watch(socket);
  for (const auto& socket : nas_sockets.v6) watch(socket);
  if (!paused)
    for (const auto& listener : reads) watch(listener->socket);
  std::optional<std::uint64_t> until_ms = door.next_deadline_ms();
  if (answers_until_ms != 0) until_ms = std::min(until_ms.value_or(UINT64_MAX), answers_until_ms);
  if (silent != 0) until_ms = std::min(until_ms.value_or(UINT64_MAX), log_at_ms);
  int wait_ms = -1;
  if (until_ms) {
    constexpr std::uint64_t kLongestMs = 60'000;
    wait_ms = static_cast<int>(*until_ms > now_ms ? std::min(*until_ms - now_ms, kLongestMs) : 0);
  }
  ::poll(polled.data(), polled.size(), wait_ms);
  ::eventfd_t ignored;
  static_cast<void>(::eventfd_read(event.get(), &ignored));
}

// --- The main thread -------------------------------------------------------------------------

void CoaServer::Impl::command(std::function<void()> what) {
  if (!thread.joinable()) return what();
  {
    const std::scoped_lock lock(mutex);
    commands.push_back(std::move(what));
  }
  static_cast<void>(::eventfd_write(event.get(), 1));
}

void CoaServer::Impl::command_and_wait(const std::function<void()>& what) {
  std::binary_semaphore done(0);
  command([&what, &done] {
    what();
    done.release();
  });
  done.acquire();
}

std::expected<CoaListeners, std::string> CoaServer::Impl::listeners_for(
    const std::vector<Endpoint>& addresses, std::vector<ListenerCopies>& inherited) {
  CoaListeners wanted;
  for (const Endpoint& address : addresses) {
    const auto same = [&](const auto& each) { return each && each->configured == address; };
    if (const auto known = std::ranges::find_if(configured, same); known != configured.end()) {
      wanted.push_back(*known);
      continue;
    }
    std::shared_ptr<const CoaListener> again;
    for (const auto& weak : retired)
      if (auto alive = weak.lock(); same(alive)) again = std::move(alive);
    if (again) {
      wanted.push_back(std::move(again));
      continue;
    }
    const auto copy = std::ranges::find_if(inherited, [&](const ListenerCopies& each) {
      return each.name == address.text() && each.sockets.size() == 1;
    });
    auto socket = copy != inherited.end()
                      ? std::expected<ring::FileDescriptor, int>(std::move(copy->sockets.front()))
                      : open_bound(address);
    if (!socket) return std::unexpected(explain_bind(address, socket.error(), "coa.listen"));
    if (copy != inherited.end()) inherited.erase(copy);
    const Endpoint bound = ring::local_endpoint(*socket);
    wanted.push_back(
        std::make_shared<const CoaListener>(CoaListener{.number = next_number++,
                                                        .configured = address,
                                                        .bound = bound,
                                                        .socket = std::move(*socket)}));
  }
  return wanted;
}

CoaServer::CoaServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

CoaServer::~CoaServer() { stop(); }

std::expected<std::unique_ptr<CoaServer>, std::string> CoaServer::open(
    const config::Config& config, const HostAddresses& addresses,
    std::shared_ptr<const ClientTable> clients, Octets proxy_state, CoaAuditQueue& audit,
    std::vector<ListenerCopies> inherited) {
  auto settings = make_settings(config, addresses, std::move(clients));
  if (!settings) return std::unexpected(std::move(settings.error()));
  auto sockets = open_nas_sockets(config.coa.source_address);
  if (!sockets) return std::unexpected(std::move(sockets.error()));
  auto impl = std::make_unique<Impl>(*settings, proxy_state, audit, std::move(*sockets));
  if (!impl->event.valid()) return std::unexpected("coa: cannot create an eventfd");
  auto listeners = impl->listeners_for(config.coa.listen, inherited);
  if (!listeners) return std::unexpected(std::move(listeners.error()));
  impl->configured = std::move(*listeners);
  impl->reads = impl->answers = impl->configured;
  return std::unique_ptr<CoaServer>(new CoaServer(std::move(impl)));
}

void CoaServer::respect(std::span<const std::uint64_t> marks) {
  impl_->door.respect(read_clock(), marks);
}

void CoaServer::start() {
  impl_->thread = std::thread([impl = impl_.get()] { impl->run(); });
}

void CoaServer::stop() {
  if (!impl_->thread.joinable()) return;
  impl_->command([impl = impl_.get()] { impl->stopping = true; });
  impl_->thread.join();
}

std::expected<CoaReload, std::string> CoaServer::prepare(
    const config::Config& config, const HostAddresses& addresses,
    std::shared_ptr<const ClientTable> clients) {
  auto settings = make_settings(config, addresses, std::move(clients));
  if (!settings) return std::unexpected(std::move(settings.error()));
  std::vector<ListenerCopies> none;
  auto listeners = impl_->listeners_for(config.coa.listen, none);
  if (!listeners) return std::unexpected(std::move(listeners.error()));
  return CoaReload{.listeners = std::move(*listeners), .settings = std::move(*settings)};
}

std::expected<CoaReload, std::string> CoaServer::prepare(const config::Config& config,
                                                         const HostAddresses& addresses) {
  auto askers = make_askers(config, addresses);
  if (!askers) return std::unexpected(std::move(askers.error()));
  auto settings = std::make_shared<CoaSettings>(*impl_->settings);
  settings->askers = std::move(*askers);
  return CoaReload{.listeners = impl_->configured, .settings = std::move(settings)};
}

void CoaServer::reload(CoaReload next) {
  std::erase_if(impl_->retired, [](const auto& weak) { return weak.expired(); });
  for (const auto& old : impl_->configured) {
    const auto stays = std::ranges::find(next.listeners, old);
    if (stays == next.listeners.end()) impl_->retired.emplace_back(old);
  }
  impl_->configured = next.listeners;
  impl_->settings = next.settings;
  impl_->command([impl = impl_.get(), next = std::move(next)] {
    for (const auto& listener : next.listeners) {
      if (std::ranges::find(impl->answers, listener) == impl->answers.end())
        impl->answers.push_back(listener);
    }
    impl->reads = next.listeners;
    impl->answers_until_ms = verify::monotonic_ms() + limits::kMaxCoaTimeoutMs;
    impl->door.reload(next.settings);
  });
}

void CoaServer::drain(std::chrono::steady_clock::time_point until) {
  if (!impl_->thread.joinable()) return;
  std::size_t owed = 0;
  do {
    impl_->command_and_wait([&] {
      impl_->door.drain();
      owed = impl_->door.pending();
    });
    if (owed == 0) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  } while (std::chrono::steady_clock::now() < until);
}

std::expected<std::vector<ListenerCopies>, std::string> CoaServer::copies() const {
  std::vector<ListenerCopies> all;
  for (const auto& listener : impl_->configured) {
    auto copies = copies_of(std::span(&listener->socket, 1));
    if (!copies) return std::unexpected(ring::kNoDescriptorLeft);
    all.push_back({.name = listener->configured.text(), .sockets = std::move(*copies)});
  }
  return all;
}

std::vector<std::uint64_t> CoaServer::step_back() {
  std::vector<std::uint64_t> marks;
  impl_->command_and_wait([&] {
    impl_->paused = true;
    marks = impl_->door.list_remembered();
  });
  return marks;
}

void CoaServer::step_forth() {
  impl_->command([impl = impl_.get()] { impl->paused = false; });
}

const CoaMetrics& CoaServer::metrics() const noexcept { return impl_->metrics; }

std::vector<Endpoint> CoaServer::listening() const {
  std::vector<Endpoint> bound;
  for (const auto& listener : impl_->configured) bound.push_back(listener->bound);
  return bound;
}

}  // namespace sallyport::radius_door
