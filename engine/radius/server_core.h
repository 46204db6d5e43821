#pragma once
// Inside RadiusServer: what it has, and who does what.
//   server.cc           how it is opened, reloaded and asked
//   server_takeover.cc  how it is handed over to another process, and how it takes over

#include <atomic>
#include <chrono>
#include <cstdint>
#include <expected>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engine/config/config.h"
#include "engine/radius/coa/coa_server.h"
#include "engine/radius/host_addresses.h"
#include "engine/radius/link_places.h"
#include "engine/radius/listeners.h"
#include "engine/radius/name_watcher.h"
#include "engine/radius/server.h"
#include "engine/radius/shard.h"

namespace sallyport::radius_door {

/// A ticket is shard (8) | generation (36) | slot (20).
inline constexpr unsigned kTicketShardShift = 56;
/// A part of what all shards have together, 1 to `most`.
[[nodiscard]] inline std::uint32_t share_of(std::uint32_t total, std::size_t shards,
                                            std::size_t most) {
  const std::size_t share = (std::size_t{total} + shards - 1) / shards;
  return static_cast<std::uint32_t>(std::clamp<std::size_t>(share, 1, most));
}

/// A full mailbox lasts no longer than a turn of the shard's loop.
inline void post_surely(Shard& shard, const ShardMessage& message) {
  while (!shard.post(message)) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

struct RadiusServer::Impl final : verify::VerdictSink, verify::CodeSink, StorageSink {
  config::Radius configured;                              ///< what cannot change while running
  std::vector<config::RadsecListener> configured_radsec;  ///< the same
  std::uint32_t source_ports_each = 0;
  LearnedAddresses learned_clients;
  LearnedAddresses learned_downstreams;
  std::vector<ListenGroup> groups;         ///< kept for a process that takes over
  std::vector<RadsecGroup> radsec_groups;  ///< the same
  std::vector<std::unique_ptr<Shard>> shards;
  std::unique_ptr<Spool> spool;       ///< none: accounting is not spooled
  std::unique_ptr<CoaServer> coa;     ///< none: no dynamic authorization
  std::list<Handover> handovers;      ///< shards hold pointers into it
  std::list<Succession> successions;  ///< and into it
  /// Settings that shards may still use. Freed here, so that no shard pays for it.
  std::vector<std::shared_ptr<const DoorSettings>> settings;
  LinkPlaces places;
  /// What the watcher's thread and the main one change: all of the above, once it runs.
  std::mutex changing;
  HostAddresses addresses;  ///< in use
  config::Config named;     ///< what they are resolved for
  NameWatcher watcher{[this](const HostAddresses& now) { follow(now); }};

  [[nodiscard]] std::expected<void, std::string> open(const config::Config& config,
                                                      ring::Reactors& reactors, AuditQueue& audit,
                                                      CoaAuditQueue& coa_audit,
                                                      std::optional<Inheritance> inheritance);
  /// The sockets that clients send to: those that the process before us had, or new ones.
  [[nodiscard]] std::expected<void, std::string> open_listening(
      const config::Config& config, std::size_t count, std::optional<Inheritance>& inheritance);
  [[nodiscard]] std::expected<void, std::string> open_spool(const config::Config& config,
                                                            Octets proxy_state, Spool::When when);
  [[nodiscard]] std::expected<void, std::string> open_coa(const config::Config& config,
                                                          Octets proxy_state, CoaAuditQueue& audit,
                                                          std::vector<ListenerCopies> inherited);
  [[nodiscard]] Legacy step_back(std::vector<ring::FileDescriptor> returns);
  [[nodiscard]] std::expected<void, std::string> reload(const config::Config& config);
  /// Names have other addresses than those in use.
  void follow(const HostAddresses& now);
  /// Gives the shards new settings, with new links.
  void hand_over(std::shared_ptr<const DoorSettings> next, LinkPlaces::Laid laid,
                 const config::Downstream& downstream);
  void watch(const config::Config& config, HostAddresses now);
  void free_what_is_over();

  /// Verify's threads. An answer for no shard of ours is taken and forgotten: nobody waits for it.
  [[nodiscard]] bool deliver(const verify::Answer& answer) noexcept override {
    const std::uint64_t shard = answer.ticket.value >> kTicketShardShift;
    return shard >= shards.size() || shards[shard]->post(answer);
  }
  [[nodiscard]] bool deliver(const verify::CodeAnswer& answer) noexcept override {
    return shards[answer.ticket.value >> kTicketShardShift]->post(answer);
  }
  [[nodiscard]] bool deliver(const StorageAnswer& answer) noexcept override {
    return shards[answer.ticket.value >> kTicketShardShift]->post(answer);
  }
};

}  // namespace sallyport::radius_door
