#include "engine/radius/downstream_board.h"

#include <algorithm>
#include <utility>

namespace sallyport::radius_door {

ServerState DownstreamState::worst() const noexcept {
  for (const ServerState state : {ServerState::down, ServerState::suspect})
    if (shards[static_cast<std::size_t>(state)] > 0) return state;
  return ServerState::up;
}

// Shards are looked at one by one: one that is asked nothing sees its servers up for ever.
bool DownstreamBoard::is_out(const std::string& pool) const {
  const std::size_t shards = entries_.empty() ? 0 : entries_.front().shards.size();
  for (std::size_t shard = 0; shard < shards; ++shard) {
    const bool out = std::ranges::all_of(entries_, [&](const Entry& entry) {
      return entry.pool != pool || entry.shards[shard]->state.value() ==
                                       std::uint64_t{static_cast<std::uint8_t>(ServerState::down)};
    });
    if (out) return true;
  }
  return false;
}

void DownstreamBoard::show(std::vector<Entry> entries) {
  const std::scoped_lock lock(mutex_);
  entries_ = std::move(entries);
}

std::vector<DownstreamState> DownstreamBoard::read() const {
  std::vector<DownstreamState> states;
  const std::scoped_lock lock(mutex_);
  for (const Entry& entry : entries_) {
    DownstreamState& state = states.emplace_back();
    state.pool = entry.pool;
    state.server = entry.server;
    state.address = entry.address;
    state.pool_is_out = is_out(entry.pool);
    for (const auto& shard : entry.shards) {
      const std::uint64_t seen = shard->state.value();
      if (seen >= std::uint64_t{static_cast<std::uint8_t>(state.worst())})
        state.reason = static_cast<ServerReason>(shard->reason.value());
      ++state.shards[seen];
      state.outstanding += shard->outstanding.value();
      state.forwarded += shard->forwarded.value();
      state.replies += shard->replies.value();
      state.timeouts += shard->timeouts.value();
      state.failed_over += shard->failed_over.value();
      state.probes += shard->probes.value();
      state.probe_answers += shard->probe_answers.value();
      state.unreachable += shard->unreachable.value();
      state.connections += shard->connections.value();
      state.connected += shard->connected.value();
      state.lost += shard->lost.value();
    }
  }
  return states;
}

}  // namespace sallyport::radius_door
