#include "engine/config/rules.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "engine/config/checks.h"
#include "engine/config/coa_rules.h"
#include "engine/config/downstream_rules.h"
#include "engine/config/gate_rules.h"
#include "engine/config/http_rules.h"
#include "engine/limits.h"

namespace sallyport::config {
namespace {

bool matches_all(const Policy& policy) {
  return policy.clients.empty() && policy.networks.empty() && policy.users.empty() &&
         policy.realms.empty() && policy.groups.empty() && policy.nas_port_types.empty() &&
         policy.hours.empty();
}

void check_clients(const Config& config, const Places& places, Notes& notes) {
  std::map<Prefix, std::string_view> owner_of;
  std::map<std::string_view, std::size_t> first_named;
  for (std::size_t i = 0; i < config.clients.size(); ++i) {
    const Client& client = config.clients[i];
    const ElementPlaces at = places.of_element(Section::client, i);
    if (!client.name.empty() && !first_named.emplace(client.name, i).second) {
      notes.mistake(at.header, "client.name",
                    {.wrong = fmt::format("\"{}\" is the name of two clients", client.name),
                     .mend = "Give each client a name of its own."});
    }
    for (std::size_t j = 0; j < client.addresses.size(); ++j) {
      const auto [owner, is_new] = owner_of.emplace(client.addresses[j], client.name);
      if (is_new) continue;
      const std::string prefix = client.addresses[j].text();
      notes.mistake(
          at.in_list("addresses", j), "client.addresses",
          {.wrong = owner->second == client.name
                        ? fmt::format("{} stands twice in client \"{}\"", prefix, client.name)
                        : fmt::format("{} belongs to client \"{}\" already, and is claimed by "
                                      "client \"{}\"",
                                      prefix, owner->second, client.name),
           .mend = "Keep each address or prefix in one client; a longer prefix may lie inside."});
    }
    if (client.require_message_authenticator == RequireMessageAuthenticator::no &&
        !client.limit_proxy_state) {
      notes.warning(at.header, "client.limit_proxy_state",
                    {.wrong = fmt::format("client \"{}\" is open to forged answers (CVE-2024-3596)",
                                          client.name),
                     .mend = "Leave limit_proxy_state true, or let the client send a "
                             "Message-Authenticator and require it."});
    }
  }
}

void check_radsec(const Config& config, const Places& places, Notes& notes) {
  std::map<std::string_view, Position> named;
  for (std::size_t i = 0; i < config.clients.size(); ++i) {
    named.emplace(config.clients[i].name, places.of_element(Section::client, i).header);
  }
  for (std::size_t i = 0; i < config.radsec.clients.size(); ++i) {
    const std::string& name = config.radsec.clients[i].name;
    const ElementPlaces at = places.of_element(Section::radsec_client, i);
    if (name.empty() || named.emplace(name, at.header).second) continue;
    notes.mistake(at.header, "radsec.client.name",
                  {.wrong = fmt::format("\"{}\" is the name of two clients", name),
                   .mend = "Give each client a name of its own."});
  }
  if (config.radsec.listeners.empty() != config.radsec.clients.empty()) {
    const bool none_listens = config.radsec.listeners.empty();
    notes.mistake(
        none_listens ? places.of_element(Section::radsec_client, 0).header
                     : places.of_element(Section::radsec_listener, 0).header,
        none_listens ? "radsec.client" : "radsec.listener",
        {.wrong = none_listens ? "has nowhere to connect to" : "lets nobody in",
         .mend = none_listens ? "Add [[radsec.listener]], or remove the client."
                              : "Add [[radsec.client]] with the client's certificate, or remove "
                                "the listener."});
  }
  std::size_t endpoints = 0;
  for (const RadsecListener& listener : config.radsec.listeners)
    endpoints += listener.listen.size();
  if (endpoints > limits::kMaxRadsecEndpoints) {
    notes.mistake(places.of_element(Section::radsec_listener, 0).header, "radsec.listener.listen",
                  {.wrong = fmt::format("names {} addresses in all listeners", endpoints),
                   .mend = fmt::format("Keep {} at most.", limits::kMaxRadsecEndpoints)});
  }
}

/// Where a key stands in the place of certificates, and where one of the two is missing.
void check_radsec_keys(const Config& config, const Places& places, Notes& notes) {
  const Radsec& radsec = config.radsec;
  std::map<std::string_view, std::string_view> owner_of;
  bool have_certificates = false;
  for (std::size_t i = 0; i < radsec.clients.size(); ++i) {
    const RadsecClient& client = radsec.clients[i];
    const ElementPlaces at = places.of_element(Section::radsec_client, i);
    const bool has_key = at.given("psk");
    have_certificates |= !client.certificate.empty();
    if (has_key == at.given("certificate")) {
      notes.mistake(has_key ? at.of("psk") : at.header,
                    has_key ? "radsec.client.psk" : "radsec.client.certificate",
                    {.wrong = has_key ? "stands beside certificate" : "is missing",
                     .mend = has_key ? "Keep the one by which the client is to be known."
                                     : "Add certificate, or psk_identity and psk."});
    }
    if (has_key != at.given("psk_identity")) {
      const std::string_view lacks = has_key ? "psk_identity" : "psk";
      notes.mistake(at.header, fmt::format("radsec.client.{}", lacks),
                    {.wrong = "is missing", .mend = "A key needs both: psk_identity and psk."});
    }
    if (has_key && !client.psk.empty()) {
      if (Finding bad = check_psk(client.psk))
        notes.mistake(at.of("psk"), "radsec.client.psk", std::move(*bad));
    }
    if (client.psk_identity.empty()) continue;
    const auto [owner, is_new] = owner_of.emplace(client.psk_identity, client.name);
    if (is_new) continue;
    notes.mistake(at.of("psk_identity"), "radsec.client.psk_identity",
                  {.wrong = fmt::format("is that of client \"{}\", too", owner->second),
                   .mend = "Give each client an identity of its own."});
  }
  bool certificates_work = false;
  for (std::size_t i = 0; i < radsec.listeners.size(); ++i) {
    const ElementPlaces at = places.of_element(Section::radsec_listener, i);
    const std::array<std::string_view, 3> files = {"certificate_file", "key_file", "ca_file"};
    const auto given = std::ranges::count_if(files, [&](auto key) { return at.given(key); });
    certificates_work |= given == 3;
    if (given == 3 || (given == 0 && !owner_of.empty())) continue;
    for (const std::string_view key : files) {
      if (at.given(key)) continue;
      notes.mistake(at.header, fmt::format("radsec.listener.{}", key),
                    {.wrong = "is missing",
                     .mend = "Add certificate_file, key_file and ca_file; without all three, only "
                             "clients with a psk can connect."});
    }
  }
  if (!have_certificates || certificates_work || radsec.listeners.empty()) return;
  for (std::size_t i = 0; i < radsec.clients.size(); ++i) {
    const ElementPlaces at = places.of_element(Section::radsec_client, i);
    if (!at.given("certificate")) continue;
    return notes.mistake(at.of("certificate"), "radsec.client.certificate",
                         {.wrong = "is of no use: no [[radsec.listener]] has certificates",
                          .mend = "Add certificate_file, key_file and ca_file to one."});
  }
}

/// What `token` and `link` cannot be without; [store] is asked for with the gate's rules.
void check_messages(const Config& config, verify::LoginFactors factors, Position where,
                    Notes& notes) {
  using verify::LoginFactor;
  for (const auto& [factor, kind] : {std::pair{LoginFactor::token, verify::MessageKind::token},
                                     std::pair{LoginFactor::link, verify::MessageKind::link}}) {
    if (!factors.has(factor)) continue;
    const std::string_view name = to_text(factor);
    const auto lacks = [&](std::string_view what, std::string_view mend) {
      notes.mistake(
          where, "policy.action",
          {.wrong = fmt::format("asks for a {}, and {}", name, what), .mend = std::string(mend)});
    };
    if (config.gate.directories.empty() && !config.gate.on)
      lacks("no [[gate.directory]] knows the users",
            "Add [[gate.directory]] with name and type: list, file, ldap or command.");
    if (!is_carried(config.gate, kind))
      lacks("no [[gate.channel]] sends such messages",
            "Add [[gate.channel]] with name and type: smtp, url or command.");
    if (factor != LoginFactor::link) continue;
    if (config.http.listeners.empty())
      lacks("there is no [[http.listener]] for its page",
            "Add [[http.listener]] with listen, or action = \"token\".");
    if (config.gate.settings.gate_url.empty())
      lacks("gate.url is missing",
            "Set gate.url: scheme and host where users reach the page, "
            "\"https://auth.example.net\".");
  }
}

void check_policies(const Config& config, const Places& places, Notes& notes) {
  std::map<std::string_view, std::size_t> first_named;
  const Policy* matches_the_rest = nullptr;
  for (std::size_t i = 0; i < config.policies.size(); ++i) {
    const Policy& policy = config.policies[i];
    const ElementPlaces at = places.of_element(Section::policy, i);
    if (!policy.name.empty() && !first_named.emplace(policy.name, i).second) {
      notes.mistake(at.header, "policy.name",
                    {.wrong = fmt::format("\"{}\" is the name of two policies", policy.name),
                     .mend = "Give each policy a name of its own."});
    }
    for (std::size_t j = 0; j < policy.clients.size(); ++j) {
      if (std::ranges::find(config.clients, policy.clients[j], &Client::name) !=
          config.clients.end())
        continue;
      notes.mistake(at.in_list("clients", j), "policy.clients",
                    {.wrong = fmt::format("there is no client \"{}\"", policy.clients[j]),
                     .mend = "Write the name of a [[client]]."});
    }
    if (policy.action == PolicyAction::ask && policy.factors.empty()) {
      notes.mistake(at.header, "policy.factors",
                    {.wrong = "is missing, and action = \"ask\" needs it",
                     .mend = "Add factors = [\"push\", \"otp\"]."});
    } else if (policy.action != PolicyAction::ask && !policy.factors.empty()) {
      notes.mistake(
          at.of("factors"), "policy.factors",
          {.wrong = "is only for action = \"ask\"", .mend = "Set action = \"ask\", or remove it."});
    }
    const verify::LoginFactors factors = factors_of(policy);
    if (!config.second_factor.challenge && factors.has(verify::LoginFactor::token)) {
      notes.mistake(at.header, "policy.action",
                    {.wrong = "asks for a code that is sent, and there is no way to bring one",
                     .mend = "Leave second_factor.challenge out, or choose another factor."});
    }
    check_messages(config, factors, at.header, notes);
    if (!config.second_factor.challenge && !config.second_factor.appended &&
        factors.has(verify::LoginFactor::otp)) {
      notes.mistake(at.header, "policy.action",
                    {.wrong = "asks for a code, and there is no way to bring one",
                     .mend = "Set second_factor.appended = true, or leave challenge out."});
    }
    if (!policy.required_groups.empty() &&
        factors_of(policy) != verify::LoginFactors{verify::LoginFactor::push}) {
      notes.mistake(at.of("required_groups"), "policy.required_groups",
                    {.wrong = "is only known of who approves on the phone",
                     .mend = "Set action = \"push\", or remove it."});
    }
    if (!policy.groups.empty() && config.second_factor.group_attribute.empty() &&
        !config.second_factor.directory_groups) {
      notes.mistake(at.of("groups"), "policy.groups",
                    {.wrong = "can match nobody: second_factor.group_attribute is empty",
                     .mend = "Name the attribute that the downstream puts groups into, or set "
                             "directory_groups = true."});
    }
    if (matches_the_rest != nullptr) {
      notes.warning(at.header, "policy",
                    {.wrong = fmt::format("is never asked: policy \"{}\" before it matches every "
                                          "login",
                                          matches_the_rest->name),
                     .mend = "Move it up, or remove it."});
    } else if (matches_all(policy)) {
      matches_the_rest = &policy;
      if (policy.action != PolicyAction::exempt) continue;
      notes.warning(at.header, "policy.action",
                    {.wrong = "exempts every login from the second factor",
                     .mend = "Say whom: with users, groups, clients, networks or hours."});
    }
  }
}

void check_languages(const Config& config, const Places& places, Notes& notes) {
  const std::vector<Messages>& translations = config.second_factor.translations;
  for (std::size_t i = 0; i < translations.size(); ++i) {
    const std::string& language = translations[i].language;
    if (language.empty() || language_index(translations, language) == i + 1) continue;
    notes.mistake(places.of_element(Section::second_factor_messages, i).header,
                  "second_factor.messages.language",
                  {.wrong = fmt::format("\"{}\" has texts already", language),
                   .mend = "Keep one [[second_factor.messages]] of each language."});
  }
  const auto check = [&](Section section, const char* key, const auto& elements) {
    for (std::size_t i = 0; i < elements.size(); ++i) {
      const std::string& language = elements[i].language;
      if (language.empty() || language_index(translations, language) != 0) continue;
      notes.mistake(places.of_element(section, i).of("language"), key,
                    {.wrong = fmt::format("there are no texts in \"{}\"", language),
                     .mend = fmt::format("Add [[second_factor.messages]] with language = \"{}\".",
                                         language)});
    }
  };
  check(Section::client, "client.language", config.clients);
  check(Section::radsec_client, "radsec.client.language", config.radsec.clients);
  check(Section::policy, "policy.language", config.policies);
}

void check_number_matching(const Config& config, const Places& places, Notes& notes) {
  if (!config.second_factor.number_matching) return;
  constexpr std::string_view kKey = "second_factor.number_matching";
  if (!config.second_factor.challenge) {
    notes.mistake(places.of(kKey), std::string(kKey),
                  {.wrong = "shows the number by Access-Challenge, and challenge is false",
                   .mend = "Remove one of them."});
  }
  if (!config.notakey.profile.empty()) {
    notes.mistake(places.of(kKey), std::string(kKey),
                  {.wrong = "cannot put the number on the phone: notakey.profile takes the place "
                            "of the text",
                   .mend = "Remove the profile, or number_matching."});
  }
}

void check_directory_groups(const Config& config, const Places& places, Notes& notes) {
  if (!config.second_factor.directory_groups) return;
  constexpr std::string_view kKey = "second_factor.directory_groups";
  if (config.gate.directories.empty() && !config.gate.on) {
    notes.mistake(
        places.of(kKey), std::string(kKey),
        {.wrong = "is on, and no [[gate.directory]] knows the users",
         .mend = "Add [[gate.directory]] with name and type: list, file, ldap or command."});
  }
  const auto has_groups = [](const Policy& policy) { return !policy.groups.empty(); };
  if (std::ranges::none_of(config.policies, has_groups)) {
    notes.warning(places.of(kKey), std::string(kKey),
                  {.wrong = "is of no use: no [[policy]] has groups",
                   .mend = "Add groups to a policy, or remove it."});
  }
  const auto has_no_groups = [](const GateDirectory& directory) {
    const auto* ldap = std::get_if<verify::LdapDirectorySettings>(&directory.settings);
    return ldap != nullptr && ldap->group_attribute.empty();
  };
  const auto silent = std::ranges::find_if(config.gate.directories, has_no_groups);
  if (silent != config.gate.directories.end()) {
    const auto index = static_cast<std::size_t>(silent - config.gate.directories.begin());
    notes.warning(places.of_element(Section::gate_directory, index).header,
                  "gate.directory.group_attribute",
                  {.wrong = "is missing: the users of this directory are in no group",
                   .mend = "Add group_attribute = \"memberOf\"."});
  }
}

/// Without Notakey every login has to be decided by a policy that asks no phone.
void check_no_phone(const Config& config, Notes& notes) {
  if (!config.notakey.host.empty() || config.policies.empty()) return;
  const auto missing = [&](std::string wrong) {
    notes.mistake({.line = 1, .column = 1}, "notakey",
                  {.wrong = "the section [notakey] is missing: " + std::move(wrong),
                   .mend = "Add [notakey] with host, access_id, or end the policies with one that "
                           "has no condition, and let none ask by push."});
  };
  for (const Policy& policy : config.policies) {
    if (factors_of(policy).has(verify::LoginFactor::push))
      return missing(fmt::format("policy \"{}\" asks the phone", policy.name));
  }
  if (std::ranges::none_of(config.policies, matches_all))
    missing("who matches no policy is asked on the phone");
}

void check_notakey(const Notakey& notakey, const Places& places, Notes& notes) {
  if (Finding warning = warn_api_url(notakey.host)) {
    notes.warning(places.of("notakey.host"), "notakey.host", std::move(*warning));
  }
  const Position version = places.of("notakey.version");
  if (notakey.version == NotakeyVersion::v3) {
    for (const std::string_view key : {"client_id", "client_secret"}) {
      if (places.given(fmt::format("notakey.{}", key))) continue;
      notes.mistake(
          version, fmt::format("notakey.{}", key),
          {.wrong = "is missing, and version \"v3\" needs it",
           .mend = "Make a client on the dashboard's page \"Access credentials\" and copy "
                   "its id and secret, or set version = \"v2\"."});
    }
    if (!notakey.profile.empty() &&
        (places.given("notakey.action") || places.given("notakey.description"))) {
      notes.warning(places.of("notakey.profile"), "notakey.profile",
                    {.wrong = "takes the place of action and description, which are not sent",
                     .mend = "Remove them, or the profile."});
    }
    return;
  }
  for (const std::string_view key : {"client_id", "client_secret", "profile"}) {
    const std::string name = fmt::format("notakey.{}", key);
    if (!places.given(name)) continue;
    notes.mistake(places.of(name), name,
                  {.wrong = "is not known to version \"v2\" of the API",
                   .mend = fmt::format("Set version = \"v3\", or remove {}.", key)});
  }
}

void check_radius_relations(const Config& config, const Places& places, Notes& notes) {
  const std::uint32_t shards = config.radius.shards;
  if (shards > 0 && config.radius.max_exchanges / shards > limits::kMaxExchangesPerShard) {
    notes.mistake(places.of("radius.max_exchanges"), "radius.max_exchanges",
                  {.wrong = fmt::format("is more than {} for each of the {} shards",
                                        limits::kMaxExchangesPerShard, shards),
                   .mend = "Lower it, or take more shards."});
  }
}

void check_accounting(const Config& config, const Places& places, Notes& notes) {
  if (config.accounting.spool.empty()) return;
  const DownstreamServer server = accounting_server_of(config);
  if (!is_ourselves(config, server.host, server.port)) return;
  notes.mistake(
      places.of("accounting.address"), "accounting.address",
      {.wrong = "is the address that we listen on ourselves",
       .mend = "Give the address of the accounting server behind, or change radius.listen."});
}

void check_both_doors(const Config& config, const Places& places, Notes& notes) {
  for (const std::string_view key : {"shards", "pin"}) {
    const std::string older = fmt::format("radius.{}", key);
    if (!places.given(older) || !places.given(fmt::format("engine.{}", key))) continue;
    notes.mistake(places.of(older), older,
                  {.wrong = fmt::format("is given as engine.{} already", key),
                   .mend = "Keep the one below [engine]."});
  }
  if (config.admin.listen && !config.admin.listen->address.is_loopback()) {
    notes.warning(places.of("admin.listen"), "admin.listen",
                  {.wrong = "can be reached from other machines, and asks for no password",
                   .mend = "Listen on 127.0.0.1, or on an address of a management network."});
  }
}

}  // namespace

void check_rules(const Config& config, const Places& places, Notes& notes) {
  check_both_doors(config, places, notes);
  if (config.has_radius) {
    check_clients(config, places, notes);
    check_radsec(config, places, notes);
    check_radsec_keys(config, places, notes);
    check_policies(config, places, notes);
    check_languages(config, places, notes);
    check_number_matching(config, places, notes);
    check_directory_groups(config, places, notes);
    check_no_phone(config, notes);
    check_radius_relations(config, places, notes);
    check_downstream(config, places, notes);
    check_accounting(config, places, notes);
    check_coa(config, places, notes);
  }
  if (!config.notakey.host.empty()) check_notakey(config.notakey, places, notes);
  check_http_rules(config, places, notes);
  check_gate_rules(config, places, notes);
}

}  // namespace sallyport::config
