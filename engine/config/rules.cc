#include "engine/config/rules.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "engine/config/checks.h"
#include "engine/config/http_rules.h"
#include "engine/limits.h"

namespace sallyport::config {
namespace {

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

/// Whether what is sent to the downstream arrives at our own door.
bool is_ourselves(const Endpoint& listen, const Downstream& downstream) {
  const auto address = IpAddress::parse(downstream.host);
  if (!address || listen.port != downstream.port) return false;
  // What is sent to 0.0.0.0 goes to loopback.
  const bool to_this_machine = address->is_any() || is_loopback(*address);
  return *address == listen.address ||
         (to_this_machine && (listen.address.is_any() || is_loopback(listen.address)));
}

void check_radius_relations(const Config& config, const Places& places, Notes& notes) {
  const std::uint32_t shards = config.radius.shards;
  if (shards > 0 && config.downstream.max_source_ports < shards) {
    notes.mistake(
        places.of("downstream.max_source_ports"), "downstream.max_source_ports",
        {.wrong = fmt::format("is less than the {} shards, and each needs a port", shards),
         .mend = fmt::format("Set it to {} or more.", shards)});
  }
  if (shards > 0 && config.radius.max_exchanges / shards > limits::kMaxExchangesPerShard) {
    notes.mistake(places.of("radius.max_exchanges"), "radius.max_exchanges",
                  {.wrong = fmt::format("is more than {} for each of the {} shards",
                                        limits::kMaxExchangesPerShard, shards),
                   .mend = "Lower it, or take more shards."});
  }
  if (std::ranges::any_of(config.radius.listen, [&](const Endpoint& listen) {
        return is_ourselves(listen, config.downstream);
      })) {
    notes.mistake(
        places.of("downstream.address"), "downstream.address",
        {.wrong = "is the address that we listen on ourselves",
         .mend = "Give the address of the RADIUS server behind, or change radius.listen."});
  }
}

void check_both_doors(const Config& config, const Places& places, Notes& notes) {
  for (const std::string_view key : {"shards", "pin"}) {
    const std::string older = fmt::format("radius.{}", key);
    if (!places.given(older) || !places.given(fmt::format("engine.{}", key))) continue;
    notes.mistake(places.of(older), older,
                  {.wrong = fmt::format("is given as engine.{} already", key),
                   .mend = "Keep the one below [engine]."});
  }
  if (config.admin.listen && !is_loopback(config.admin.listen->address)) {
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
    check_notakey(config.notakey, places, notes);
    check_radius_relations(config, places, notes);
  }
  check_http_rules(config, places, notes);
}

}  // namespace sallyport::config
