#pragma once
// A key that both sides know, in the place of certificates (RFC 4279, RFC 9813). BoringSSL has it
// with one cipher suite that has forward secrecy and authenticated encryption, for TLS 1.2:
// TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256 (RFC 7905).

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/secret.h"

namespace sallyport::ring {

struct TlsPsk {
  static constexpr std::size_t kMaxIdentityOctets = 128;  ///< BoringSSL's PSK_MAX_IDENTITY_LEN
  static constexpr std::size_t kMinKeyOctets = 16;        ///< RFC 9813 §4.1
  static constexpr std::size_t kMaxKeyOctets = 256;       ///< BoringSSL's PSK_MAX_PSK_LEN

  std::string identity;  ///< UTF-8 without NUL
  Secret key;
};

/// Who a client with a key is; `identity` empty: one with a certificate, or with nothing. Where the
/// handshake has failed: the identity that it came with, if nobody has that one.
struct TlsPskPeer {
  std::string_view identity = {};
  std::array<std::uint8_t, 32> key_sha256 = {};  ///< tells one key of that identity from the next
};

}  // namespace sallyport::ring
