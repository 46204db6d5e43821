#include "engine/radius/downstream_board.h"

#include <algorithm>
#include <utility>

namespace sallyport::radius_door {

ServerState DownstreamState::worst() const noexcept {
  for (const ServerState state : {ServerState::down, ServerState::suspect})
    if (shards[static_cast<std::size_t>(state)] > 0) return state;
  return ServerState::up;
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
