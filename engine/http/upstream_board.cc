#include "engine/http/upstream_board.h"

#include <algorithm>

namespace sallyport::http_door {
namespace {

// A view as one word, so that a reader never sees half of it.
constexpr unsigned kKindAt = 8, kBrokenAt = 16, kDrainsAt = 24, kStatusAt = 32;

std::uint64_t packed(const ServerView& view) noexcept {
  const auto octet = [](auto value, unsigned at) {
    return std::uint64_t{static_cast<std::uint8_t>(value)} << at;
  };
  return octet(view.health, 0) | octet(view.reason.kind, kKindAt) |
         octet(view.reason.broken, kBrokenAt) | octet(view.drains, kDrainsAt) |
         std::uint64_t{view.reason.status} << kStatusAt;
}

ServerView unpacked(std::uint64_t word) noexcept {
  const auto octet = [word](unsigned at) { return static_cast<std::uint8_t>(word >> at); };
  return {.health = static_cast<Health>(octet(0)),
          .reason = {.kind = static_cast<HealthReason::Kind>(octet(kKindAt)),
                     .broken = static_cast<Broken>(octet(kBrokenAt)),
                     .status = static_cast<std::uint16_t>(word >> kStatusAt)},
          .drains = octet(kDrainsAt) != 0};
}

void add(std::vector<UpstreamState>& states, const PoolView& view) {
  for (std::size_t i = 0; i < view.servers().size(); ++i) {
    const std::string& label = view.servers()[i];
    auto state = std::ranges::find_if(states, [&](const UpstreamState& known) {
      return known.pool == view.pool() && known.server == label;
    });
    if (state == states.end()) {
      states.push_back({.pool = view.pool(), .server = label, .reason = {}});
      state = states.end() - 1;
    }
    const ServerView seen = view.read(i);
    if (seen.health >= state->worst()) state->reason = seen.reason;
    ++state->shards[static_cast<std::size_t>(seen.health)];
    state->drains |= seen.drains;
  }
}

}  // namespace

void PoolView::write(std::uint32_t server, const ServerView& view) noexcept {
  cells_[server].store(packed(view), std::memory_order_relaxed);
}

ServerView PoolView::read(std::size_t server) const noexcept {
  return unpacked(cells_[server].load(std::memory_order_relaxed));
}

Health UpstreamState::worst() const noexcept {
  for (const Health health : {Health::down, Health::suspect}) {
    if (shards[static_cast<std::size_t>(health)] > 0) return health;
  }
  return Health::up;
}

std::shared_ptr<PoolView> UpstreamBoard::enter(std::string pool, std::vector<std::string> servers) {
  auto view = std::make_shared<PoolView>(std::move(pool), std::move(servers));
  const std::scoped_lock lock(mutex_);
  std::erase_if(views_, [](const auto& known) { return known.expired(); });
  views_.push_back(view);
  return view;
}

std::vector<UpstreamState> UpstreamBoard::read() const {
  std::vector<UpstreamState> states;
  const std::scoped_lock lock(mutex_);
  for (const auto& known : views_) {
    if (const auto view = known.lock()) add(states, *view);
  }
  return states;
}

}  // namespace sallyport::http_door
