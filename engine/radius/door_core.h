#pragma once
// Inside the door: what it owns, and its steps in the order in which a request meets them.
//   door.cc             requests come in: checked, found to be new, sent downstream
//   door_downstream.cc  their replies come back: passed on, or parked while the user is asked
//   door_policy.cc      which policy decides, and who needs no approval, or gets none
//   door_groups.cc      where that depends on what a user directory says: it is asked meanwhile
//   door_accounting.cc  or, accounting for the spool: answered when it is on the disk
//   door_codes.cc       codes: asked by Access-Challenge, and their outcome
//   door_menu.cc        which factor: by policy, by a word behind the password, or by a menu
//   door_verdict.cc     the verdict, and everything that leaves for the client
//   door_servers.cc     which server is asked, and what is known of its health
//   door_connections.cc servers over TLS: their connections, and requests that wait for them
//   door_timers.cc      retransmission, time-outs, the end of an exchange

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "engine/radius/connection_exchanges.h"
#include "engine/radius/door.h"
#include "engine/radius/duplicate_table.h"
#include "engine/radius/exchange.h"
#include "engine/radius/fingerprint.h"
#include "engine/radius/message_text.h"
#include "engine/radius/packet_store.h"
#include "engine/radius/policy_table.h"
#include "engine/radius/sender_note.h"
#include "engine/radius/server_choice.h"
#include "engine/radius/settings_history.h"
#include "engine/radius/user_name.h"
#include "engine/ring/timer_wheel.h"
#include "protocol/check.h"
#include "protocol/md5/batch.h"
#include "protocol/radius/hop_key.h"
#include "protocol/radius/packet.h"
#include "protocol/radius/rehide.h"
#include "protocol/radius/unsigned_packet.h"
#include "verify/challenges.h"

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

/// ArrivedRequest::route: there are no routes; none matches.
inline constexpr std::uint16_t kNoRoute = 0xffff;
inline constexpr std::uint16_t kUnserved = 0xfffe;

/// A request that has been parsed, and whose client is known. Not authenticated yet.
struct ArrivedRequest {
  const ClientPath* path;
  radius::PacketView packet;
  const radius::HopKey* key_of_hop;  ///< the client's hop's
  const ClientEntry* client;
  RequestKey key;
  std::uint32_t hash;    ///< of `key`
  std::uint16_t route;   ///< index, kNoRoute, kUnserved
  std::uint16_t server;  ///< index in the settings in force, should it go on
  radius::Proof proof;
  radius::Authenticator downstream_authenticator;  ///< should it go on
  radius::HidingPads password_pads;                ///< where it has a User-Password
  bool has_password_pads;
};

/// A reply that has been parsed, and that an exchange waits for. Not authenticated yet.
struct ArrivedReply {
  radius::PacketView packet;
  std::uint16_t link;
  Channel channel;
  std::uint32_t slot;  ///< or that of the link's Status-Server
  radius::Proof proof;
};

/// How a request is written for its server.
struct NextHop {
  const radius::HopKey* key;
  radius::Identifier identifier;
  radius::Authenticator authenticator;
  radius::Version version;
};

/// A connection to a server that ends when the batch is through.
struct DoomedConnection {
  std::uint16_t link;
  std::uint16_t number;
  ServerReason why;
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

/// The first attribute of this type as text; empty: there is none.
[[nodiscard]] inline std::string_view text_of(const radius::PacketView& packet,
                                              radius::Type type) noexcept {
  const auto value = packet.find(type);
  return value ? as_text(*value) : std::string_view();
}

inline constexpr verify::LoginFactors kPushAlone = {verify::LoginFactor::push};

/// For the store and the directory; past this the door no longer believes in an answer.
inline constexpr std::uint32_t kCheckMs = 10'000;

/// For the audit log, where verify was not asked.
[[nodiscard]] inline verify::Answer detail_of(const char* text) noexcept {
  verify::Answer answer;
  answer.detail.assign(std::string_view(text));
  return answer;
}

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
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] T* begin() noexcept { return items_.data(); }
  [[nodiscard]] T* end() noexcept { return items_.data() + size_; }

 private:
  std::size_t size_ = 0;
  std::array<T, kBatch> items_;
};

