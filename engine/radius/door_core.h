#pragma once
// Inside the door: what it owns, and its steps in the order in which a request meets them.
//   door.cc             requests come in: checked, found to be new, sent downstream
//   door_downstream.cc  their replies come back: passed on, or parked while the user is asked
//   door_verdict.cc     the verdict, and everything that leaves for the client
//   door_timers.cc      retransmission, time-outs, the end of an exchange

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "engine/radius/door.h"
#include "engine/radius/duplicate_table.h"
#include "engine/radius/exchange.h"
#include "engine/radius/fingerprint.h"
#include "engine/radius/identifier_pool.h"
#include "engine/radius/packet_store.h"
#include "engine/radius/sender_note.h"
#include "engine/radius/settings_history.h"
#include "engine/ring/timer_wheel.h"
#include "protocol/check.h"
#include "protocol/md5/batch.h"
#include "protocol/radius/hop_key.h"
#include "protocol/radius/packet.h"
#include "protocol/radius/rehide.h"
#include "protocol/radius/unsigned_packet.h"

namespace sallyport::radius_door {

/// Datagrams that go through the door side by side: their digests fill the lanes of md5::Batch.
inline constexpr std::size_t kBatch = 64;
/// Proof and both pads of a password, of each request.
static_assert(3 * kBatch <= md5::Batch::kMaxMessages);

/// How many of `left` datagrams go next: batches of one turn are about equal, since a small one
/// leaves lanes empty.
[[nodiscard]] constexpr std::size_t next_batch(std::size_t left) noexcept {
  const std::size_t batches = (left + kBatch - 1) / kBatch;
  return (left + batches - 1) / batches;
}

/// A request that has been parsed, and whose client is known. Not authenticated yet.
struct ArrivedRequest {
  const ClientPath* path;
  radius::PacketView packet;
  const ClientEntry* client;
  RequestKey key;
  std::uint32_t hash;  ///< of `key`
  radius::Proof proof;
  radius::Authenticator downstream_authenticator;  ///< should it go on
  radius::HidingPads password_pads;                ///< where it has a User-Password
  bool has_password_pads;
};

/// A reply that has been parsed, and that an exchange waits for. Not authenticated yet.
struct ArrivedReply {
  radius::PacketView packet;
  std::uint16_t source_port;
  std::uint32_t slot;
  radius::Proof proof;
};

/// A packet in its exchange's block that leaves when the batch's packets are signed.
struct Departure {
  std::uint32_t slot;
  radius::UnsignedPacket packet;

  /// Orders longer ones before shorter ones. Datagrams of one length to one destination share a
  /// send (ring::SendSlots) when one follows the other, and only the last of them may be shorter.
  [[nodiscard]] std::size_t shortness() const noexcept {
    return radius::kMaxPacketOctets - packet.size();
  }
};

/// At most kBatch of something, in order.
template <typename T>
class BatchOf {
 public:
  T& add(const T& item) noexcept {
    CHECK(size_ < kBatch);
    return items_[size_++] = item;
  }
  void clear() noexcept { size_ = 0; }
  template <typename Key>
  void order_by(Key&& key) noexcept {
    std::ranges::sort(*this, {}, key);
  }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] T* begin() noexcept { return items_.data(); }
  [[nodiscard]] T* end() noexcept { return items_.data() + size_; }

 private:
  std::size_t size_ = 0;
  std::array<T, kBatch> items_;
};

struct Door::Core {
  Core(const DoorPlan& plan, std::shared_ptr<const DoorSettings> initial, Outbox& out,
       RandomSource& randomness, RadiusMetrics& counters, Now now);

  // door.cc
  void client_datagrams(Now now, std::span<const ClientDatagram> datagrams) noexcept;
  /// Everything that can be known of a datagram before its client is believed.
  void read_requests(std::span<const ClientDatagram> batch) noexcept;
  void read_request(const ClientDatagram& datagram, const ClientEntry* client) noexcept;
  /// The exchange that is kept for this very request; empty: none. Of no consequence as long as the
  /// request is not authenticated.
  [[nodiscard]] std::optional<std::uint32_t> known_exchange(
      const ArrivedRequest& arrived) const noexcept;
  /// Brings what the next new request will need into the cache.
  void warm_next_exchange() noexcept;
  void admit(Now now, const ArrivedRequest& arrived) noexcept;
  /// Why a request is not listened to; empty: it is authentic and within its client's policy.
  [[nodiscard]] std::optional<Drop> refuse(const ArrivedRequest& arrived) noexcept;
  [[nodiscard]] bool carries_our_mark(const radius::PacketView& request) const noexcept;
  void answer_status_server(const ClientPath& path, const radius::PacketView& request,
                            const ClientEntry& client) noexcept;
  void repeat_answer(std::uint32_t slot) noexcept;
  /// Before any of them could end, and when the batch does.
  void send_repeats() noexcept;
  void forward(Now now, const ArrivedRequest& arrived) noexcept;
  void begin(Now now, std::uint32_t slot, const ArrivedRequest& arrived) noexcept;
  /// Signs what departs, and sends it downstream.
  void send_requests(Now now) noexcept;
  void open_port_if_wanted(Now now) noexcept;
  void drop(Drop reason) noexcept { metrics.drops[static_cast<std::size_t>(reason)].add(); }

