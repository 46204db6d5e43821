#include "engine/radius/radsec_clients.h"

#include <algorithm>
#include <string_view>

#include "engine/radius/certificate_rules.h"

namespace sallyport::radius_door {
namespace {

constexpr std::string_view kRadsecSecret = "radsec";  // RFC 6614 §2.3

IpAddress place_of(std::size_t index) { return IpAddress::v4(static_cast<std::uint32_t>(index)); }

std::unique_ptr<const ClientTable> entries_of(const std::vector<config::RadsecClient>& clients,
                                              std::span<const config::Messages> translations) {
  std::vector<config::Client> entries;
  for (const config::RadsecClient& client : clients) {
    entries.push_back({.name = client.name,
                       .addresses = {{.address = place_of(entries.size()), .length = 128}},
                       .secret = Secret(kRadsecSecret),
                       .require_message_authenticator = config::RequireMessageAuthenticator::no,
                       .limit_proxy_state = false,
                       .language = client.language});
  }
  return std::make_unique<const ClientTable>(entries, nullptr, translations);
}

}  // namespace

RadsecClients::RadsecClients(const std::vector<config::RadsecClient>& clients,
                             std::span<const config::Messages> translations)
    : entries_(entries_of(clients, translations)) {
  for (const config::RadsecClient& client : clients) {
    clients_.push_back({.entry = entries_->find(place_of(clients_.size())),
                        .certificate = client.certificate,
                        .addresses = client.addresses});
  }
}

const ClientEntry* RadsecClients::find(const ring::TlsPeer& peer,
                                       const IpAddress& address) const noexcept {
  for (const Client& client : clients_) {
    const bool from_there = client.addresses.empty() ||
                            std::ranges::any_of(client.addresses, [&](const Prefix& prefix) {
                              return prefix.contains(address);
                            });
    if (from_there && fits_any(client.certificate, peer)) return client.entry;
  }
  return nullptr;
}

}  // namespace sallyport::radius_door