struct Door::Core {
  Core(const DoorPlan& plan, std::shared_ptr<const DoorSettings> initial, DownstreamLinks ways,
       Outbox& out, RandomSource& randomness, RadiusMetrics& counters, Now now);

  // door.cc
  void client_datagrams(Now now, std::span<const ClientDatagram> datagrams) noexcept;
  /// Everything that can be known of a datagram before its client is believed.
  void read_requests(Now now, std::span<const ClientDatagram> batch) noexcept;
  void read_request(Now now, const ClientDatagram& datagram, const ClientEntry* client) noexcept;
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
  void answer_status_server(const ArrivedRequest& arrived) noexcept;
  void repeat_answer(std::uint32_t slot) noexcept;
  /// Before any of them could end, and when the batch does.
  void send_repeats() noexcept;
  void forward(Now now, const ArrivedRequest& arrived) noexcept;
  /// An answered exchange is given up before its window ends.
  void make_free(std::uint32_t slot) noexcept;
  void begin(Now now, std::uint32_t slot, const ArrivedRequest& arrived,
             ExchangeState state) noexcept;
  /// Signs what departs, and sends it downstream.
  void send_requests(Now now) noexcept;
  /// What is wrong with a request on a connection ends it.
  void refuse_connection(std::uint16_t socket, RadsecEnd reason) noexcept {
    if (is_connection(socket)) outbox.end_connection(socket, reason);
  }

  // door_servers.cc
  /// Which route and which server. Changes nothing: the request is not authenticated yet.
  void pick_server(Now now, ArrivedRequest& arrived) const noexcept;
  /// The server that is right now, after others of the batch have gone.
  [[nodiscard]] std::uint16_t pick_again(Now now, const ArrivedRequest& arrived) const noexcept;
  /// The server of the pool that is asked; empty: there is none but `not_this`.
  [[nodiscard]] std::optional<std::uint16_t> choose(
      Now now, const DownstreamPlan& ways, std::uint16_t pool, const radius::PacketView& request,
      std::uint32_t turn, std::optional<std::uint16_t> not_this) const noexcept;
  /// A realm that nobody serves gets an answer, so that the client does not take us for dead.
  /// Nothing is remembered: a duplicate gets the same again.
  void answer_unserved(const ArrivedRequest& arrived) noexcept;
  /// The name that goes in the place of the request's User-Name; empty: it stays.
  [[nodiscard]] std::optional<std::string_view> name_for_downstream(
      const ArrivedRequest& arrived) const noexcept;
  /// A free Identifier towards the server.
  [[nodiscard]] std::optional<Channel> take_channel(Now now, std::uint16_t link,
                                                    std::uint32_t slot) noexcept;
  /// The request in the slot has had no reply for its interval: another server, or once more.
  void overdue(Now now, std::uint32_t slot) noexcept;
  /// True: it is on its way to another server.
  [[nodiscard]] bool fail_over(Now now, std::uint32_t slot) noexcept;
  /// Writes it anew for this server and channel, and sends it. What it had before has been let go
  /// of. False: it cannot be written; the channel is free again.
  [[nodiscard]] bool redirect(Now now, std::uint32_t slot, std::uint16_t server,
                              Channel channel) noexcept;
  void unreachable(Now now, std::uint16_t link) noexcept;
  /// What the server's health has come to, and what follows.
  void health_changed(Now now, std::uint16_t link, bool left_up) noexcept;
  void probe(Now now, std::uint16_t link) noexcept;
  void take_probe_answer(Now now, const ArrivedReply& arrived) noexcept;
  /// The server of the settings in force that this link leads to; empty: none any more.
  [[nodiscard]] const ServerEntry* server_of(std::uint16_t link) const noexcept;
  void take_settings_into_use(Now now) noexcept;
  [[nodiscard]] const ServerEntry& server_of(const Exchange& exchange) const noexcept {
    return settings[exchange.settings].plan.servers[exchange.server];
  }
  [[nodiscard]] DownstreamLink& link_of(const Exchange& exchange) noexcept {
    return *links[server_of(exchange).link];
  }
  /// Timers and Identifiers count a link's Status-Server behind all exchanges.
  [[nodiscard]] std::uint32_t probe_slot(std::uint16_t link) const noexcept {
    return exchanges.capacity() + link;
  }
  void drop(Drop reason) noexcept { metrics.drops[static_cast<std::size_t>(reason)].add(); }

