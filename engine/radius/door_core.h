#pragma once
// Inside the door: what it owns, and its steps in the order in which a request meets them.
//   door.cc             a request comes in: checked, found to be new, sent downstream
//   door_downstream.cc  its reply comes back: passed on, or parked while the user is asked
//   door_verdict.cc     the verdict, and everything that leaves for the client
//   door_timers.cc      retransmission, time-outs, the end of an exchange

#include <array>
#include <cstdint>
#include <optional>
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
#include "protocol/radius/packet.h"

namespace sallyport::radius_door {

struct Door::Core {
  Core(const DoorPlan& plan, std::shared_ptr<const DoorSettings> initial, Outbox& out,
       RandomSource& randomness, RadiusMetrics& counters, Now now);

  // door.cc
  void client_datagram(Now now, const ClientPath& path, Octets datagram) noexcept;
  /// Why a request is not listened to; empty: it is authentic and within its client's policy.
  [[nodiscard]] std::optional<Drop> refuse(const radius::PacketView& request,
                                           const ClientEntry& client,
                                           const IpAddress& source) noexcept;
  [[nodiscard]] bool carries_our_mark(const radius::PacketView& request) const noexcept;
  void answer_status_server(const ClientPath& path, const radius::PacketView& request,
                            const ClientEntry& client) noexcept;
  void repeat_answer(std::uint32_t slot) noexcept;
  void forward(Now now, const RequestKey& key, std::uint32_t hash,
               const radius::PacketView& request, const ClientEntry& client) noexcept;
  void begin(Now now, std::uint32_t slot, const RequestKey& key, std::uint32_t hash,
             const radius::PacketView& request, const ClientEntry& client) noexcept;
  void open_port_if_wanted(Now now) noexcept;
  void drop(Drop reason) noexcept { metrics.drops[static_cast<std::size_t>(reason)].add(); }

  // door_downstream.cc
  void downstream_datagram(Now now, std::uint16_t source_port, Octets datagram) noexcept;
  [[nodiscard]] std::optional<Drop> refuse_reply(const radius::PacketView& reply,
                                                 const Exchange& exchange) noexcept;
  /// Writes the reply for the client into `out`; 0: it cannot be carried over.
  [[nodiscard]] std::size_t translate_for_client(const radius::PacketView& reply,
                                                 const Exchange& exchange,
                                                 MutableOctets out) noexcept;
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
  void keep(Exchange& exchange, Octets block, std::size_t packet_begin) noexcept;
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
  std::array<std::uint8_t, radius::kMaxPacketOctets + PacketStore::kNoteOctets> scratch;
  std::array<std::uint8_t, radius::kMaxPacketOctets> proxy_states;
};

}  // namespace sallyport::radius_door
