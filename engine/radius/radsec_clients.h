#pragma once
// Which client a TLS connection belongs to: its certificate's names and fingerprint, or its key,
// and its address, against the rules of [[radsec.client]]. Immutable; any thread. Asked once a
// connection.

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/config/messages.h"
#include "engine/config/radsec.h"
#include "engine/radius/client_table.h"
#include "engine/ring/tls_peer.h"
#include "protocol/ip_address.h"

namespace sallyport::radius_door {

class RadsecClients {
 public:
  explicit RadsecClients(const std::vector<config::RadsecClient>& clients,
                         std::span<const config::Messages> translations = {});

  /// The first client that fits, or null. The entry's key is made of the secret "radsec" (RFC 6614
  /// §2.3), and nothing is required of its packets that is for UDP alone (CVE-2024-3596).
  [[nodiscard]] const ClientEntry* find(const ring::TlsPeer& peer,
                                        const IpAddress& address) const noexcept;

 private:
  struct Client {
    const ClientEntry* entry;                          ///< in entries_
    std::vector<config::CertificateRule> certificate;  ///< empty: known by a key
    std::string psk_identity;
    std::array<std::uint8_t, 32> psk_sha256;
    std::vector<Prefix> addresses;  ///< empty: any
  };
  [[nodiscard]] static bool has_key(const Client& client, const ring::TlsPeer& peer) noexcept;

  /// Entries live in a table only: in this one each stands at its number instead of an address.
  std::unique_ptr<const ClientTable> entries_;
  std::vector<Client> clients_;
};

}  // namespace sallyport::radius_door
