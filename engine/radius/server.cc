#include "engine/radius/server.h"

#include <algorithm>
#include <atomic>
#include <list>
#include <thread>

#include "engine/limits.h"
#include "engine/radius/listeners.h"
#include "engine/radius/shard.h"
#include "engine/radius/source_ports.h"
#include "protocol/check.h"

namespace sallyport::radius_door {
namespace {

/// A ticket is shard (8) | generation (36) | slot (20).
constexpr unsigned kTicketShardShift = 56;

std::uint32_t share_of(std::uint32_t total, std::size_t shards, std::size_t most) {
  const std::size_t share = (std::size_t{total} + shards - 1) / shards;
  return static_cast<std::uint32_t>(std::clamp<std::size_t>(share, 1, most));
}

std::shared_ptr<const DoorSettings> make_settings(const config::Config& config) {
  return std::make_shared<const DoorSettings>(DoorSettings{
      .clients = std::make_shared<const ClientTable>(config.clients),
      .downstream_key = std::make_shared<const radius::HopKey>(config.downstream.secret),
      .downstream = config.downstream,
      .second_factor = config.second_factor,
      .duplicate_window_ms = config.radius.duplicate_window_ms,
      .verification_ttl_ms = config.notakey.ttl_ms,
      .audit = config.log.audit,
  });
}

/// A full mailbox lasts no longer than a turn of the shard's loop.
void post_surely(Shard& shard, const ShardMessage& message) {
  while (!shard.post(message)) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

}  // namespace

ring::ReactorsPlan reactors_plan(const config::Radius& config) {
  return {.shards = config.shards,
          .most = limits::kMaxShards,
          .pin = config.pin,
          .ring = {.submission_entries = limits::kSubmissionEntries,
                   .completion_entries = limits::kCompletionEntries,
                   .files = limits::kMaxListenEndpoints + limits::kMaxSourcePortsPerShard}};
}

struct RadiusServer::Impl final : verify::VerdictSink {
  config::Radius configured;  ///< what cannot change while running
  Endpoint downstream;
  std::optional<IpAddress> downstream_source;
  std::uint32_t source_ports_each = 0;
  LearnedAddresses learned_clients;
  LearnedAddresses learned_downstreams;
  std::vector<Endpoint> bound;
  std::vector<std::unique_ptr<Shard>> shards;
  std::list<Handover> handovers;  ///< shards hold pointers into it
  /// Settings that shards may still use. Freed here, so that no shard pays for it.
  std::vector<std::shared_ptr<const DoorSettings>> settings;

  [[nodiscard]] std::expected<void, std::string> open(const config::Config& config,
                                                      ring::Reactors& reactors, AuditQueue& audit);
  [[nodiscard]] std::expected<void, std::string> reload(const config::Config& config);
  void free_what_is_over();

