#pragma once
// What BoringSSL reads from and writes to during one call of a TlsSession, and what the client's
// callbacks know of it. For the tls_*.cc files only.

#include <cstdint>
#include <string>

#include <openssl/base.h>

#include "engine/ring/tls_session.h"

namespace sallyport::ring {

/// Whose session it is, for the client's cache.
struct TlsClientNote {
  std::string server;  ///< address and name to verify
};

/// Stands on the stack of a call; the BIO points to it.
struct TlsIo {
  Octets* ciphertext;  ///< null: none is read
  TlsSink* sink;
  const TlsClientNote* note;
};

/// A BIO without a buffer of its own; null: out of memory.
[[nodiscard]] bssl::UniquePtr<BIO> new_tls_bio() noexcept;
/// Of the call that is under way.
[[nodiscard]] const TlsIo* tls_io_of(const SSL* ssl) noexcept;

enum class TlsProof : std::uint8_t {
  certificates,
  keys,  ///< TlsPsk: TLS 1.2 alone
  both,  ///< who offers the suite of keys gets it
};
/// What both kinds of context want of every session's SSL_CTX.
void set_common_options(SSL_CTX* context, TlsProof proof = TlsProof::certificates);

/// The last error of BoringSSL's queue in lower-case words, and clears the queue.
[[nodiscard]] std::string take_boringssl_error();

}  // namespace sallyport::ring
