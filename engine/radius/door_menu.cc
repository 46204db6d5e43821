// Which factor a login is asked for: what its policy allows, and of several what its owner chooses,
// by a word behind his password or in answer to an Access-Challenge.

#include <array>

#include "engine/radius/door_core.h"
#include "protocol/check.h"
#include "protocol/radius/translate.h"

namespace sallyport::radius_door {

using verify::LoginFactor;

verify::LoginFactors Door::Core::factors_to_offer(const Exchange& exchange,
                                                  bool has_password) const noexcept {
  const config::Policy* const policy = policy_of(exchange);
  if (policy == nullptr) return {LoginFactor::push};
  verify::LoginFactors factors = config::factors_of(*policy);
  if (exchange.appended.is_code() && factors.has(LoginFactor::otp)) return {LoginFactor::otp};
  if (const auto word = exchange.appended.factor(); word && factors.has(*word)) factors = {*word};
  // Who cannot answer a challenge can still look at his phone, or follow a link.
  if (has_password && settings[exchange.settings].second_factor.challenge) return factors;
  if (factors.has(LoginFactor::push)) return {LoginFactor::push};
  if (factors.has(LoginFactor::link)) return {LoginFactor::link};
  return factors;
}

bool Door::Core::has_to_hold(const Exchange& exchange, bool has_password,
                             verify::LoginFactors factors) const noexcept {
  if (factors.count() > 1 || is_typed(factors.first())) return true;
  if (factors != kPushAlone) return false;
  const config::SecondFactor& common = settings[exchange.settings].second_factor;
  return common.number_matching && common.challenge && has_password;
}

std::string_view Door::Core::menu_of(const Exchange& exchange,
                                     verify::LoginFactors factors) noexcept {
  const config::Messages& messages = messages_of(exchange);
  if (!messages.menu_prompt.empty()) return messages.menu_prompt;
  const std::array<std::string_view, verify::kLoginFactors> texts = {
      messages.menu_push, messages.menu_otp, messages.menu_token, messages.menu_link};
  std::size_t size = 0;
  const auto add = [&](std::string_view text) {
    size += text.copy(&menu_room[size], menu_room.size() - size);
  };
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (!factors.has(static_cast<LoginFactor>(i))) continue;
    const char number = static_cast<char>('1' + i);
    add(size == 0 ? "" : " ");
    add({&number, 1});
    add(": ");
    add(texts[i]);
    add(".");
  }
  return {menu_room.data(), size};
}

void Door::Core::show_number(Now now, std::uint32_t slot, const verify::HeldLogin& login) noexcept {
  Exchange& exchange = exchanges[slot];
  exchange.by_code = false;
  exchange.factor = LoginFactor::push;
  SenderNote note = note_of(exchange);
  note.user = login.user;
  held = login;
  held.factors = kPushAlone;
  const auto state = outbox.challenges()->hold(held, random);
  wipe(MutableOctets(held.accept).first(held.accept_octets));
  const config::Messages& messages = messages_of(exchange);
  if (!state) {
    const verify::Answer answer = detail_of("too many logins wait for an answer");
    return reject(now, slot, Outcome::unavailable_denied, messages.unavailable_message, &answer,
                  &note);
  }
  send_challenge(now, slot, note, *state, held.ttl_ms, messages.number_prompt, Outcome::challenged,
                 login.number);
}

// The answer to a challenge has no credentials of its own, so it waits alone.
void Door::Core::ask_held(Now now, std::uint32_t slot, const verify::HeldLogin& login,
                          LoginFactor factor) noexcept {
  Exchange& exchange = exchanges[slot];
  SenderNote note = note_of(exchange);
  note.user = login.user;
  note.calling_station = login.calling_station;

  verify::Question question;
  question.ticket = exchanges.ticket(slot);
  question.join_key = exchange.join_key;
  if (!exchange.begins) {
    const auto request = radius::PacketView::parse(stored_packet(exchange), exchange.version);
    CHECK(request.has_value());
    question.join_key =
        fingerprint.join_key(*request->find(radius::Type::state), login.user.view());
  }
  question.user_hash = login.user_hash;
  question.asked_ns = now.monotonic_ns;
  question.remember_ms = login.remember_ms;
  question.number = factor == LoginFactor::push ? login.number : std::uint8_t{0};
  question.address = exchange.key.source.address;
  question.user = note.user;
  question.client.assign(exchange.client->name());
  question.calling_station = note.calling_station;
  question.called_station = login.called_station;
  question.nas = note.nas;

  exchange.by_code = false;
  exchange.asked = false;
  exchange.factor = factor;
  if (!restore_held(slot, login, note)) return refuse_held(now, slot, note);
  put_question(now, slot, question);
}

}  // namespace sallyport::radius_door