  // door_connections.cc
  void connection_packets(Now now, std::span<const DownstreamDatagram> packets) noexcept;
  void read_packet(const DownstreamDatagram& packet) noexcept;
  void take_packet(Now now, const ArrivedReply& arrived) noexcept;
  void take_watchdog_answer(Now now, const ArrivedReply& arrived) noexcept;
  void connected(Now now, std::uint16_t link, std::uint16_t number,
                 radius::Version version) noexcept;
  void disconnected(Now now, std::uint16_t link, std::uint16_t number, ServerReason why) noexcept;
  /// What its connections need now: another one, a Status-Server, an end. And when to look again.
  void tend(Now now, std::uint16_t link) noexcept;
  void watch(Now now, std::uint16_t link, const ServerEntry& server, std::uint16_t number) noexcept;
  void begin_connection(Now now, std::uint16_t link) noexcept;
  void schedule_look(std::uint16_t link) noexcept;
  void ask_connections(Now now, std::uint16_t link) noexcept;
  /// A place among those that wait for a connection, if its link has any.
  [[nodiscard]] std::optional<Channel> place_to_wait(std::uint16_t link) noexcept;
  [[nodiscard]] bool waits(verify::Ticket ticket, std::uint16_t link) const noexcept;
  /// The exchange in the slot has just begun, and has a place to wait.
  void begin_waiting(Now now, std::uint32_t slot, const radius::UnsignedPacket& packet) noexcept;
  /// It has no channel any more: it goes on another connection, to another server, or it waits.
  /// `is_listed`: it is among those that wait already.
  void go_on(Now now, std::uint32_t slot, bool is_listed) noexcept;
  /// Those that wait go on the connections that are there.
  void send_waiting(Now now, std::uint16_t link) noexcept;
  /// What is written by it is sent now. `unpredictable`: a Request Authenticator.
  [[nodiscard]] NextHop next_hop(Now now, const ServerEntry& server, Channel channel,
                                 const radius::Authenticator& unpredictable) noexcept {
    if (links[server.link]->streams != nullptr)
      return hop_on_connection(now, server, channel, unpredictable);
    return {.key = server.key.get(),
            .identifier = channel.identifier,
            .authenticator = unpredictable,
            .version = radius::Version::v1_0};
  }
  [[nodiscard]] NextHop hop_on_connection(Now now, const ServerEntry& server, Channel channel,
                                          const radius::Authenticator& unpredictable) noexcept;
  [[nodiscard]] std::uint16_t dice() noexcept;

  // door_downstream.cc
  void downstream_datagrams(Now now, std::span<const DownstreamDatagram> datagrams) noexcept;
  void read_reply(const DownstreamDatagram& datagram) noexcept;
  void take_reply(Now now, const ArrivedReply& arrived) noexcept;
  /// What its authenticators give away; empty: they are right.
  [[nodiscard]] static std::optional<Drop> forged(const ArrivedReply& arrived) noexcept;
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
  /// To verify, about an exchange that awaits a verdict.
  void put_question(Now now, std::uint32_t slot, const verify::Question& question) noexcept;
  /// Nobody waits for the verdict any more.
  void release(std::uint32_t slot) noexcept;
  void reply_arrived(Now now, std::uint32_t slot) noexcept;

