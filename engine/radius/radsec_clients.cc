#include "engine/radius/radsec_clients.h"

#include <algorithm>
#include <string_view>

#include <openssl/sha.h>

#include "engine/radius/certificate_rules.h"
#include "protocol/secret.h"

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
    Client& known = clients_.emplace_back();
    known.entry = entries_->find(place_of(clients_.size() - 1));
    known.certificate = client.certificate;
    known.psk_identity = client.psk_identity;
    const Secret key = config::psk_octets(client.psk);
    SHA256(key.reveal().data(), key.size(), known.psk_sha256.data());
    known.addresses = client.addresses;
  }
}

const ClientEntry* RadsecClients::find(const ring::TlsPeer& peer,
                                       const IpAddress& address) const noexcept {
  for (const Client& client : clients_) {
    const bool from_there = client.addresses.empty() ||
                            std::ranges::any_of(client.addresses, [&](const Prefix& prefix) {
                              return prefix.contains(address);
                            });
    if (from_there &&
        (peer.psk_identity.empty() ? fits_any(client.certificate, peer) : has_key(client, peer)))
      return client.entry;
  }
  return nullptr;
}

bool RadsecClients::has_key(const Client& client, const ring::TlsPeer& peer) noexcept {
  return client.psk_identity == peer.psk_identity &&
         equal_constant_time(client.psk_sha256, peer.sha256);
}

}  // namespace sallyport::radius_door
