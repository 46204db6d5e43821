#include "engine/radius/identifier_pool.h"

#include <algorithm>
#include <bit>

#include "protocol/check.h"

namespace sallyport::radius_door {

IdentifierPool::IdentifierPool(std::uint16_t max_source_ports)
    : max_ports_(max_source_ports),
      owners_(std::size_t{max_source_ports} * limits::kIdentifiersPerSourcePort, kFree),
      free_(std::bit_ceil(owners_.size())),
      mask_(static_cast<std::uint32_t>(free_.size() - 1)),
      reserved_(free_.size()) {
  CHECK(max_source_ports >= 1 && max_source_ports <= limits::kMaxSourcePortsPerShard);
}

bool IdentifierPool::wants_port() const noexcept {
  return open_ports_ < max_ports_ && std::size_t{free_count_} * 4 <= identifiers_;
}

void IdentifierPool::add_port() noexcept {
  CHECK(ports_ < max_ports_);
  // What was never used goes before all that was.
  for (unsigned identifier = limits::kIdentifiersPerSourcePort; identifier-- > 0;)
    push_front(
        index_of({.source_port = ports_, .identifier = {static_cast<std::uint8_t>(identifier)}}));
  ++ports_;
  ++open_ports_;
  identifiers_ += static_cast<std::uint32_t>(limits::kIdentifiersPerSourcePort);
}

void IdentifierPool::open_port(std::uint16_t port) noexcept {
  CHECK(port < max_ports_);
  for (unsigned identifier = limits::kIdentifiersPerSourcePort; identifier-- > 1;) {
    const std::uint16_t channel =
        index_of({.source_port = port, .identifier = {static_cast<std::uint8_t>(identifier)}});
    CHECK(owners_[channel] == kFree);
    push_front(channel);
  }
  ports_ = std::max<std::uint16_t>(ports_, port + 1);
  ++open_ports_;
  identifiers_ += static_cast<std::uint32_t>(limits::kIdentifiersPerSourcePort - 1);
}

void IdentifierPool::close_port(std::uint16_t port, Released& released) noexcept {
  CHECK(port < ports_ && open_ports_ > 0);
  released.count = 0;
  const auto of_port = [port](std::uint16_t channel) { return channel >> 8 == port; };
  std::uint32_t kept = 0;
  for (std::uint32_t i = 0; i < free_count_; ++i) {
    const std::uint16_t channel = free_[(head_ + i) & mask_];
    if (!of_port(channel)) free_[(head_ + kept++) & mask_] = channel;
  }
  free_count_ = kept;
  kept = 0;
  for (std::uint32_t i = 0; i < reserved_count_; ++i) {
    const Reservation reservation = reserved_[(reserved_head_ + i) & mask_];
    if (!of_port(reservation.channel)) reserved_[(reserved_head_ + kept++) & mask_] = reservation;
  }
  reserved_count_ = kept;
  const std::size_t first = std::size_t{port} << 8;
  for (std::size_t i = first; i < first + limits::kIdentifiersPerSourcePort; ++i) {
    if (owners_[i] < kReserved) released.slots[released.count++] = owners_[i];
    owners_[i] = kFree;
  }
  --open_ports_;
  identifiers_ -= static_cast<std::uint32_t>(limits::kIdentifiersPerSourcePort - 1);
}

std::optional<Channel> IdentifierPool::take(std::uint32_t slot, std::uint64_t now_ms) noexcept {
  end_reservations(now_ms);
  if (free_count_ == 0) return std::nullopt;
  const std::uint16_t channel = free_[head_ & mask_];
  ++head_;
  --free_count_;
  CHECK(owners_[channel] == kFree);
  owners_[channel] = slot;
  return Channel{.source_port = static_cast<std::uint16_t>(channel >> 8),
                 .identifier = {static_cast<std::uint8_t>(channel)}};
}

void IdentifierPool::give_back_unused(Channel channel) noexcept {
  CHECK(owner(channel).has_value());
  owners_[index_of(channel)] = kFree;
  push_front(index_of(channel));
}

void IdentifierPool::give_back(Channel channel) noexcept {
  CHECK(owner(channel).has_value());
  owners_[index_of(channel)] = kFree;
  push_back(index_of(channel));
}

void IdentifierPool::reserve(Channel channel, std::uint64_t until_ms) noexcept {
  CHECK(owner(channel).has_value());
  owners_[index_of(channel)] = kReserved;
  reserved_[(reserved_head_ + reserved_count_) & mask_] = {.channel = index_of(channel),
                                                           .until_ms = until_ms};
  ++reserved_count_;
}

std::optional<std::uint32_t> IdentifierPool::owner(Channel channel) const noexcept {
  if (channel.source_port >= ports_) return std::nullopt;
  const std::uint32_t slot = owners_[index_of(channel)];
  if (slot == kFree || slot == kReserved) return std::nullopt;
  return slot;
}

std::uint16_t IdentifierPool::index_of(Channel channel) noexcept {
  return static_cast<std::uint16_t>(channel.source_port << 8 | channel.identifier.value);
}

// Reservations end in the order in which they began. Where the time-out became shorter by a reload,
// a later one waits for the one before it: longer than needed, never too short.
void IdentifierPool::end_reservations(std::uint64_t now_ms) noexcept {
  while (reserved_count_ > 0) {
    const Reservation& oldest = reserved_[reserved_head_ & mask_];
    if (oldest.until_ms > now_ms) return;
    owners_[oldest.channel] = kFree;
    push_back(oldest.channel);
    ++reserved_head_;
    --reserved_count_;
  }
}

void IdentifierPool::push_back(std::uint16_t channel) noexcept {
  free_[(head_ + free_count_) & mask_] = channel;
  ++free_count_;
}

void IdentifierPool::push_front(std::uint16_t channel) noexcept {
  --head_;
  free_[head_ & mask_] = channel;
  ++free_count_;
}

}  // namespace sallyport::radius_door
