#pragma once
// What a peer's certificate says of it, or its key: all that rules about names and fingerprints
// need. Read once a handshake.

#include <array>
#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "protocol/octets.h"

namespace sallyport::ring {

struct TlsPeer {
  std::array<std::uint8_t, 32> sha256{};    ///< of the whole certificate, or of the key
  std::vector<std::string> dns_names = {};  ///< of subjectAltName, lower case
  std::vector<std::string> uris = {};       ///< of subjectAltName
  std::string common_name = {};             ///< of the subject; empty: none
  std::string psk_identity = {};            ///< not empty: known by a key (tls_psk.h)
};

/// `der`: of a certificate that the handshake has verified. False: it cannot be parsed. A name with
/// a NUL in it is left out: who reads it as C text would take it for another (RFC 6125 §7).
[[nodiscard]] bool read_tls_peer(Octets der, TlsPeer& peer);

}  // namespace sallyport::ring
