#pragma once
// One RADIUS exchange, from its first datagram to the end of its duplicate window, and the fixed
// pool of them. Slots never move; a generation tells a slot's present life from earlier ones. One
// thread.

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/radius/appended.h"
#include "engine/radius/client_table.h"
#include "engine/radius/duplicate_table.h"
#include "engine/radius/identifier_pool.h"
#include "engine/radius/packet_store.h"
#include "protocol/radius/authenticator.h"
#include "protocol/radius/codes.h"
#include "verify/login_factor.h"
#include "verify/verification.h"

namespace sallyport::radius_door {

enum class ExchangeState : std::uint8_t {
  free,              ///< in the pool
  forwarded,         ///< sent downstream, waiting for the reply (RFC 5080 §2.2.1 retransmission)
  awaiting_verdict,  ///< downstream accepted; the user is being asked, or has typed a code
  awaiting_storage,  ///< accounting that the spool is to have on the disk before it is acknowledged
  answered,          ///< answer kept for duplicates until the window ends (RFC 5080 §2.2.2)
};
inline constexpr std::size_t kExchangeStates = 5;

/// Whether a state may follow another. The whole life of an exchange:
/// free → forwarded → [awaiting_verdict →] answered → free, or, with a code for a challenge of
/// ours, free → awaiting_verdict → answered → free, or free → awaiting_storage → answered →
/// free, or → free at once when no answer is owed any more.
[[nodiscard]] constexpr bool may_follow(ExchangeState from, ExchangeState to) noexcept {
  //                                  to: free   forwarded verdict storage answered
  constexpr bool kAllowed[5][5] = {{/*free*/ false, true, true, true, false},
                                   {/*forwarded*/ true, false, true, false, true},
                                   {/*awaiting_verdict*/ true, false, false, false, true},
                                   {/*awaiting_storage*/ true, false, false, false, true},
                                   {/*answered*/ true, false, false, false, false}};
  return kAllowed[static_cast<std::size_t>(from)][static_cast<std::size_t>(to)];
}

struct Exchange {
  RequestKey key;
  ExchangeState state = ExchangeState::free;         ///< changed by ExchangePool::transition only
  radius::Code code = radius::Code::access_request;  ///< of the client's request
  std::uint8_t settings = 0;                         ///< SettingsHistory place it began with
  bool asked = false;                                ///< verify took the question
  bool is_eap = false;
  radius::Version version = radius::Version::v1_0;  ///< on the client's hop
  bool has_proxy_states = false;                    ///< the client's request
  bool by_code : 1 = false;                         ///< the desk of codes has it, or will have
  bool begins : 1 = false;       ///< by_code: its login has just been held, and nothing was typed
  bool asks_groups : 1 = false;  ///< by_code: which groups the user is in comes before all else
  verify::LoginFactor factor : 2 = verify::LoginFactor::push;  ///< that is asked for
  radius::Version downstream_version = radius::Version::v1_0;  ///< of the packet sent downstream
  std::uint8_t eap_identifier = 0;                             ///< for an EAP-Failure of our own
  std::uint16_t policy = 0xffff;  ///< that decides (PolicyTable), once the downstream accepted
  std::uint16_t server = 0;       ///< index in its settings' plan
  radius::Authenticator client_authenticator;      ///< RADIUS/1.1: Token and zeros
  radius::Authenticator downstream_authenticator;  ///< as sent downstream
  const ClientEntry* client = nullptr;             ///< lives as long as `settings`
  std::uint64_t generation = 0;
  std::uint64_t received_ns = 0;  ///< first datagram; forwarded in the same turn
  std::uint64_t asked_ns = 0;
  union {
    std::uint64_t user_hash = 0;  ///< awaiting_verdict: verify's thread
    Appended appended;  ///< forwarded, asks_groups: the factor that stood behind the password
  };
  verify::JoinKey join_key;
  std::uint32_t downstream_us = 0;   ///< forwarded to reply
  std::uint32_t retransmit_ms = 0;   ///< the interval now running; 0: no retransmission
  std::uint32_t duplicate_hash = 0;  ///< of `key`
  PacketStore::Handle stored;        ///< forwarded: the datagram sent downstream; answered: the
                                     ///< answer; awaiting_verdict: SenderNote, then the Accept
                                     ///< (by_code: the request, or a packet that has its
                                     ///< Proxy-States);
                                     ///< awaiting_storage: the request as it came
  std::uint16_t packet_begin = 0;    ///< where the packet stands in the block
  std::uint16_t packet_octets = 0;
  Channel channel;         ///< while forwarded; it may wait for one
  std::uint32_t next = 0;  ///< in the free list or the list of answered ones
  union {
    std::uint32_t sent_after_ms = 0;  ///< forwarded: `received_ns` to when `server` was first asked
    std::uint32_t previous;           ///< answered: in the list
  };
};
static_assert(sizeof(Exchange) <= 192, "three cache lines");
static_assert(verify::kLoginFactors <= 4, "Exchange::factor");

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
