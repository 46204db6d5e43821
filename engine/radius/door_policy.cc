// Which policy decides about a login that the downstream has accepted, and those that need nobody's
// approval: exempted, or denied.

#include "engine/radius/door_core.h"
#include "protocol/check.h"

namespace sallyport::radius_door {

std::uint16_t Door::Core::choose_policy(Now now, const Exchange& exchange,
                                        std::optional<std::uint32_t> port_type,
                                        const radius::PacketView& accept, std::string_view user,
                                        const verify::FoundGroups* found) noexcept {
  const PolicyTable& policies = settings[exchange.settings].policies;
  return policies.choose({.user = user,
                          .client = exchange.client->name(),
                          .source = exchange.key.source.address,
                          .nas_port_type = port_type,
                          .groups = policies.groups_of(accept, groups),
                          .unix_s = now.unix_s,
                          .directory_groups = found});
}

const config::Policy* Door::Core::policy_of(const Exchange& exchange) const noexcept {
  const PolicyTable& policies = settings[exchange.settings].policies;
  return exchange.policy < policies.size() ? &policies[exchange.policy] : nullptr;
}

std::string_view Door::Core::message_for(const Exchange& exchange, const SenderNote& note,
                                         std::string_view common) noexcept {
  const config::Policy* const policy = policy_of(exchange);
  const bool own = policy != nullptr && !policy->message.empty();
  return render_message(own ? policy->message : common, note, exchange.client->name(), 0,
                        message_room);
}

const config::Messages& Door::Core::messages_of(const Exchange& exchange) const noexcept {
  const DoorSettings& all = settings[exchange.settings];
  std::uint8_t language = all.policies.language_of(exchange.policy);
  if (language == 0) language = exchange.client->language;
  return language == 0 ? all.second_factor.messages : all.translations[language - 1];
}

config::OnUnavailable Door::Core::on_unavailable(const Exchange& exchange) const noexcept {
  const config::Policy* const policy = policy_of(exchange);
  const auto given =
      policy == nullptr ? config::PolicyOnUnavailable::as_configured : policy->on_unavailable;
  switch (given) {
    case config::PolicyOnUnavailable::as_configured: break;
    case config::PolicyOnUnavailable::deny: return config::OnUnavailable::deny;
    case config::PolicyOnUnavailable::allow: return config::OnUnavailable::allow;
    case config::PolicyOnUnavailable::silent: return config::OnUnavailable::silent;
  }
  return settings[exchange.settings].second_factor.on_unavailable;
}

std::uint32_t Door::Core::remember_ms(const Exchange& exchange) const noexcept {
  const config::Policy* const policy = policy_of(exchange);
  if (policy != nullptr && policy->remember_ms > 0) return policy->remember_ms;
  return settings[exchange.settings].second_factor.remember_ms;
}

void Door::Core::exempt(Now now, std::uint32_t slot, const radius::PacketView& accept,
                        const SenderNote& note) noexcept {
  Exchange& exchange = exchanges[slot];
  const auto answer = translate_for_client(accept, exchange, 0);
  if (!answer) return drop(Drop::reply_untranslatable);
  reply_arrived(now, slot);
  // Let through by policy alone, so only with a witness: no audit record, no Accept.
  if (!record(now, slot, Outcome::exempted, DownstreamSaid::accept, nullptr, &note)) {
    packets.give_back(answer->block);
    return reject(now, slot, Outcome::unavailable_denied, messages_of(exchange).unavailable_message,
                  nullptr, &note);
  }
  metrics.allowed_by_policy.add();
  keep(exchange, answer->block, 0, answer->packet.size());
  departures.add({.slot = slot, .packet = answer->packet});
}

}  // namespace sallyport::radius_door