  /// Verify's threads. An answer for no shard of ours is taken and forgotten: nobody waits for it.
  [[nodiscard]] bool deliver(const verify::Answer& answer) noexcept override {
    const std::uint64_t shard = answer.ticket.value >> kTicketShardShift;
    return shard >= shards.size() || shards[shard]->post(answer);
  }
};

std::expected<void, std::string> RadiusServer::Impl::open(const config::Config& config,
                                                          ring::Reactors& reactors,
                                                          AuditQueue& audit) {
  configured = config.radius;
  const std::size_t count = reactors.count();
  source_ports_each =
      share_of(config.downstream.max_source_ports, count, limits::kMaxSourcePortsPerShard);

  downstream_source = config.downstream.source_address;
  const auto resolved =
      resolve_downstream(config.downstream.host, config.downstream.port, downstream_source);
  if (!resolved) return std::unexpected(resolved.error());
  downstream = *resolved;
  auto groups = open_listeners(configured.listen, count);
  if (!groups) return std::unexpected(groups.error());
  for (const ListenGroup& group : *groups) bound.push_back(group.bound);
  settings.push_back(make_settings(config));

  DoorPlan door;
  SystemRandom().fill(door.instance);
  door.exchanges = share_of(configured.max_exchanges, count, limits::kMaxExchangesPerShard);
  door.max_source_ports = static_cast<std::uint16_t>(source_ports_each);
  door.learned_clients = &learned_clients;
  door.learned_downstreams = &learned_downstreams;
  for (std::size_t index = 0; index < count; ++index) {
    ShardPlan own;
    own.door = door;
    own.door.shard = static_cast<std::uint16_t>(index);
    own.settings = settings.back();
    for (ListenGroup& group : *groups) {
      own.listeners.push_back(std::move(group.sockets[index]));
      own.answers_need_source.push_back(group.bound.address.is_any());
    }
    auto ports = open_source_ports(downstream, downstream_source, source_ports_each);
    if (!ports) return std::unexpected(ports.error());
    own.source_ports = std::move(*ports);
    auto shard = Shard::open(std::move(own), reactors[index], audit);
    if (!shard) return std::unexpected(shard.error());
    shards.push_back(std::move(*shard));
  }
  return {};
}

std::expected<void, std::string> RadiusServer::Impl::reload(const config::Config& config) {
  const char* const restart = " cannot change while sallyport runs: restart it";
  if (config.radius.listen != configured.listen) {
    return std::unexpected(std::string("radius.listen") + restart);
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
  const auto& source = config.downstream.source_address;
  const auto resolved = resolve_downstream(config.downstream.host, config.downstream.port, source);
  if (!resolved) return std::unexpected(resolved.error());

  free_what_is_over();
  std::vector<std::vector<ring::FileDescriptor>> ports;
  if (*resolved != downstream || source != downstream_source) {
    for (std::size_t index = 0; index < shards.size(); ++index) {
      auto opened = open_source_ports(*resolved, source, source_ports_each);
      if (!opened) return std::unexpected(opened.error());
      ports.push_back(std::move(*opened));
    }
  }
  // From here on nothing fails.
  downstream = *resolved;
  downstream_source = source;
  settings.push_back(make_settings(config));
  Handover& handover = handovers.emplace_back();
  handover.settings = settings.back();
  handover.source_ports = std::move(ports);
  handover.shards_left = static_cast<std::uint32_t>(shards.size());
  for (const auto& shard : shards) post_surely(*shard, TakeOver{&handover});
  return {};
}

void RadiusServer::Impl::free_what_is_over() {
  handovers.remove_if([](const Handover& handover) {
    return handover.shards_left.load(std::memory_order_acquire) == 0;
  });
  std::erase_if(settings, [](const std::shared_ptr<const DoorSettings>& held) {
    return held.use_count() == 1 && held->clients.use_count() == 1 &&
           held->downstream_key.use_count() == 1;
  });
}

RadiusServer::RadiusServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

RadiusServer::~RadiusServer() = default;

std::expected<std::unique_ptr<RadiusServer>, std::string> RadiusServer::open(
    const config::Config& config, ring::Reactors& reactors, AuditQueue& audit) {
  auto impl = std::make_unique<Impl>();
  if (const auto opened = impl->open(config, reactors, audit); !opened) {
    return std::unexpected(opened.error());
  }
  return std::unique_ptr<RadiusServer>(new RadiusServer(std::move(impl)));
}

verify::VerdictSink& RadiusServer::verdicts() noexcept { return *impl_; }

void RadiusServer::use(verify::Verifier& verifier) {
  for (const auto& shard : impl_->shards) shard->use(verifier);
}

std::expected<void, std::string> RadiusServer::reload(const config::Config& config) {
  return impl_->reload(config);
}

void RadiusServer::drain(std::chrono::milliseconds grace) {
  const auto deadline = std::chrono::steady_clock::now() + grace;
  for (const auto& shard : impl_->shards) post_surely(*shard, Drain{});
  for (const auto& shard : impl_->shards) static_cast<void>(shard->wait_drained(deadline));
}

std::vector<const RadiusMetrics*> RadiusServer::metrics() const {
  std::vector<const RadiusMetrics*> all;
  for (const auto& shard : impl_->shards) all.push_back(&shard->metrics());
  return all;
}

std::vector<Endpoint> RadiusServer::listening() const { return impl_->bound; }

}  // namespace sallyport::radius_door