  // door_policy.cc
  /// `found`: as in PolicySubject.
  [[nodiscard]] std::uint16_t choose_policy(Now now, const Exchange& exchange,
                                            std::optional<std::uint32_t> port_type,
                                            const radius::PacketView& accept, std::string_view user,
                                            const verify::FoundGroups* found) noexcept;
  /// Null: none matched.
  [[nodiscard]] const config::Policy* policy_of(const Exchange& exchange) const noexcept;
  /// The policy's Reply-Message, or `common`, filled in. Valid until the next.
  [[nodiscard]] std::string_view message_for(const Exchange& exchange, const SenderNote& note,
                                             std::string_view common) noexcept;
  /// In the language of its policy, or of its client.
  [[nodiscard]] const config::Messages& messages_of(const Exchange& exchange) const noexcept;
  [[nodiscard]] config::OnUnavailable on_unavailable(const Exchange& exchange) const noexcept;
  [[nodiscard]] std::uint32_t remember_ms(const Exchange& exchange) const noexcept;
  /// The downstream's Accept is enough.
  void exempt(Now now, std::uint32_t slot, const radius::PacketView& accept,
              const SenderNote& note) noexcept;

  // door_groups.cc
  /// The downstream accepted, and which policy decides depends on the user's groups: holds the
  /// Accept, and has his directory asked.
  void look_up_groups(Now now, std::uint32_t slot, const radius::PacketView& request,
                      const radius::PacketView& accept, const SenderNote& note) noexcept;
  void groups_answered(Now now, std::uint32_t slot, const verify::CodeAnswer& answer) noexcept;
  /// Of `held`: goes on as park_and_ask() does.
  void decide_by_groups(Now now, std::uint32_t slot) noexcept;
  void exempt_held(Now now, std::uint32_t slot, const SenderNote& note) noexcept;

  // door_menu.cc
  /// What the user can be asked for, at least one; of several he chooses.
  [[nodiscard]] verify::LoginFactors factors_to_offer(const Exchange& exchange,
                                                      bool has_password) const noexcept;
  /// Whether the Accept is held off the shard: for an Access-Challenge, or a code that was brought.
  /// Else the phone is asked at once, or a link sent.
  [[nodiscard]] bool has_to_hold(const Exchange& exchange, bool has_password,
                                 verify::LoginFactors factors) const noexcept;
  /// The phone was chosen from the menu, or is all there is: the number comes first.
  void show_number(Now now, std::uint32_t slot, const verify::HeldLogin& login) noexcept;
  /// The phone or a link, after all: the login was held, and its owner has chosen so, or has
  /// nothing else.
  void ask_held(Now now, std::uint32_t slot, const verify::HeldLogin& login,
                verify::LoginFactor factor) noexcept;
  /// The configured prompt, or one made of what can be chosen; valid until the next.
  [[nodiscard]] std::string_view menu_of(const Exchange& exchange,
                                         verify::LoginFactors factors) noexcept;

