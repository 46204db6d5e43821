#include "engine/config/coa_rules.h"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "engine/config/checks.h"
#include "engine/config/duration.h"

namespace sallyport::config {
namespace {

constexpr std::string_view kClientKeys[] = {"coa_port", "coa_secret", "coa_address",
                                            "nas_identifiers"};

/// What a client has for dynamic authorization is of use only where there is any.
void check_unused(const Config& config, const Places& places, Notes& notes) {
  for (std::size_t i = 0; i < config.clients.size(); ++i) {
    const ElementPlaces at = places.of_element(Section::client, i);
    for (const std::string_view key : kClientKeys) {
      if (!at.given(key)) continue;
      notes.warning(at.of(key), fmt::format("client.{}", key),
                    {.wrong = "is of no use: there is no [coa]",
                     .mend = "Add [coa] with listen, or remove it."});
    }
  }
}

bool has_one_address(const Client& client) {
  return client.coa.address || (client.addresses.size() == 1 && client.addresses[0].length == 128);
}

/// A NAS-Identifier must lead to one place.
void check_nas_identifiers(const Config& config, const Places& places, Notes& notes) {
  std::map<std::string_view, std::string_view> owner_of;
  for (const Client& client : config.clients) owner_of.emplace(client.name, client.name);
  for (std::size_t i = 0; i < config.clients.size(); ++i) {
    const Client& client = config.clients[i];
    const ElementPlaces at = places.of_element(Section::client, i);
    if (!client.coa.nas_identifiers.empty() && !has_one_address(client)) {
      notes.mistake(at.of("nas_identifiers"), "client.nas_identifiers",
                    {.wrong = fmt::format("cannot tell where to send: client \"{}\" has more than "
                                          "one address",
                                          client.name),
                     .mend = "Add coa_address, or name it by NAS-IP-Address and remove this."});
    }
    for (std::size_t j = 0; j < client.coa.nas_identifiers.size(); ++j) {
      const std::string& identifier = client.coa.nas_identifiers[j];
      const auto [owner, is_new] = owner_of.emplace(identifier, client.name);
      if (is_new || owner->second == client.name) continue;
      notes.mistake(
          at.in_list("nas_identifiers", j), "client.nas_identifiers",
          {.wrong = fmt::format("\"{}\" means client \"{}\" already", identifier, owner->second),
           .mend = "Give it to one client."});
    }
  }
}

void check_askers(const Config& config, const Places& places, Notes& notes) {
  std::map<Prefix, std::string_view> owner_of;
  std::map<std::string_view, std::size_t> first_named;
  for (std::size_t i = 0; i < config.coa.clients.size(); ++i) {
    const CoaClient& asker = config.coa.clients[i];
    const ElementPlaces at = places.of_element(Section::coa_client, i);
    if (!asker.name.empty() && !first_named.emplace(asker.name, i).second) {
      notes.mistake(at.of("name"), "coa.client.name",
                    {.wrong = fmt::format("\"{}\" is the name of two", asker.name),
                     .mend = "Give each a name of its own."});
    }
    for (std::size_t j = 0; j < asker.addresses.size(); ++j) {
      if (owner_of.emplace(asker.addresses[j], asker.name).second) continue;
      notes.mistake(
          at.in_list("addresses", j), "coa.client.addresses",
          {.wrong =
               fmt::format("{} belongs to a [[coa.client]] already", asker.addresses[j].text()),
           .mend = "Keep each address or prefix in one; a longer prefix may lie inside."});
    }
  }
}

bool overlap(const Endpoint& one, const Endpoint& other) {
  return one.port == other.port && one.port != 0 &&
         (one.address == other.address || (one.address.is_v4() == other.address.is_v4() &&
                                           (one.address.is_any() || other.address.is_any())));
}

void check_listen(const Config& config, const Places& places, Notes& notes) {
  const auto& listen = config.coa.listen;
  for (std::size_t i = 0; i < listen.size(); ++i) {
    const bool radius = std::ranges::any_of(
        config.radius.listen, [&](const Endpoint& other) { return overlap(listen[i], other); });
    const bool twice = std::ranges::find(listen.begin(), listen.begin() + static_cast<long>(i),
                                         listen[i]) != listen.begin() + static_cast<long>(i);
    if (!radius && !twice) continue;
    notes.mistake(places.of("coa.listen"), "coa.listen",
                  {.wrong = fmt::format("{} {}", listen[i].text(),
                                        radius ? "is in use by radius.listen" : "stands twice"),
                   .mend = "Choose another address or port; 3799 is the usual one."});
  }
}

}  // namespace

void check_coa(const Config& config, const Places& places, Notes& notes) {
  if (config.coa.listen.empty()) return check_unused(config, places, notes);
  if (!config.coa.from_downstream && config.coa.clients.empty()) {
    notes.mistake(places.of("coa.listen"), "coa",
                  {.wrong = "lets nobody ask",
                   .mend = "Set from_downstream = true, or add a [[coa.client]]."});
  }
  if (config.coa.retransmit_ms > config.coa.timeout_ms) {
    constexpr std::string_view kRetransmit = "coa.retransmit";
    constexpr std::string_view kTimeout = "coa.timeout";
    // One of them may be the default, and has no place.
    const bool given = places.given(kRetransmit);
    const auto default_of = [&](std::string_view key, std::uint32_t ms) {
      return places.given(key) ? "" : fmt::format(", which is {} by default", duration_text(ms));
    };
    notes.mistake(
        places.of(given ? kRetransmit : kTimeout), std::string(given ? kRetransmit : kTimeout),
        {.wrong = given ? "is longer than coa.timeout" + default_of(kTimeout, config.coa.timeout_ms)
                        : "is shorter than coa.retransmit" +
                              default_of(kRetransmit, config.coa.retransmit_ms),
         .mend = "Shorten coa.retransmit, or let the NAS take longer."});
  }
  check_listen(config, places, notes);
  check_askers(config, places, notes);
  check_nas_identifiers(config, places, notes);
}

}  // namespace sallyport::config
