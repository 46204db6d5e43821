// Policies on what a user directory says. A directory may take its time, so no shard asks one: the
// Accept is held at the desk of codes (door_codes.cc), whose threads look the user up. Then the
// policies are gone through again, with his groups, and all goes on as if they had been known.

#include "engine/radius/door_core.h"
#include "protocol/check.h"

namespace sallyport::radius_door {

void Door::Core::look_up_groups(Now now, std::uint32_t slot, const radius::PacketView& request,
                                const radius::PacketView& accept, const SenderNote& note) noexcept {
  Exchange& exchange = exchanges[slot];
  exchange.policy = PolicyTable::kNone;
  if (!fill_held(exchange, request, accept, note)) return drop(Drop::reply_untranslatable);
  // What it is made of is gone when it comes to a push or a link.
  exchange.join_key = question_about(now, slot, request, note).join_key;
  reply_arrived(now, slot);

  held.policy.assign(std::string_view());
  held.ttl_ms = kCheckMs;
  held.tries = 1;
  held.factors = {};
  held.number = 0;
  held.wanted_groups = settings[exchange.settings].policies.directory_names();
  verify::Challenges* const challenges = outbox.challenges();
  const auto state = challenges == nullptr ? std::nullopt : challenges->hold(held, random);
  wipe_held();
  held.wanted_groups = nullptr;
  if (!state) {
    const verify::Answer answer = detail_of("too many logins wait for the user directory");
    return reject(now, slot, Outcome::unavailable_denied, messages_of(exchange).unavailable_message,
                  &answer, &note);
  }
  exchange.by_code = true;
  exchange.begins = true;
  exchange.asks_groups = true;
  hand_to_desk(now, slot, note, *state);
}

void Door::Core::groups_answered(Now now, std::uint32_t slot,
                                 const verify::CodeAnswer& answer) noexcept {
  verify::Challenges& challenges = *outbox.challenges();
  const bool holds = answer.place != verify::CodeAnswer::kNoPlace;
  if (answer.verdict != verify::CodeVerdict::groups_known) {
    if (holds) challenges.let_go(answer.place);
    // Without his groups nobody can say which policy is his: so none is chosen.
    return decide_code(now, slot, {.ticket = answer.ticket, .detail = answer.detail});
  }
  CHECK(holds);
  held = challenges.held(answer.place);
  held.wanted_groups = nullptr;
  challenges.let_go(answer.place);
  exchanges[slot].asks_groups = false;
  decide_by_groups(now, slot);
  wipe_held();
}

void Door::Core::decide_by_groups(Now now, std::uint32_t slot) noexcept {
  Exchange& exchange = exchanges[slot];
  const SenderNote note = note_of(exchange);
  const auto accept = radius::PacketView::parse(Octets(held.accept).first(held.accept_octets),
                                                radius::Version::v1_1);
  CHECK(accept.has_value());
  exchange.policy =
      choose_policy(now, exchange, held.nas_port_type, *accept, note.user.view(), &held.groups);
  CHECK(exchange.policy != PolicyTable::kAskDirectory);
  if (const config::Policy* const chosen = policy_of(exchange)) {
    switch (chosen->action) {
      case config::PolicyAction::push:
      case config::PolicyAction::otp:
      case config::PolicyAction::ask:
      case config::PolicyAction::token:
      case config::PolicyAction::link: break;
      case config::PolicyAction::exempt: return exempt_held(now, slot, note);
      case config::PolicyAction::deny:
        return reject(now, slot, Outcome::policy_denied,
                      messages_of(exchange).policy_denied_message, nullptr, &note);
    }
  }
  const verify::LoginFactors factors = factors_to_offer(exchange, held.has_password);
  if (has_to_hold(exchange, held.has_password, factors))
    return ask_of_held(now, slot, note, factors);
  held.remember_ms = remember_ms(exchange);
  ask_held(now, slot, held, factors.first());
}

void Door::Core::exempt_held(Now now, std::uint32_t slot, const SenderNote& note) noexcept {
  if (!restore_held(slot, held, note)) return refuse_held(now, slot, note);
  // Let through by policy alone, so only with a witness: no audit record, no Accept.
  if (!record(now, slot, Outcome::exempted, DownstreamSaid::accept, nullptr, &note)) {
    return reject(now, slot, Outcome::unavailable_denied,
                  messages_of(exchanges[slot]).unavailable_message, nullptr, &note);
  }
  metrics.allowed_by_policy.add();
  answer_stored(now, slot);
}

}  // namespace sallyport::radius_door