  // door_codes.cc
  /// The downstream accepted, and the user has to answer a challenge: holds the Accept, and asks.
  void hold_and_ask(Now now, std::uint32_t slot, const radius::PacketView& request,
                    const radius::PacketView& accept, const SenderNote& note,
                    verify::LoginFactors factors) noexcept;
  /// Makes `held` of what the request and its Accept say. False: that cannot be carried over.
  [[nodiscard]] bool fill_held(const Exchange& exchange, const radius::PacketView& request,
                               const radius::PacketView& accept, const SenderNote& note) noexcept;
  void wipe_held() noexcept { wipe(MutableOctets(held.accept).first(held.accept_octets)); }
  /// Holds `held`, and asks its owner for these factors: by challenge, or first at the desk.
  void ask_of_held(Now now, std::uint32_t slot, const SenderNote& note,
                   verify::LoginFactors factors) noexcept;
  [[nodiscard]] std::uint8_t draw_number() noexcept;  ///< 10..99, as likely as can be
  /// What the exchange keeps while the desk has its login. False: no room, and it is over.
  [[nodiscard]] bool keep_for_desk(std::uint32_t slot, const SenderNote& note) noexcept;
  /// The held login goes to the desk in the same request: with the code that stood behind the
  /// password, or to begin.
  void hand_to_desk(Now now, std::uint32_t slot, const SenderNote& note,
                    const verify::ChallengeState& state) noexcept;
  /// Whether the request answers a challenge of ours: nothing of it goes downstream.
  [[nodiscard]] bool brings_code(const ArrivedRequest& arrived) noexcept;
  void take_code(Now now, const ArrivedRequest& arrived) noexcept;
  void code_checked(Now now, const verify::CodeAnswer& answer) noexcept;
  void decide_code(Now now, std::uint32_t slot, const verify::CodeAnswer& answer) noexcept;
  /// The held Accept for this request, now that the code is right.
  void accept_held(Now now, std::uint32_t slot, const verify::HeldLogin& login) noexcept;
  /// Puts the held Accept, for this request, in the place of what the exchange keeps. False: it has
  /// no room, and all is as it was.
  [[nodiscard]] bool restore_held(std::uint32_t slot, const verify::HeldLogin& login,
                                  const SenderNote& note) noexcept;
  void refuse_held(Now now, std::uint32_t slot, const SenderNote& note) noexcept;
  void send_challenge(Now now, std::uint32_t slot, const SenderNote& note,
                      const verify::ChallengeState& state, std::uint32_t ttl_ms,
                      std::string_view prompt, Outcome outcome, std::uint8_t number = 0) noexcept;
  /// The Proxy-States of the client's request, whole and in order; valid until the next.
  [[nodiscard]] Octets states_for_client(const Exchange& exchange) noexcept;

  // door_accounting.cc
  void store(Now now, const ArrivedRequest& arrived) noexcept;
  void stored(Now now, const StorageAnswer& answer) noexcept;
  void give_up_on_storage(Now now, std::uint32_t slot) noexcept;

  // door_verdict.cc
  void verdict(Now now, const verify::Answer& answer) noexcept;
  void decide(Now now, std::uint32_t slot, const verify::Answer& answer) noexcept;
  void approve(Now now, std::uint32_t slot, const verify::Answer& answer) noexcept;
  [[nodiscard]] std::string_view expired_message(const Exchange& exchange) const noexcept;
  /// Puts the configured attributes into the parked Accept. Without room they are left out, and
  /// that is counted.
  void add_accept_attributes(Exchange& exchange, std::string_view groups_of_user = {}) noexcept;
  void decide_unavailable(Now now, std::uint32_t slot, const verify::Answer& answer) noexcept;
  /// Access-Reject of our own, with nothing of what the downstream would have granted. `message`
  /// gives way to the policy's. `note`: as in record().
  void reject(Now now, std::uint32_t slot, Outcome outcome, std::string_view message,
              const verify::Answer* answer, const SenderNote* note = nullptr) noexcept;
  /// Sends what is stored and keeps it for duplicates.
  void answer_stored(Now now, std::uint32_t slot) noexcept;
  /// False: the audit queue is full, and the record is lost. `note`: what is known of the sender
  /// beyond the kept request, such as the name that an Access-Accept of EAP says. `policy`: that
  /// decided, where the exchange does not know it.
  bool record(Now now, std::uint32_t slot, Outcome outcome, DownstreamSaid said,
              const verify::Answer* answer = nullptr, const SenderNote* note = nullptr,
              std::string_view policy = {}) noexcept;
  [[nodiscard]] SenderNote note_of(const Exchange& exchange) const noexcept;
  /// What every record says: whose request it was, and what became of it.
  [[nodiscard]] AuditRecord line_about(const SenderNote& note, const ClientEntry& client,
                                       const RequestKey& key, radius::Code code,
                                       Outcome outcome) const noexcept;
  /// False: the audit queue is full, and the record is lost.
  bool tell(const AuditRecord& line) noexcept;

