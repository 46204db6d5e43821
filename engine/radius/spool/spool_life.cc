// How a spool is opened, started, left to another process, and stopped: the main thread; and what
// shards ask of it.

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "engine/radius/source_ports.h"
#include "engine/radius/spool/spool_core.h"
#include "protocol/secret.h"

namespace sallyport::radius_door {
namespace {

/// For acknowledgements of what is under way, before another process has the spool.
constexpr std::chrono::milliseconds kCalmAtMost{1'000};
/// Between two attempts to open what another process has.
constexpr std::chrono::milliseconds kOpenAgain{100};

/// All that can be known while another process has the file.
std::expected<void, std::string> folder_is_there(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  if (::access(folder.c_str(), W_OK | X_OK) == 0) return {};
  return std::unexpected("accounting.spool: " + folder + " is no folder that may be written to");
}

}  // namespace

SpoolTarget make_spool_target(const config::Config& config, const HostAddresses& addresses,
                              std::shared_ptr<const ClientTable> clients) {
  const config::DownstreamServer server = config::accounting_server_of(config);
  return {.server = addresses.of(server),
          .source = server.source_address,
          .key = std::make_shared<const radius::HopKey>(server.secret),
          .clients = std::move(clients),
          .retransmit_ms = config.accounting.retransmit_ms};
}

std::expected<void, std::string> Spool::Impl::open_sockets() {
  if (!event.valid()) return std::unexpected("accounting: cannot create an eventfd");
  auto ports = open_source_ports(target.server, target.source, limits::kSpoolSockets);
  if (!ports) return std::unexpected("accounting: " + ports.error());
  sockets = std::move(*ports);
  return {};
}

std::expected<void, std::string> Spool::Impl::open_file() {
  auto opened = SpoolDatabase::open(settings.spool, settings.max_octets);
  if (!opened) return std::unexpected("accounting.spool: " + opened.error());
  database = std::move(*opened);
  if (waiting_known) return {};
  std::vector<std::pair<std::uint64_t, std::uint64_t>> waiting;
  const auto read = database->for_each_waiting(
      [&](std::uint64_t id, std::uint64_t session) { waiting.emplace_back(id, session); });
  if (!read) return std::unexpected("accounting.spool: " + read.error());
  for (const auto& [id, session] : waiting) delivery.add(id, session);
  metrics.waiting.set(delivery.waiting());  // before anybody can ask
  waiting_known = true;
  if (delivery.waiting() > 0) {
    spdlog::info("accounting: {} records wait in {}", delivery.waiting(), settings.spool);
  }
  return {};
}

// The process before us closes the file at the moment when we begin. Records wait in the rings
// meanwhile; what finds no room there is not acknowledged.
bool Spool::Impl::open_when_free() {
  std::string told;
  while (!stopping.load(std::memory_order_acquire)) {
    const auto opened = open_file();
    if (opened) return true;
    database.reset();
    if (opened.error() != told) spdlog::error("{}: tried again and again", opened.error());
    told = opened.error();
    std::this_thread::sleep_for(kOpenAgain);
  }
  return false;
}

void Spool::Impl::start() {
  thread = std::thread([this] { run(); });
}

Spool::Spool(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Spool::~Spool() { stop(); }

std::expected<std::unique_ptr<Spool>, std::string> Spool::open(const config::Accounting& settings,
                                                               SpoolTarget target,
                                                               std::size_t shards,
                                                               Octets proxy_state, When when) {
  auto impl = std::make_unique<Impl>(settings, std::move(target), shards, proxy_state);
  auto opened = impl->open_sockets();
  if (opened) opened = when == When::now ? impl->open_file() : folder_is_there(settings.spool);
  if (!opened) return std::unexpected(std::move(opened.error()));
  return std::unique_ptr<Spool>(new Spool(std::move(impl)));
}

void Spool::start(StorageSink& sink) {
  impl_->sink = &sink;
  impl_->start();
}

void Spool::stop() {
  if (!impl_->thread.joinable()) return;
  impl_->stopping.store(true, std::memory_order_release);
  static_cast<void>(::eventfd_write(impl_->event.get(), 1));
  impl_->thread.join();
}

void Spool::leave() {
  // What is under way is better acknowledged to us: the next process would send it again.
  impl_->calm.store(true, std::memory_order_release);
  const auto until = std::chrono::steady_clock::now() + kCalmAtMost;
  while (impl_->metrics.under_way.value() > 0 && impl_->metrics.silent.value() == 0 &&
         std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
}

void Spool::close() {
  impl_->absent.store(true, std::memory_order_release);
  stop();
  impl_->database.reset();
}

void Spool::come_back() {
  impl_->calm.store(false);
  impl_->absent.store(false);
  impl_->stopping.store(false);
  if (!impl_->thread.joinable()) impl_->start();
}

std::expected<void, std::string> Spool::retarget(SpoolTarget target) {
  std::vector<ring::FileDescriptor> sockets;
  if (!impl_->configured.same_server(target)) {
    auto ports = open_source_ports(target.server, target.source, limits::kSpoolSockets);
    if (!ports) return std::unexpected("accounting: " + ports.error());
    sockets = std::move(*ports);
  }
  impl_->configured = target;
  {
    const std::scoped_lock lock(impl_->mutex);
    // One that the thread has not taken yet brings its sockets along.
    auto& next = impl_->next_target;
    if (next && sockets.empty()) sockets = std::move(next->sockets);
    next.emplace(std::move(target), std::move(sockets));
  }
  static_cast<void>(::eventfd_write(impl_->event.get(), 1));
  return {};
}

bool Spool::store(std::uint16_t shard, const StorageRequest& request) noexcept {
  if (impl_->absent.load(std::memory_order_acquire) || !impl_->rings[shard]->push(request))
    return false;
  if (impl_->parked.exchange(false, std::memory_order_acq_rel)) {
    static_cast<void>(::eventfd_write(impl_->event.get(), 1));
  }
  return true;
}

const SpoolMetrics& Spool::metrics() const noexcept { return impl_->metrics; }

}  // namespace sallyport::radius_door
