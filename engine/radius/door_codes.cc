// Codes, of an authenticator app or sent by message, and the number that a phone will show. The
// downstream accepts, the Accept is held off the shards, and the client is answered with an
// Access-Challenge (RFC 2865 §4.4): the exchange is over. The user's answer comes as the
// User-Password of a request of its own, maybe on another shard, and never goes downstream. What
// has to be sent or looked up before the challenge, the desk does meanwhile.

#include <array>

#include "engine/radius/door_core.h"
#include "protocol/check.h"
#include "protocol/radius/append.h"
#include "protocol/radius/translate.h"

namespace sallyport::radius_door {
namespace {

/// Header and Message-Authenticator.
constexpr std::size_t kMaxBareReject = 20 + 18;
constexpr std::size_t kHeader = 2;
constexpr std::size_t kSessionTimeoutOctets = kHeader + 4;

/// State and, as RFC 2865 §5.27 has it for an Access-Challenge, the time that is left to answer.
using ChallengeAttributes =
    std::array<std::uint8_t, kHeader + verify::kStateOctets + kSessionTimeoutOctets>;
ChallengeAttributes challenge_attributes(const verify::ChallengeState& state,
                                         std::uint32_t ttl_ms) noexcept {
  ChallengeAttributes out{};
  out[0] = static_cast<std::uint8_t>(radius::Type::state);
  out[1] = kHeader + verify::kStateOctets;
  copy_octets(state, MutableOctets(out).subspan(kHeader));
  const MutableOctets timeout = MutableOctets(out).last(kSessionTimeoutOctets);
  timeout[0] = static_cast<std::uint8_t>(radius::Type::session_timeout);
  timeout[1] = kSessionTimeoutOctets;
  const std::uint32_t seconds = ttl_ms / 1'000;
  for (std::size_t i = 0; i < 4; ++i)
    timeout[kHeader + i] = static_cast<std::uint8_t>(seconds >> (8 * (3 - i)));
  return out;
}

/// What a request has as its password; empty: nothing that can be a code.
verify::ShortText<64> typed_code(const radius::PacketView& request,
                                 const radius::HopKey& key) noexcept {
  verify::ShortText<64> code;
  const auto password = request.find(radius::Type::user_password);
  if (!password) return code;
  std::array<std::uint8_t, 128> clear;
  Octets text = *password;
  if (key.hides()) {
    const auto length =
        radius::reveal_user_password(*password, key, request.authenticator(), clear);
    text = Octets(clear).first(length.value_or(0));
  }
  if (text.size() < 64) code.assign(text);
  wipe(clear);
  return code;
}

}  // namespace

void Door::Core::hold_and_ask(Now now, std::uint32_t slot, const radius::PacketView& request,
                              const radius::PacketView& accept, const SenderNote& note,
                              verify::LoginFactors factors) noexcept {
  Exchange& exchange = exchanges[slot];
  if (!fill_held(exchange, request, accept, note)) return drop(Drop::reply_untranslatable);
  // Whoever sends the same again waits for the same push or link, should it come to that.
  if (factors.count() > 1) exchange.join_key = question_about(now, slot, request, note).join_key;
  reply_arrived(now, slot);
  ask_of_held(now, slot, note, factors);
  wipe_held();
}

bool Door::Core::fill_held(const Exchange& exchange, const radius::PacketView& request,
                           const radius::PacketView& accept, const SenderNote& note) noexcept {
  const auto written =
      radius::write_reply(accept,
                          {.downstream = downstream_key(exchange),
                           .downstream_authenticator = exchange.downstream_authenticator,
                           .client = radius::HopKey::none(),
                           .client_identifier = {},
                           .client_authenticator = {},
                           .client_proxy_states = {},
                           .random = random},
                          held.accept);
  if (!written) return false;
  held.accept_octets = static_cast<std::uint16_t>(written->sign());
  held.login.assign(text_of(request, radius::Type::user_name));
  held.user = note.user;
  held.client.assign(exchange.client->name());
  held.calling_station = note.calling_station;
  held.called_station.assign(text_of(request, radius::Type::called_station_id));
  held.address = exchange.key.source.address;
  held.user_hash = fingerprint.user_hash(note.user.view());
  held.wanted_groups = nullptr;
  held.groups = {};
  held.nas_port_type = nas_port_type(request);
  held.has_password = request.has(radius::Type::user_password);
  return true;
}

void Door::Core::ask_of_held(Now now, std::uint32_t slot, const SenderNote& note,
                             verify::LoginFactors factors) noexcept {
  Exchange& exchange = exchanges[slot];
  const config::SecondFactor& common = settings[exchange.settings].second_factor;
  const config::Messages& messages = messages_of(exchange);
  const bool is_push = factors == kPushAlone;
  const bool is_otp = factors == verify::LoginFactors{verify::LoginFactor::otp};
  const bool is_token = factors == verify::LoginFactors{verify::LoginFactor::token};
  exchange.by_code = !is_push;
  if (!is_push) exchange.factor = is_token ? verify::LoginFactor::token : verify::LoginFactor::otp;
  const auto refuse_with = [&](const char* detail, std::string_view message) {
    const verify::Answer answer = detail_of(detail);
    reject(now, slot, Outcome::unavailable_denied, message, &answer, &note);
  };
  // EAP and CHAP have nowhere to put a code.
  if (!held.has_password)
    return refuse_with("no User-Password: a code cannot be asked", messages.unavailable_message);
  const bool brought = is_otp && exchange.appended.is_code();
  if (!brought && !common.challenge)
    return refuse_with("no code behind the password", messages.code_missing_message);

  const config::Policy* const policy = policy_of(exchange);
  held.policy.assign(policy == nullptr ? std::string_view() : std::string_view(policy->name));
  held.ttl_ms = common.otp_ttl_ms;
  held.tries = common.challenge ? common.otp_tries : 1;
  held.remember_ms = remember_ms(exchange);
  held.factors = factors;
  held.number = common.number_matching && factors.has(verify::LoginFactor::push) ? draw_number()
                                                                                 : std::uint8_t{0};
  verify::Challenges* const challenges = outbox.challenges();
  const auto state = challenges == nullptr ? std::nullopt : challenges->hold(held, random);
  if (!state)
    return refuse_with("too many logins wait for an answer", messages.unavailable_message);
  exchange.asked = true;
  exchange.asked_ns = now.monotonic_ns;
  exchange.begins = !is_otp && !is_push;
  if (brought || exchange.begins) return hand_to_desk(now, slot, note, *state);
  if (is_push) {
    return send_challenge(now, slot, note, *state, held.ttl_ms, messages.number_prompt,
                          Outcome::challenged, held.number);
  }
  metrics.codes_asked.add();
  send_challenge(now, slot, note, *state, held.ttl_ms, messages.otp_prompt, Outcome::challenged);
}

std::uint8_t Door::Core::draw_number() noexcept {
  std::array<std::uint8_t, 4> octets;
  random.fill(octets);
  std::uint32_t drawn = 0;
  for (const std::uint8_t octet : octets) drawn = drawn << 8 | octet;
  return static_cast<std::uint8_t>(10 + drawn % 90);
}

// The request as it came is gone. An Access-Reject of ours keeps what its answer needs of it, its
// Proxy-States, and would let nobody in.
bool Door::Core::keep_for_desk(std::uint32_t slot, const SenderNote& note) noexcept {
  Exchange& exchange = exchanges[slot];
  const std::size_t note_octets = note.write(scratch);
  const Octets states = states_for_client(exchange);
  const PacketStore::Handle block = packets.take(note_octets + kMaxBareReject + states.size());
  copy_octets(Octets(scratch).first(note_octets), packets.block(block));
  const std::size_t octets =
      radius::write_local_reply({.code = radius::Code::access_reject,
                                 .client = client_key(exchange),
                                 .client_identifier = exchange.key.identifier,
                                 .client_authenticator = exchange.client_authenticator,
                                 .client_proxy_states = states,
                                 .reply_message = {},
                                 .eap_failure_identifier = std::nullopt},
                                packets.block(block).subspan(note_octets));
  if (octets == 0) {  // only a request full of Proxy-States leaves it none
    packets.give_back(block);
    drop(Drop::untranslatable);
    end(slot);
    return false;
  }
  keep(exchange, block, note_octets, octets);
  exchanges.transition(slot, ExchangeState::awaiting_verdict);
  return true;
}

void Door::Core::hand_to_desk(Now now, std::uint32_t slot, const SenderNote& note,
                              const verify::ChallengeState& state) noexcept {
  Exchange& exchange = exchanges[slot];
  // It has that already where the user's groups were looked up.
  if (exchange.state == ExchangeState::forwarded && !keep_for_desk(slot, note)) return;
  timers.schedule(slot, now.ms() + kCheckMs + 1);

  verify::TypedCode typed;
  typed.ticket = exchanges.ticket(slot);
  typed.state = state;
  typed.login = held.login;
  typed.client = held.client;
  typed.begins = exchange.begins;
  if (!exchange.begins) {
    auto digits = exchange.appended.digits();
    typed.code.assign(std::string_view(digits.data(), digits.size()));
    wipe({reinterpret_cast<std::uint8_t*>(digits.data()), digits.size()});
  }
  if (!exchange.asks_groups) exchange.appended = {};
  const bool taken = outbox.challenges()->redeem(typed);
  wipe({reinterpret_cast<std::uint8_t*>(&typed.code), sizeof typed.code});
  if (!taken) return decide_code(now, slot, {});
  show_gauges();
}

void Door::Core::send_challenge(Now now, std::uint32_t slot, const SenderNote& note,
                                const verify::ChallengeState& state, std::uint32_t ttl_ms,
                                std::string_view prompt, Outcome outcome,
                                std::uint8_t number) noexcept {
  Exchange& exchange = exchanges[slot];
  std::size_t octets = radius::write_local_reply(
      {.code = radius::Code::access_challenge,
       .client = client_key(exchange),
       .client_identifier = exchange.key.identifier,
       .client_authenticator = exchange.client_authenticator,
       .client_proxy_states = states_for_client(exchange),
       .reply_message = render_message(prompt, note, exchange.client->name(), number, message_room),
       .eap_failure_identifier = std::nullopt},
      MutableOctets(scratch).first(radius::kMaxPacketOctets));
  if (octets > 0)
    octets = radius::append_attributes(scratch, octets, challenge_attributes(state, ttl_ms),
                                       client_key(exchange), exchange.client_authenticator);
  if (octets == 0) {
    // Only a request full of Proxy-States leaves no room for a State. What is held runs out.
    const verify::Answer answer = detail_of("no room for a State");
    return reject(now, slot, Outcome::unavailable_denied, messages_of(exchange).unavailable_message,
                  &answer, &note);
  }
  static_cast<void>(record(now, slot, outcome, DownstreamSaid::accept, nullptr, &note));
  const PacketStore::Handle block = packets.take(octets);
  copy_octets(Octets(scratch).first(octets), packets.block(block));
  keep(exchange, block, 0, octets);
  answer_stored(now, slot);
}

bool Door::Core::brings_code(const ArrivedRequest& arrived) noexcept {
  if (!arrived.packet.has(radius::Type::state)) return false;
  if (arrived.packet.code() != radius::Code::access_request) return false;
  const auto state = arrived.packet.find(radius::Type::state);
  return verify::is_our_state(*state) && outbox.challenges() != nullptr;
}

void Door::Core::take_code(Now now, const ArrivedRequest& arrived) noexcept {
  const radius::PacketView& request = arrived.packet;
  std::optional<std::uint32_t> slot = exchanges.next_free();
  if (!slot) slot = exchanges.oldest_answered();
  if (!slot) return drop(Drop::no_free_exchange);
  const std::string_view login =
      name_for_downstream(arrived).value_or(text_of(request, radius::Type::user_name));
  const SenderNote note = SenderNote::of(request, login);
  const std::size_t note_octets = note.write(scratch);
  const PacketStore::Handle block = packets.take(note_octets + request.octets().size());
  copy_octets(Octets(scratch).first(note_octets), packets.block(block));
  copy_octets(request.octets(), packets.block(block).subspan(note_octets));

  make_free(*slot);
  begin(now, *slot, arrived, ExchangeState::awaiting_verdict);
  Exchange& exchange = exchanges[*slot];
  exchange.asked = true;
  exchange.by_code = true;
  exchange.factor = verify::LoginFactor::otp;  // until the desk says what it was asked for
  exchange.asked_ns = now.monotonic_ns;
  keep(exchange, block, note_octets, request.octets().size());
  timers.schedule(*slot, now.ms() + kCheckMs + 1);

  verify::TypedCode typed;
  typed.ticket = exchanges.ticket(*slot);
  copy_octets(*request.find(radius::Type::state), typed.state);
  typed.login.assign(login);
  typed.client.assign(arrived.client->name());
  typed.code = typed_code(request, *arrived.key_of_hop);
  const bool taken = outbox.challenges()->redeem(typed);
  wipe({reinterpret_cast<std::uint8_t*>(&typed.code), sizeof typed.code});
  if (!taken) return decide_code(now, *slot, {});
  show_gauges();
}

void Door::Core::code_checked(Now now, const verify::CodeAnswer& answer) noexcept {
  verify::Challenges& challenges = *outbox.challenges();
  const bool holds = answer.place != verify::CodeAnswer::kNoPlace;
  const std::optional<std::uint32_t> slot = exchanges.find(answer.ticket);
  if (!slot || exchanges[*slot].state != ExchangeState::awaiting_verdict) {
    metrics.late_verdicts.add();
    if (holds) challenges.let_go(answer.place);
    return;
  }
  metrics.code_verdicts[static_cast<std::size_t>(answer.verdict)].add();
  Exchange& exchange = exchanges[*slot];
  if (exchange.asks_groups) return groups_answered(now, *slot, answer);
  exchange.factor = answer.factor;
  if (holds) {
    // By its name: policies may have changed since.
    const std::string_view policy = challenges.held(answer.place).policy.view();
    exchange.policy = settings[exchange.settings].policies.index_of(policy);
    if (exchange.policy == PolicyTable::kNone && !policy.empty()) {
      // Nobody knows any more what else it wanted: its groups, for one.
      const verify::Answer why = detail_of("its policy is there no more");
      challenges.let_go(answer.place);
      return reject(now, *slot, Outcome::policy_denied, messages_of(exchange).policy_denied_message,
                    &why);
    }
  }
  if (answer.verdict == verify::CodeVerdict::approved) {
    CHECK(holds);
    accept_held(now, *slot, challenges.held(answer.place));
  } else if (answer.verdict == verify::CodeVerdict::chose_push) {
    CHECK(holds);
    const verify::HeldLogin& login = challenges.held(answer.place);
    const bool is_shown = login.factors == kPushAlone && !exchange.begins;
    if (login.number == 0 || is_shown)
      ask_held(now, *slot, login, verify::LoginFactor::push);
    else
      show_number(now, *slot, login);
  } else if (answer.verdict == verify::CodeVerdict::chose_link) {
    CHECK(holds);
    ask_held(now, *slot, challenges.held(answer.place), verify::LoginFactor::link);
  } else {
    decide_code(now, *slot, answer);
  }
  if (holds) challenges.let_go(answer.place);
}

void Door::Core::decide_code(Now now, std::uint32_t slot,
                             const verify::CodeAnswer& answer) noexcept {
  const Exchange& exchange = exchanges[slot];
  const config::Messages& messages = messages_of(exchange);
  const bool is_token = answer.factor == verify::LoginFactor::token;
  const auto reject_with = [&](Outcome outcome, std::string_view message, const char* detail) {
    const verify::Answer why = detail_of(answer.detail == nullptr ? detail : answer.detail);
    reject(now, slot, outcome, message, &why);
  };
  const auto challenge_with = [&](std::string_view prompt, Outcome outcome) {
    if (exchange.begins) metrics.codes_asked.add();
    send_challenge(now, slot, note_of(exchange), answer.next, answer.next_ms, prompt, outcome);
  };
  switch (answer.verdict) {
    case verify::CodeVerdict::approved:
    case verify::CodeVerdict::chose_push:
    case verify::CodeVerdict::chose_link:
    case verify::CodeVerdict::groups_known: CHECK(false); break;  // code_checked() has answered
    case verify::CodeVerdict::chose_otp:
      return challenge_with(messages.otp_prompt, Outcome::challenged);
    case verify::CodeVerdict::chose_token:
      return challenge_with(messages.token_prompt, Outcome::challenged);
    case verify::CodeVerdict::offered:
      return challenge_with(menu_of(exchange, answer.factors), Outcome::challenged);
    case verify::CodeVerdict::again:
      return challenge_with(is_token ? messages.token_retry_prompt : messages.otp_retry_prompt,
                            Outcome::wrong_code);
    case verify::CodeVerdict::denied:
      return reject_with(Outcome::denied, messages.otp_denied_message, "wrong code");
    case verify::CodeVerdict::expired:
      return reject_with(Outcome::expired, messages.otp_expired_message, "no such challenge");
    case verify::CodeVerdict::limited:
      return reject_with(Outcome::limited, messages.limited_message, "too many wrong codes");
    case verify::CodeVerdict::unknown_user:
      return reject_with(Outcome::unknown_user, messages.unknown_user_message, "");
    // Whatever on_unavailable says: whoever can cut off the store, or the directory, must not open
    // a login by it.
    case verify::CodeVerdict::unavailable:
      return reject_with(Outcome::unavailable_denied, messages.unavailable_message,
                         exchange.asks_groups ? "the user directory did not answer"
                                              : "the code could not be checked");
  }
}

void Door::Core::accept_held(Now now, std::uint32_t slot, const verify::HeldLogin& login) noexcept {
  SenderNote note = note_of(exchanges[slot]);
  note.user = login.user;
  if (!restore_held(slot, login, note)) return refuse_held(now, slot, note);
  static_cast<void>(record(now, slot, Outcome::approved, DownstreamSaid::accept, nullptr, &note,
                           login.policy.view()));
  add_accept_attributes(exchanges[slot]);
  answer_stored(now, slot);
}

bool Door::Core::restore_held(std::uint32_t slot, const verify::HeldLogin& login,
                              const SenderNote& note) noexcept {
  Exchange& exchange = exchanges[slot];
  const auto accept = radius::PacketView::parse(Octets(login.accept).first(login.accept_octets),
                                                radius::Version::v1_1);
  CHECK(accept.has_value() && accept->code() == radius::Code::access_accept);
  const std::size_t note_octets = note.write(scratch);
  const Octets states = states_for_client(exchange);
  const PacketStore::Handle block =
      packets.take(note_octets + radius::room_for(*accept, radius::HopKey::none(),
                                                  client_key(exchange), states.size()));
  copy_octets(Octets(scratch).first(note_octets), packets.block(block));
  const auto written = radius::write_reply(*accept,
                                           {.downstream = radius::HopKey::none(),
                                            .downstream_authenticator = {},
                                            .client = client_key(exchange),
                                            .client_identifier = exchange.key.identifier,
                                            .client_authenticator = exchange.client_authenticator,
                                            .client_proxy_states = states,
                                            .random = random},
                                           packets.block(block).subspan(note_octets));
  if (!written) {
    packets.give_back(block);
    return false;
  }
  keep(exchange, block, note_octets, written->sign());
  return true;
}

void Door::Core::refuse_held(Now now, std::uint32_t slot, const SenderNote& note) noexcept {
  const verify::Answer answer = detail_of("the Access-Accept has no room");
  reject(now, slot, Outcome::unavailable_denied, messages_of(exchanges[slot]).unavailable_message,
         &answer, &note);
}

}  // namespace sallyport::radius_door
