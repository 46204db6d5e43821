#pragma once
// One RADIUS exchange, from its first datagram to the end of its duplicate window, and the fixed
// pool of them. Slots never move; a generation tells a slot's present life from earlier ones. One
// thread.

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/radius/client_table.h"
#include "engine/radius/duplicate_table.h"
#include "engine/radius/identifier_pool.h"
#include "engine/radius/packet_store.h"
#include "protocol/radius/authenticator.h"
#include "protocol/radius/codes.h"
#include "verify/verification.h"

namespace sallyport::radius_door {

enum class ExchangeState : std::uint8_t {
  free,              ///< in the pool
  forwarded,         ///< sent downstream, waiting for the reply (RFC 5080 §2.2.1 retransmission)
  awaiting_verdict,  ///< downstream accepted; the user is being asked
  answered,          ///< answer kept for duplicates until the window ends (RFC 5080 §2.2.2)
};
inline constexpr std::size_t kExchangeStates = 4;

/// Whether a state may follow another. The whole life of an exchange:
/// free → forwarded → [awaiting_verdict →] answered → free, or → free at once when no answer is
/// owed any more.
[[nodiscard]] constexpr bool may_follow(ExchangeState from, ExchangeState to) noexcept {
  //                                  to: free   forwarded awaiting answered
  constexpr bool kAllowed[4][4] = {{/*free*/ false, true, false, false},
                                   {/*forwarded*/ true, false, true, true},
                                   {/*awaiting_verdict*/ true, false, false, true},
                                   {/*answered*/ true, false, false, false}};
  return kAllowed[static_cast<std::size_t>(from)][static_cast<std::size_t>(to)];
}

struct Exchange {
  RequestKey key;
  ExchangeState state = ExchangeState::free;         ///< changed by ExchangePool::transition only
  radius::Code code = radius::Code::access_request;  ///< of the client's request
  std::uint8_t settings = 0;                         ///< SettingsHistory place it began with
  bool asked = false;                                ///< verify took the question
  bool is_eap = false;
  bool has_proxy_states = false;    ///< the client's request
  std::uint8_t eap_identifier = 0;  ///< for an EAP-Failure of our own
  radius::Authenticator client_authenticator;
  radius::Authenticator downstream_authenticator;  ///< as sent downstream
  const ClientEntry* client = nullptr;             ///< lives as long as `settings`
  std::uint64_t generation = 0;
  std::uint64_t received_ns = 0;  ///< first datagram; forwarded in the same turn
  std::uint64_t asked_ns = 0;
  std::uint64_t user_hash = 0;
  verify::JoinKey join_key;
  std::uint32_t downstream_us = 0;   ///< forwarded to reply
  std::uint32_t retransmit_ms = 0;   ///< the interval now running; 0: no retransmission
  std::uint32_t duplicate_hash = 0;  ///< of `key`
  PacketStore::Handle stored;        ///< forwarded: the datagram sent downstream; answered: the
                                     ///< answer; awaiting_verdict: SenderNote, then the Accept
  std::uint16_t packet_begin = 0;    ///< where the packet stands in the block
  std::uint16_t packet_octets = 0;
  Channel channel;         ///< while forwarded
  std::uint32_t next = 0;  ///< in the free list or the list of answered ones
  std::uint32_t previous = 0;
};
static_assert(sizeof(Exchange) <= 192, "three cache lines");

/// A ticket is shard (8 bits) | generation (36) | slot (20): verify's answers find their exchange,
/// and only it.
inline constexpr unsigned kTicketSlotBits = 20;
inline constexpr unsigned kTicketGenerationBits = 36;
static_assert(limits::kMaxExchangesPerShard <= std::size_t{1} << kTicketSlotBits);
static_assert(limits::kMaxShards <= 1u << (64 - kTicketSlotBits - kTicketGenerationBits));

[[nodiscard]] constexpr std::uint16_t ticket_shard(verify::Ticket ticket) noexcept {
  return static_cast<std::uint16_t>(ticket.value >> (kTicketSlotBits + kTicketGenerationBits));
}

class ExchangePool {
 public:
  static constexpr std::uint32_t kNone = 0xffff'ffff;

  ExchangePool(std::uint16_t shard, std::uint32_t capacity);

  [[nodiscard]] Exchange& operator[](std::uint32_t slot) noexcept { return exchanges_[slot]; }
  [[nodiscard]] const Exchange& operator[](std::uint32_t slot) const noexcept {
    return exchanges_[slot];
  }

  /// The slot that take() will give; empty: every exchange is in use.
  [[nodiscard]] std::optional<std::uint32_t> next_free() const noexcept;
  /// The exchange answered longest ago; empty: none is answered.
  [[nodiscard]] std::optional<std::uint32_t> oldest_answered() const noexcept;

  /// Exchanges are taken from cold memory. Brings the one that is taken next into the cache, or the
  /// one after `slot`, and returns it; kNone: none. A hint: nothing depends on it.
  [[nodiscard]] std::uint32_t prefetch_next(std::uint32_t slot = kNone) const noexcept;

  /// The one place where a state changes. Leaving `free` begins a new life (next generation,
  /// fields reset); `slot` must then be next_free().
  void transition(std::uint32_t slot, ExchangeState to) noexcept;

  [[nodiscard]] verify::Ticket ticket(std::uint32_t slot) const noexcept;
  /// The slot this ticket was made for, if it still lives the same life.
  [[nodiscard]] std::optional<std::uint32_t> find(verify::Ticket ticket) const noexcept;

  [[nodiscard]] std::uint32_t capacity() const noexcept {
    return static_cast<std::uint32_t>(exchanges_.size());
  }
  [[nodiscard]] std::uint32_t count(ExchangeState state) const noexcept {
    return counts_[static_cast<std::size_t>(state)];
  }

 private:
  void append_answered(std::uint32_t slot) noexcept;
  void unlink_answered(std::uint32_t slot) noexcept;

  const std::uint16_t shard_;
  std::vector<Exchange> exchanges_;
  std::uint32_t counts_[kExchangeStates] = {};
  std::uint32_t first_free_ = 0;
  std::uint32_t oldest_answered_ = kNone;
  std::uint32_t newest_answered_ = kNone;
};

}  // namespace sallyport::radius_door
