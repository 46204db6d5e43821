#include "engine/ring/tls_io.h"

#include <algorithm>
#include <iterator>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "protocol/ascii.h"

namespace sallyport::ring {
namespace {

TlsIo* io_of(BIO* bio) noexcept { return static_cast<TlsIo*>(BIO_get_data(bio)); }

int read_ciphertext(BIO* bio, char* out, int room) {
  BIO_clear_retry_flags(bio);
  const TlsIo* const io = io_of(bio);
  if (io == nullptr || io->ciphertext == nullptr || io->ciphertext->empty()) {
    BIO_set_retry_read(bio);
    return -1;
  }
  const std::size_t octets = std::min(io->ciphertext->size(), static_cast<std::size_t>(room));
  std::memcpy(out, io->ciphertext->data(), octets);
  *io->ciphertext = io->ciphertext->subspan(octets);
  return static_cast<int>(octets);
}

int write_ciphertext(BIO* bio, const char* data, int length) {
  BIO_clear_retry_flags(bio);
  const TlsIo* const io = io_of(bio);
  Octets left = as_octets({data, static_cast<std::size_t>(length)});
  while (io != nullptr && !left.empty()) {
    const MutableOctets room = io->sink->room();
    if (room.empty()) break;
    const std::size_t octets = std::min(room.size(), left.size());
    std::memcpy(room.data(), left.data(), octets);
    io->sink->written(octets);
    left = left.subspan(octets);
  }
  const int written = length - static_cast<int>(left.size());
  if (written > 0 || length == 0) return written;
  BIO_set_retry_write(bio);
  return -1;
}

long control(BIO* /*bio*/, int command, long /*number*/, void* /*pointer*/) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

const BIO_METHOD* method() noexcept {
  static const BIO_METHOD* const made = [] {
    BIO_METHOD* const fresh = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "octets");
    CHECK(fresh != nullptr);
    CHECK(BIO_meth_set_read(fresh, read_ciphertext) == 1);
    CHECK(BIO_meth_set_write(fresh, write_ciphertext) == 1);
    CHECK(BIO_meth_set_ctrl(fresh, control) == 1);
    return fresh;
  }();
  return made;
}

}  // namespace

bssl::UniquePtr<BIO> new_tls_bio() noexcept {
  bssl::UniquePtr<BIO> bio(BIO_new(method()));
  if (bio) BIO_set_init(bio.get(), 1);
  return bio;
}

const TlsIo* tls_io_of(const SSL* ssl) noexcept { return io_of(SSL_get_rbio(ssl)); }

void set_common_options(SSL_CTX* context, TlsProof proof) {
  const bool certificates = proof != TlsProof::keys;
  CHECK(SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1);
  CHECK(SSL_CTX_set_max_proto_version(context, certificates ? TLS1_3_VERSION : TLS1_2_VERSION) ==
        1);
  // RFC 9325 §4.2: forward secrecy and authenticated encryption only. Visitors without AES in
  // hardware put ChaCha20 first, and within a group their order counts.
  std::string suites;
  if (proof != TlsProof::certificates) suites = "ECDHE-PSK-CHACHA20-POLY1305:";
  if (certificates)
    suites +=
        "[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]:"
        "[ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]:"
        "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:";
  suites.pop_back();
  CHECK(SSL_CTX_set_strict_cipher_list(context, suites.c_str()) == 1);
  // BoringSSL's own lists have SHA-1 at their end (RFC 9155 says no), and its verifier's no
  // Ed25519.
  constexpr std::uint16_t kSignatures[] = {
      SSL_SIGN_ED25519,          SSL_SIGN_ECDSA_SECP256R1_SHA256, SSL_SIGN_RSA_PSS_RSAE_SHA256,
      SSL_SIGN_RSA_PKCS1_SHA256, SSL_SIGN_ECDSA_SECP384R1_SHA384, SSL_SIGN_RSA_PSS_RSAE_SHA384,
      SSL_SIGN_RSA_PKCS1_SHA384, SSL_SIGN_ECDSA_SECP521R1_SHA512, SSL_SIGN_RSA_PSS_RSAE_SHA512,
      SSL_SIGN_RSA_PKCS1_SHA512,
  };
  CHECK(SSL_CTX_set_signing_algorithm_prefs(context, kSignatures, std::size(kSignatures)) == 1);
  CHECK(SSL_CTX_set_verify_algorithm_prefs(context, kSignatures, std::size(kSignatures)) == 1);
  SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_early_data_enabled(context, 0);
}

std::string take_boringssl_error() {
  const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  std::string text = lower_case(reason != nullptr ? reason : "unknown error");
  std::ranges::replace(text, '_', ' ');
  return text;
}

}  // namespace sallyport::ring