  // door_timers.cc
  void advance(Now now) noexcept;
  void timer_fired(Now now, std::uint32_t slot) noexcept;
  void retransmit(Now now, std::uint32_t slot) noexcept;
  void next_interval(Exchange& exchange) noexcept;
  void give_up_on_downstream(Now now, std::uint32_t slot) noexcept;
  void give_up_on_verdict(Now now, std::uint32_t slot) noexcept;
  /// The client no longer waits: the same Identifier has come with a new authenticator (counted as
  /// replaced), or its connection is gone.
  void abandon(Now now, std::uint32_t slot, verify::Counter& counter) noexcept;
  void connection_ended(Now now, std::uint16_t socket) noexcept;
  [[nodiscard]] Owed owed(std::uint16_t socket) const noexcept;
  /// Frees the slot. Its channel and its verification have been let go of before.
  void end(std::uint32_t slot) noexcept;
  void schedule_downstream_timer(Now now, std::uint32_t slot) noexcept;
  [[nodiscard]] std::uint64_t reply_deadline_ms(const Exchange& exchange) const noexcept;
  [[nodiscard]] std::uint32_t jittered_ms(std::uint32_t interval_ms,
                                          std::uint32_t spread_ms) noexcept;

  /// The key of the client's hop, on which the exchange's answer leaves.
  [[nodiscard]] static const radius::HopKey& client_key(const Exchange& exchange) noexcept {
    return exchange.version == radius::Version::v1_1 ? radius::HopKey::none()
                                                     : exchange.client->key;
  }
  /// The key of the downstream's hop, by which what was sent there is written.
  [[nodiscard]] const radius::HopKey& downstream_key(const Exchange& exchange) const noexcept {
    return exchange.downstream_version == radius::Version::v1_1 ? radius::HopKey::none()
                                                                : *server_of(exchange).key;
  }
  /// Of an exchange that is forwarded: what was sent downstream.
  [[nodiscard]] radius::PacketView sent_request(const Exchange& exchange) const noexcept {
    const auto request =
        radius::PacketView::parse(stored_packet(exchange), exchange.downstream_version);
    CHECK(request.has_value());
    return *request;
  }
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
  ConnectionExchanges of_connections;
  DuplicateTable duplicates;
  DownstreamLinks links;
  std::array<std::uint32_t, limits::kMaxDownstreamLinks> turns{};  ///< of the pools
  std::uint32_t in_use = 0;  ///< number of the settings whose servers are watched
  PacketStore packets;
  ring::TimerWheel timers;  ///< one for each exchange; its state says what it is for. Then one for
                            ///< each link's next Status-Server
  Fingerprint fingerprint;
  std::array<std::uint8_t, 8> mark;  ///< our Proxy-State: the same in all shards
  bool draining = false;
  std::uint32_t warmed = ExchangePool::kNone;  ///< the last exchange of this batch that was
  md5::Batch digests;
  BatchOf<ArrivedRequest> requests;
  BatchOf<ArrivedReply> replies;
  BatchOf<Departure> departures;
  BatchOf<DoomedConnection> doomed;
  std::array<std::string_view, PolicyTable::kMaxGroups> groups;  ///< of the Accept at hand
  BatchOf<std::uint32_t> repeats;  ///< exchanges whose kept answer is sent once more
  std::array<std::uint8_t, radius::kMaxPacketOctets> scratch;
  std::array<std::uint8_t, radius::kMaxPacketOctets> proxy_states;
  MessageRoom message_room;
  std::array<char, 1'024> menu_room;
  verify::HeldLogin held;  ///< the one being made
};

}  // namespace sallyport::radius_door