  // door_downstream.cc
  void downstream_datagrams(Now now, std::span<const DownstreamDatagram> datagrams) noexcept;
  void read_reply(const DownstreamDatagram& datagram) noexcept;
  void take_reply(Now now, const ArrivedReply& arrived) noexcept;
  [[nodiscard]] std::optional<Drop> refuse_reply(const ArrivedReply& arrived,
                                                 const Exchange& exchange) noexcept;
  /// The reply for the client, in a block of its own behind `room` octets.
  struct Translated {
    PacketStore::Handle block;
    radius::UnsignedPacket packet;
  };
  /// Empty: it cannot be carried over.
  [[nodiscard]] std::optional<Translated> translate_for_client(const radius::PacketView& reply,
                                                               const Exchange& exchange,
                                                               std::size_t room) noexcept;
  /// Signs what departs, and sends it to the clients.
  void send_answers(Now now) noexcept;
  void pass_through(Now now, std::uint32_t slot, const radius::PacketView& reply) noexcept;
  /// The downstream accepted: parks its answer and asks the user.
  void park_and_ask(Now now, std::uint32_t slot, const radius::PacketView& accept) noexcept;
  [[nodiscard]] verify::Question question_about(Now now, std::uint32_t slot,
                                                const radius::PacketView& request,
                                                const SenderNote& note) const noexcept;
  void reply_arrived(Now now, std::uint32_t slot) noexcept;

  // door_verdict.cc
  void verdict(Now now, const verify::Answer& answer) noexcept;
  void decide(Now now, std::uint32_t slot, const verify::Answer& answer) noexcept;
  void decide_unavailable(Now now, std::uint32_t slot, const verify::Answer& answer) noexcept;
  /// Access-Reject of our own, with nothing of what the downstream would have granted.
  void reject(Now now, std::uint32_t slot, Outcome outcome, std::string_view message,
              const verify::Answer* answer) noexcept;
  /// Sends what is stored and keeps it for duplicates.
  void answer_stored(Now now, std::uint32_t slot) noexcept;
  /// False: the audit queue is full, and the record is lost.
  bool record(Now now, std::uint32_t slot, Outcome outcome, DownstreamSaid said,
              const verify::Answer* answer = nullptr) noexcept;
  [[nodiscard]] SenderNote note_of(const Exchange& exchange) const noexcept;

  // door_timers.cc
  void advance(Now now) noexcept;
  void timer_fired(Now now, std::uint32_t slot) noexcept;
  void retransmit(Now now, std::uint32_t slot) noexcept;
  void give_up_on_downstream(Now now, std::uint32_t slot) noexcept;
  void give_up_on_verdict(Now now, std::uint32_t slot) noexcept;
  /// The client no longer waits: the same Identifier has come with a new authenticator.
  void abandon(Now now, std::uint32_t slot) noexcept;
  /// Frees the slot. Its channel and its verification have been let go of before.
  void end(std::uint32_t slot) noexcept;
  void schedule_downstream_timer(Now now, std::uint32_t slot) noexcept;
  [[nodiscard]] std::uint64_t reply_deadline_ms(const Exchange& exchange) const noexcept;
  [[nodiscard]] std::uint32_t jittered_ms(std::uint32_t interval_ms,
                                          std::uint32_t spread_ms) noexcept;

  [[nodiscard]] Octets stored_packet(const Exchange& exchange) const noexcept;
  /// Replaces what the exchange keeps: a packet that stands behind `packet_begin` other octets.
  void keep(Exchange& exchange, PacketStore::Handle block, std::size_t packet_begin,
            std::size_t packet_octets) noexcept;
  /// Computes the authenticators of all that departs.
  void sign_departures() noexcept;
  void show_gauges() noexcept;

  const DoorPlan plan;
  Outbox& outbox;
  RandomSource& random;
  RadiusMetrics& metrics;
  SettingsHistory settings;
  ExchangePool exchanges;
  DuplicateTable duplicates;
  IdentifierPool identifiers;
  PacketStore packets;
  ring::TimerWheel timers;  ///< one for each exchange; its state says what it is for
  Fingerprint fingerprint;
  std::array<std::uint8_t, 8> mark;        ///< our Proxy-State: the same in all shards
  std::uint64_t next_port_attempt_ms = 0;  ///< opening one failed: not before
  bool draining = false;
  std::uint32_t warmed = ExchangePool::kNone;  ///< the last exchange of this batch that was
  md5::Batch digests;
  BatchOf<ArrivedRequest> requests;
  BatchOf<ArrivedReply> replies;
  BatchOf<Departure> departures;
  BatchOf<std::uint32_t> repeats;  ///< exchanges whose kept answer is sent once more
  std::array<std::uint8_t, radius::kMaxPacketOctets> scratch;
  std::array<std::uint8_t, radius::kMaxPacketOctets> proxy_states;
};

}  // namespace sallyport::radius_door
