#include "engine/radius/server.h"

#include <algorithm>
#include <atomic>
#include <iterator>
#include <mutex>
#include <span>

#include <spdlog/spdlog.h>

#include "engine/limits.h"
#include "engine/radius/listeners.h"
#include "engine/radius/radsec_settings.h"
#include "engine/radius/server_core.h"
#include "engine/radius/server_tls.h"
#include "engine/ring/descriptor_copy.h"
#include "protocol/check.h"
#include "verify/clock.h"

namespace sallyport::radius_door {
namespace {

/// Of a shard: what a process that takes over hands back.
constexpr std::uint32_t kReturnFiles = 1;

/// `links`: for each server the place of its link. Reads the certificates of RADIUS over TLS.
std::expected<std::shared_ptr<const DoorSettings>, std::string> make_settings(
    const config::Config& config, const std::vector<std::uint16_t>& links) {
  auto radsec = make_radsec_settings(config.radsec, config.second_factor.translations);
  if (!radsec) return std::unexpected(std::move(radsec.error()));
  DoorSettings settings{
      .clients = std::make_shared<const ClientTable>(config.clients, config.client_rows.get(),
                                                     config.second_factor.translations),
      .radsec = std::move(*radsec),
      .plan = DownstreamPlan(config.downstream),
      .downstream = config.downstream,
      .second_factor = config.second_factor,
      .translations =
          config::completed(config.second_factor.messages, config.second_factor.translations),
      .policies = PolicyTable(
          config.policies, config.second_factor,
          LocalZone::of_this_machine(static_cast<std::int64_t>(verify::unix_ms() / 1'000))),
      .duplicate_window_ms = config.radius.duplicate_window_ms,
      .verification_ttl_ms = config.notakey.ttl_ms,
      .link_ttl_ms = config.gate.settings.token_duration_ms,
      .audit = config.log.audit,
      .spools_accounting = !config.accounting.spool.empty(),
  };
  const auto servers = config::servers_of(config.downstream);
  for (std::size_t i = 0; i < links.size(); ++i) {
    settings.plan.servers[i].link = links[i];
    auto tls = make_server_tls(servers[i]);
    if (!tls) return std::unexpected(std::move(tls.error()));
    settings.plan.servers[i].tls = std::move(*tls);
  }
  return std::make_shared<const DoorSettings>(std::move(settings));
}

/// Places for source ports, of one shard: for the servers there are and as many again, with room
/// for a few that come by a reload. No more, because the kernel counts them against RLIMIT_NOFILE.
std::size_t downstream_files(const config::Config& config) {
  if (!config.has_radius) return 0;
  const std::size_t servers = config::servers_of(config.downstream).size();
  const std::size_t ports =
      share_of(config.downstream.max_source_ports, 1, limits::kMaxSourcePortsPerShard);
  return std::min(limits::kMaxDownstreamFiles, std::max<std::size_t>(8, 2 * servers) * ports);
}

}  // namespace

ring::ReactorsPlan reactors_plan(const config::Config& config) {
  const auto files = static_cast<std::uint32_t>(limits::kMaxListenEndpoints +
                                                downstream_files(config) + kReturnFiles);
  return {.shards = config.radius.shards,
          .most = limits::kMaxShards,
          .pin = config.radius.pin,
          .ring = {.submission_entries = limits::kSubmissionEntries,
                   .completion_entries = limits::kCompletionEntries,
                   .files = files,
                   .places = limits::kStreamPlaces}};
}

std::expected<void, std::string> RadiusServer::Impl::open(const config::Config& config,
                                                          ring::Reactors& reactors,
                                                          AuditQueue& audit,
                                                          CoaAuditQueue& coa_audit,
                                                          std::optional<Inheritance> inheritance) {
  configured = config.radius;
  configured_radsec = config.radsec.listeners;
  const std::size_t count = reactors.count();
  source_ports_each =
      share_of(config.downstream.max_source_ports, count, limits::kMaxSourcePortsPerShard);
  places.reserve(
      std::min(limits::kMaxDownstreamLinks, downstream_files(config) / source_ports_each),
      source_ports_each, count);

  auto resolved = HostAddresses::resolve(config, {});
  if (!resolved) return std::unexpected(std::move(resolved.error()));
  watch(config, std::move(*resolved));
  if (auto listening = open_listening(config, count, inheritance); !listening) return listening;
  auto laid = places.lay(addresses.reached(config.downstream), settings);
  if (!laid) return std::unexpected(laid.error());
  auto first = make_settings(config, laid->links);
  if (!first) return std::unexpected(std::move(first.error()));
  settings.push_back(std::move(*first));
  places.take(std::move(laid->places), laid->links, config.downstream);
  const std::uint32_t connections =
      share_of(config.radsec.max_connections, count, limits::kMaxRadsecStreamsPerShard);

  DoorPlan door;
  SystemRandom().fill(door.instance);
  door.exchanges = share_of(configured.max_exchanges, count, limits::kMaxExchangesPerShard);
  door.max_source_ports = static_cast<std::uint16_t>(source_ports_each);
  if (!radsec_groups.empty()) door.max_connections = connection_numbers(connections);
  door.learned_clients = &learned_clients;
  door.learned_downstreams = &learned_downstreams;
  for (std::size_t index = 0; index < count; ++index) {
    ShardPlan own;
    own.door = door;
    own.door.shard = static_cast<std::uint16_t>(index);
    own.settings = settings.back();
    for (const ListenGroup& group : groups) {
      auto copies = copies_of(std::span(group.sockets).subspan(index, 1));
      if (!copies) return std::unexpected(ring::kNoDescriptorLeft);
      own.listeners.push_back(std::move(copies->front()));
      own.answers_need_source.push_back(group.bound.address.is_any());
    }
    own.links = std::move(laid->fresh[index]);
    own.link_places = places.size();
    if (inheritance) own.returns = std::move(inheritance->returns[index]);
    if (!radsec_groups.empty()) own.radsec = RadsecPlan{.max_connections = connections};
    for (const RadsecGroup& group : radsec_groups) {
      auto copies = copies_of(std::span(group.sockets).subspan(index, 1));
      if (!copies) return std::unexpected(ring::kNoDescriptorLeft);
      own.radsec->sockets.push_back(std::move(copies->front()));
      own.radsec->listener_of.push_back(group.listener);
    }
    auto shard = Shard::open(std::move(own), reactors[index], audit);
    if (!shard) return std::unexpected(shard.error());
    shards.push_back(std::move(*shard));
  }
  const auto proxy_state = proxy_state_of(door.instance);
  const Spool::When when = inheritance ? Spool::When::later : Spool::When::now;
  if (auto spooling = open_spool(config, proxy_state, when); !spooling) return spooling;
  return open_coa(
      config, proxy_state, coa_audit,
      inheritance ? std::move(inheritance->coa_listeners) : std::vector<ListenerCopies>{});
}

std::expected<void, std::string> RadiusServer::Impl::open_spool(const config::Config& config,
                                                                Octets proxy_state,
                                                                Spool::When when) {
  if (config.accounting.spool.empty()) return {};
  auto target = make_spool_target(config, addresses, settings.back()->clients);
  auto made = Spool::open(config.accounting, std::move(target), shards.size(), proxy_state, when);
  if (!made) return std::unexpected(made.error());
  spool = std::move(*made);
  for (const auto& shard : shards) shard->use(*spool);
  return {};
}

std::expected<void, std::string> RadiusServer::Impl::open_coa(
    const config::Config& config, Octets proxy_state, CoaAuditQueue& audit,
    std::vector<ListenerCopies> inherited) {
  if (config.coa.listen.empty()) return {};
  auto made = CoaServer::open(config, addresses, settings.back()->clients, proxy_state, audit,
                              std::move(inherited));
  if (!made) return std::unexpected(std::move(made.error()));
  coa = std::move(*made);
  return {};
}

std::expected<void, std::string> RadiusServer::Impl::reload(const config::Config& config) {
  const char* const restart = " cannot change while sallyport runs: restart it";
  if (config.radius.listen != configured.listen) {
    return std::unexpected(std::string("radius.listen") + restart);
  }
  const auto same_addresses = [](const config::RadsecListener& a, const config::RadsecListener& b) {
    return a.listen == b.listen;
  };
  if (!std::ranges::equal(config.radsec.listeners, configured_radsec, same_addresses)) {
    return std::unexpected(std::string("radsec.listener.listen") + restart);
  }
  if (config.radius.shards != configured.shards || config.radius.pin != configured.pin) {
    return std::unexpected(std::string("radius.shards and radius.pin") + restart);
  }
  if (config.radius.max_exchanges != configured.max_exchanges) {
    return std::unexpected(std::string("radius.max_exchanges") + restart);
  }
  if (share_of(config.downstream.max_source_ports, shards.size(),
               limits::kMaxSourcePortsPerShard) != source_ports_each) {
    return std::unexpected(std::string("downstream.max_source_ports") + restart);
  }
  const std::scoped_lock lock(changing);
  auto resolved = HostAddresses::resolve(config, addresses);
  if (!resolved) return std::unexpected(std::move(resolved.error()));

  free_what_is_over();
  auto laid = places.lay(resolved->reached(config.downstream), settings);
  if (!laid) return std::unexpected(laid.error());
  auto next = make_settings(config, laid->links);
  if (!next) return std::unexpected(std::move(next.error()));
  std::optional<CoaReload> next_coa;
  if (coa) {
    auto prepared = coa->prepare(config, *resolved, (*next)->clients);
    if (!prepared) return std::unexpected(std::move(prepared.error()));
    next_coa = std::move(*prepared);
  }
  if (spool) {
    auto target = make_spool_target(config, *resolved, (*next)->clients);
    if (auto taken = spool->retarget(std::move(target)); !taken) return taken;
  }
  // From here on nothing fails.
  if (next_coa) coa->reload(std::move(*next_coa));
  hand_over(std::move(*next), std::move(*laid), config.downstream);
  watch(config, std::move(*resolved));
  return {};
}

void RadiusServer::Impl::follow(const HostAddresses& now) {
  const std::scoped_lock lock(changing);
  free_what_is_over();
  const auto refused = [](std::string_view why) {
    spdlog::error("downstream: the addresses known stay in use: {}", why);
  };
  auto laid = places.lay(now.reached(named.downstream), settings);
  if (!laid) return refused(laid.error());
  auto next = std::make_shared<DoorSettings>(*settings.back());
  for (std::size_t i = 0; i < laid->links.size(); ++i) next->plan.servers[i].link = laid->links[i];
  std::optional<CoaReload> next_coa;
  if (coa) {
    auto prepared = coa->prepare(named, now);
    if (!prepared) return refused(prepared.error());
    next_coa = std::move(*prepared);
  }
  if (spool) {
    auto target = make_spool_target(named, now, next->clients);
    if (auto taken = spool->retarget(std::move(target)); !taken) return refused(taken.error());
  }
  if (next_coa) coa->reload(std::move(*next_coa));
  hand_over(std::move(next), std::move(*laid), named.downstream);
  for (const std::string& change : now.changes_since(addresses))
    spdlog::info("downstream: {}", change);
  addresses = now;
  watcher.watch({.config = named, .addresses = now});
}

void RadiusServer::Impl::hand_over(std::shared_ptr<const DoorSettings> next, LinkPlaces::Laid laid,
                                   const config::Downstream& downstream) {
  settings.push_back(std::move(next));
  places.take(std::move(laid.places), laid.links, downstream);
  Handover& handover = handovers.emplace_back();
  handover.settings = settings.back();
  handover.links = std::move(laid.fresh);
  handover.shards_left = static_cast<std::uint32_t>(shards.size());
  for (const auto& shard : shards) post_surely(*shard, TakeOver{&handover});
}

// Of a configuration only what has names: a million clients are not kept twice.
void RadiusServer::Impl::watch(const config::Config& config, HostAddresses now) {
  named.downstream = config.downstream;
  named.accounting = config.accounting;
  named.coa = config.coa;
  addresses = std::move(now);
  watcher.watch({.config = named, .addresses = addresses});
}

void RadiusServer::Impl::free_what_is_over() {
  handovers.remove_if([](const Handover& handover) {
    return handover.shards_left.load(std::memory_order_acquire) == 0;
  });
  for (auto held = settings.begin(); held != settings.end() && std::next(held) != settings.end();) {
    const std::shared_ptr<const ClientTable>& clients = (*held)->clients;
    // The spool may have the clients for longer; those that are in use still need nobody to free
    // them.
    const bool keeps = clients.use_count() > 1 && clients != (*std::next(held))->clients;
    held = held->use_count() == 1 && !keeps ? settings.erase(held) : std::next(held);
  }
}

RadiusServer::RadiusServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

RadiusServer::~RadiusServer() = default;

std::expected<std::unique_ptr<RadiusServer>, std::string> RadiusServer::open(
    const config::Config& config, ring::Reactors& reactors, AuditQueue& audit,
    CoaAuditQueue& coa_audit, std::optional<Inheritance> inheritance) {
  auto impl = std::make_unique<Impl>();
  if (const auto opened = impl->open(config, reactors, audit, coa_audit, std::move(inheritance));
      !opened) {
    return std::unexpected(opened.error());
  }
  return std::unique_ptr<RadiusServer>(new RadiusServer(std::move(impl)));
}

verify::VerdictSink& RadiusServer::verdicts() noexcept { return *impl_; }
verify::CodeSink& RadiusServer::codes() noexcept { return *impl_; }

void RadiusServer::use(verify::Challenges& challenges, verify::Verifier* links) {
  for (const auto& shard : impl_->shards) shard->use(challenges, links);
}
void RadiusServer::use(verify::Verifier& verifier) {
  for (const auto& shard : impl_->shards) shard->use(verifier);
}

void RadiusServer::start() {
  if (impl_->spool) impl_->spool->start(*impl_);
  if (impl_->coa) impl_->coa->start();
  impl_->watcher.start();
}
void RadiusServer::stop() {
  if (impl_->spool) impl_->spool->stop();
  if (impl_->coa) impl_->coa->stop();
}
std::expected<void, std::string> RadiusServer::reload(const config::Config& config) {
  return impl_->reload(config);
}
void RadiusServer::drain(std::chrono::milliseconds grace) {
  impl_->watcher.stop();  // it sends the shards messages
  const auto deadline = std::chrono::steady_clock::now() + grace;
  for (const auto& shard : impl_->shards) post_surely(*shard, Drain{});
  if (impl_->coa) impl_->coa->drain(std::chrono::steady_clock::now());
  for (const auto& shard : impl_->shards) static_cast<void>(shard->wait_drained(deadline));
  if (impl_->coa) impl_->coa->drain(deadline);
}

std::vector<const RadiusMetrics*> RadiusServer::metrics() const {
  std::vector<const RadiusMetrics*> all;
  for (const auto& shard : impl_->shards) all.push_back(&shard->metrics());
  return all;
}
const SpoolMetrics* RadiusServer::spool_metrics() const {
  return impl_->spool ? &impl_->spool->metrics() : nullptr;
}
const CoaMetrics* RadiusServer::coa_metrics() const {
  return impl_->coa ? &impl_->coa->metrics() : nullptr;
}
std::vector<Endpoint> RadiusServer::coa_listening() const {
  const std::scoped_lock lock(impl_->changing);
  return impl_->coa ? impl_->coa->listening() : std::vector<Endpoint>{};
}

std::vector<DownstreamState> RadiusServer::downstreams() const { return impl_->places.read(); }

std::vector<Endpoint> RadiusServer::listening() const {
  std::vector<Endpoint> bound;
  for (const ListenGroup& group : impl_->groups) bound.push_back(group.bound);
  return bound;
}

std::vector<Endpoint> RadiusServer::listening_tls() const {
  std::vector<Endpoint> bound;
  for (const RadsecGroup& group : impl_->radsec_groups) bound.push_back(group.bound);
  return bound;
}

}  // namespace sallyport::radius_door
