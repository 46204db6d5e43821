#pragma once
// Which server of a pool is asked. Pure.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "engine/config/downstream.h"
#include "engine/radius/server_health.h"

namespace sallyport::radius_door {

/// A server of the pool as it is now, in the order of the configuration.
struct Candidate {
  ServerState state = ServerState::up;
  bool wants_trial = false;
  std::uint32_t share = ServerHealth::kWhole;  ///< slow start
  std::uint32_t outstanding = 0;
  std::uint32_t priority = 1;
  std::uint64_t name_hash = 0;  ///< with the pool's seed: rendezvous hashing
};

/// A request that wants a server.
struct Seeker {
  std::uint64_t hash = 0;  ///< of the user or the calling station
  /// One request of several that belong together (EAP, State): whatever the policy, `hash` decides
  /// among those that are up, so that the next one finds the same server.
  bool conversation = false;
  std::optional<std::size_t> not_this = {};  ///< it has just failed this request
};

/// Servers that are up, and those that want a trial, go before those that are suspect, and these
/// before those that are down; then the lower priority; then the policy. Empty: there is none but
/// `not_this`. `turn` counts the pool's requests. `candidates`: at least one.
[[nodiscard]] std::optional<std::size_t> choose_server(config::DownstreamPolicy policy,
                                                       std::span<const Candidate> candidates,
                                                       const Seeker& seeker,
                                                       std::uint32_t turn) noexcept;

/// SplitMix64's finalizer: spreads what is not evenly spread yet.
[[nodiscard]] constexpr std::uint64_t mixed(std::uint64_t value) noexcept {
  value = (value ^ value >> 30) * 0xbf58'476d'1ce4'e5b9;
  value = (value ^ value >> 27) * 0x94d0'49bb'1331'11eb;
  return value ^ value >> 31;
}

}  // namespace sallyport::radius_door
