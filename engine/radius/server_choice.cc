#include "engine/radius/server_choice.h"

#include <tuple>

namespace sallyport::radius_door {
namespace {

/// Lower is asked first.
enum class Rank : std::uint8_t { ready, warming, suspect, down };

Rank rank_of(const Candidate& candidate, const Seeker& seeker) noexcept {
  if (candidate.wants_trial) return Rank::ready;
  switch (candidate.state) {
    case ServerState::suspect: return Rank::suspect;
    case ServerState::down: return Rank::down;
    case ServerState::up: break;
  }
  // By the request's own hash, so that a retransmission and the next of a conversation are judged
  // alike. Mixed, because the hash itself picks the server.
  const std::uint64_t part = mixed(seeker.hash) >> 48;
  return part < candidate.share ? Rank::ready : Rank::warming;
}

bool is_better(config::DownstreamPolicy policy, const Candidate& one, const Candidate& other,
               std::uint64_t seeker) noexcept {
  using enum config::DownstreamPolicy;
  switch (policy) {
    case failover:
    case round_robin: return false;  // the first; round_robin has counted who that is
    case least_outstanding: return one.outstanding < other.outstanding;
    // Rendezvous: where a server comes or goes, only its own requests move.
    case hash: return mixed(seeker ^ one.name_hash) > mixed(seeker ^ other.name_hash);
  }
  return false;
}

}  // namespace

std::optional<std::size_t> choose_server(config::DownstreamPolicy policy,
                                         std::span<const Candidate> candidates,
                                         const Seeker& seeker, std::uint32_t turn) noexcept {
  using enum config::DownstreamPolicy;
  const std::size_t count = candidates.size();
  if (seeker.conversation && policy != failover) policy = hash;
  // Whoever takes turns begins one further each time; ties of the least go round likewise.
  const bool takes_turns = policy == round_robin || policy == least_outstanding;
  const std::size_t first = takes_turns ? turn % count : 0;
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = first + i < count ? first + i : first + i - count;
    if (seeker.not_this == at) continue;
    const Candidate& one = candidates[at];
    if (best) {
      const Candidate& other = candidates[*best];
      const std::tuple order(rank_of(one, seeker), one.priority);
      const std::tuple best_order(rank_of(other, seeker), other.priority);
      if (order > best_order) continue;
      if (order == best_order && !is_better(policy, one, other, seeker.hash)) continue;
    }
    best = at;
  }
  return best;
}

}  // namespace sallyport::radius_door
