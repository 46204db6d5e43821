#include "engine/radius/exchange.h"

#include "protocol/check.h"

namespace sallyport::radius_door {
namespace {

constexpr std::uint64_t kSlotMask = (std::uint64_t{1} << kTicketSlotBits) - 1;
constexpr std::uint64_t kGenerationMask = (std::uint64_t{1} << kTicketGenerationBits) - 1;

}  // namespace

ExchangePool::ExchangePool(std::uint16_t shard, std::uint32_t capacity)
    : shard_(shard), exchanges_(capacity) {
  CHECK(capacity >= 1 && capacity <= limits::kMaxExchangesPerShard);
  CHECK(shard < limits::kMaxShards);
  for (std::uint32_t slot = 0; slot < capacity; ++slot)
    exchanges_[slot].next = slot + 1 < capacity ? slot + 1 : kNone;
  counts_[static_cast<std::size_t>(ExchangeState::free)] = capacity;
}

std::optional<std::uint32_t> ExchangePool::next_free() const noexcept {
  if (first_free_ == kNone) return std::nullopt;
  return first_free_;
}

std::optional<std::uint32_t> ExchangePool::oldest_answered() const noexcept {
  if (oldest_answered_ == kNone) return std::nullopt;
  return oldest_answered_;
}

std::uint32_t ExchangePool::prefetch_next(std::uint32_t slot) const noexcept {
  std::uint32_t next = slot == kNone ? first_free_ : exchanges_[slot].next;
  if (next == kNone && (slot == kNone || exchanges_[slot].state == ExchangeState::free))
    next = oldest_answered_;
  if (next == kNone) return kNone;
  const auto* const lines = reinterpret_cast<const std::uint8_t*>(&exchanges_[next]);
  for (std::size_t at = 0; at < sizeof(Exchange); at += 64) __builtin_prefetch(lines + at, 1);
  return next;
}

void ExchangePool::transition(std::uint32_t slot, ExchangeState to) noexcept {
  Exchange& exchange = exchanges_[slot];
  const ExchangeState from = exchange.state;
  CHECK(may_follow(from, to));
  if (from == ExchangeState::free) {
    CHECK(slot == first_free_);
    first_free_ = exchange.next;
    const std::uint64_t generation = (exchange.generation + 1) & kGenerationMask;
    exchange = Exchange();
    exchange.generation = generation;
  }
  if (from == ExchangeState::answered) unlink_answered(slot);
  exchange.state = to;
  --counts_[static_cast<std::size_t>(from)];
  ++counts_[static_cast<std::size_t>(to)];
  if (to == ExchangeState::answered) append_answered(slot);
  if (to == ExchangeState::free) {
    CHECK(exchange.stored.empty());  // whoever ends an exchange gives its block back first
    exchange.next = first_free_;
    first_free_ = slot;
  }
}

verify::Ticket ExchangePool::ticket(std::uint32_t slot) const noexcept {
  return {std::uint64_t{shard_} << (kTicketSlotBits + kTicketGenerationBits) |
          exchanges_[slot].generation << kTicketSlotBits | slot};
}

std::optional<std::uint32_t> ExchangePool::find(verify::Ticket ticket) const noexcept {
  const auto slot = static_cast<std::uint32_t>(ticket.value & kSlotMask);
  if (slot >= exchanges_.size() || exchanges_[slot].state == ExchangeState::free) return {};
  if (this->ticket(slot) != ticket) return {};
  return slot;
}

void ExchangePool::append_answered(std::uint32_t slot) noexcept {
  exchanges_[slot].next = kNone;
  exchanges_[slot].previous = newest_answered_;
  (newest_answered_ == kNone ? oldest_answered_ : exchanges_[newest_answered_].next) = slot;
  newest_answered_ = slot;
}

void ExchangePool::unlink_answered(std::uint32_t slot) noexcept {
  const Exchange& exchange = exchanges_[slot];
  (exchange.previous == kNone ? oldest_answered_ : exchanges_[exchange.previous].next) =
      exchange.next;
  (exchange.next == kNone ? newest_answered_ : exchanges_[exchange.next].previous) =
      exchange.previous;
}

}  // namespace sallyport::radius_door
