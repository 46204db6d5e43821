#include "engine/ring/tls_session.h"

#include <algorithm>
#include <utility>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pool.h>
#include <openssl/ssl.h>

#include "engine/ring/tls_io.h"
#include "protocol/check.h"

namespace sallyport::ring {
namespace {

/// A record's most plaintext (RFC 8446 §5.1).
constexpr std::size_t kRecordOctets = 16'384;
/// A piece of this size gets its own record; copying it would cost more than the record saves.
constexpr std::size_t kAloneOctets = 4'096;

/// Binds input and sink to the session for the time of one call.
class Call {
 public:
  Call(const SSL* ssl, Octets* ciphertext, TlsSink& sink, const TlsClientNote* note) noexcept
      : bio_(SSL_get_rbio(ssl)), io_{.ciphertext = ciphertext, .sink = &sink, .note = note} {
    BIO_set_data(bio_, &io_);
    ERR_clear_error();  // SSL_get_error looks at the thread's queue
  }
  ~Call() { BIO_set_data(bio_, nullptr); }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

 private:
  BIO* bio_;
  TlsIo io_;
};

}  // namespace

void TlsSession::Free::operator()(ssl_st* ssl) const noexcept { SSL_free(ssl); }

TlsSession::TlsSession(SslPointer ssl, std::shared_ptr<const void> keep,
                       std::unique_ptr<TlsClientNote> note) noexcept
    : keep_(std::move(keep)), note_(std::move(note)), ssl_(std::move(ssl)) {
  CHECK(ssl_ != nullptr);  // out of memory
  bssl::UniquePtr<BIO> bio = new_tls_bio();
  CHECK(bio);
  BIO* const both = bio.release();
  SSL_set_bio(ssl_.get(), both, both);
  SSL_set_shed_handshake_config(ssl_.get(), 1);
}

TlsSession::TlsSession(TlsSession&&) noexcept = default;
TlsSession::~TlsSession() = default;

TlsSession& TlsSession::operator=(TlsSession&& other) noexcept {
  if (this == &other) return *this;
  ssl_ = std::move(other.ssl_);  // first: its callbacks read what keep_ holds
  note_ = std::move(other.note_);
  keep_ = std::move(other.keep_);
  state_ = other.state_;
  error_ = other.error_;
  error_code_ = other.error_code_;
  unfinished_octets_ = other.unfinished_octets_;
  return *this;
}

TlsStatus TlsSession::outcome(int result) noexcept {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_NONE: return TlsStatus::ok;
    case SSL_ERROR_WANT_READ: return TlsStatus::want_input;
    case SSL_ERROR_WANT_WRITE: return TlsStatus::want_room;
    case SSL_ERROR_ZERO_RETURN:
      if (state_ == State::established) return TlsStatus::closed;
      break;
    default:  // the others are of callbacks that are not set
      break;
  }
  remember_failure();
  return TlsStatus::failed;
}

void TlsSession::remember_failure() noexcept {
  error_code_ = ERR_peek_last_error();  // those before it tell why a library below could not
  error_ = state_ == State::established ? TlsError::broken : TlsError::handshake;
  if (ERR_GET_LIB(error_code_) == ERR_LIB_SSL &&
      ERR_GET_REASON(error_code_) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
    error_ = TlsError::certificate;
    error_code_ = static_cast<std::uint32_t>(SSL_get_verify_result(ssl_.get()));
  }
  state_ = State::failed;
  ERR_clear_error();
}

TlsStatus TlsSession::drive_handshake() noexcept {
  if (state_ == State::established) return TlsStatus::ok;
  if (state_ == State::failed) return TlsStatus::failed;
  const TlsStatus status = outcome(SSL_do_handshake(ssl_.get()));
  if (status == TlsStatus::ok) state_ = State::established;
  return status;
}

TlsStatus TlsSession::handshake(Octets& ciphertext, TlsSink& sink) noexcept {
  const Call call(ssl_.get(), &ciphertext, sink, note_.get());
  return drive_handshake();
}

TlsSession::Progress TlsSession::read(Octets& ciphertext, MutableOctets plain,
                                      TlsSink& sink) noexcept {
  const Call call(ssl_.get(), &ciphertext, sink, note_.get());
  Progress progress{.status = drive_handshake()};
  while (progress.status == TlsStatus::ok && progress.octets < plain.size()) {
    const MutableOctets room = plain.subspan(progress.octets);
    const int result = SSL_read(ssl_.get(), room.data(),
                                static_cast<int>(std::min<std::size_t>(room.size(), INT32_MAX)));
    if (result > 0) {
      progress.octets += static_cast<std::size_t>(result);
    } else {
      progress.status = outcome(result);
    }
  }
  return progress;
}

TlsSession::Progress TlsSession::write(Octets plain, TlsSink& sink) noexcept {
  return write(std::span<const Octets>(&plain, 1), sink);
}

TlsSession::Progress TlsSession::write(std::span<const Octets> pieces, TlsSink& sink) noexcept {
  if (state_ == State::failed) return {.status = TlsStatus::failed};
  if (state_ == State::handshaking) return {.status = TlsStatus::want_input};
  const Call call(ssl_.get(), nullptr, sink, note_.get());
  Progress progress{.status = TlsStatus::ok};
  std::size_t offset = 0;  // into the first piece
  for (;;) {
    while (!pieces.empty() && offset == pieces.front().size()) {
      pieces = pieces.subspan(1);
      offset = 0;
    }
    if (pieces.empty()) return progress;
    const int result = write_record(pieces, offset);
    if (result <= 0) {
      progress.status = outcome(result);
      return progress;
    }
    progress.octets += static_cast<std::size_t>(result);
  }
}

/// One record from the front of the pieces, which move on if it is taken.
int TlsSession::write_record(std::span<const Octets>& pieces, std::size_t& offset) noexcept {
  // BoringSSL wants a record that it could not pass on to be offered again at its length.
  const std::size_t most = unfinished_octets_ > 0 ? unfinished_octets_ : kRecordOctets;
  const std::size_t enough = unfinished_octets_ > 0 ? unfinished_octets_ : kAloneOctets;
  std::uint8_t gathered[kRecordOctets];
  Octets record = pieces.front().subspan(offset);
  std::size_t next = 0;  // the piece behind the record, and where in it
  std::size_t next_offset = offset;
  if (record.size() >= enough || pieces.size() == 1) {
    record = record.first(std::min(record.size(), most));
    next_offset += record.size();
  } else {
    std::size_t filled = 0;
    while (next < pieces.size() && filled < most) {
      const Octets piece = pieces[next].subspan(next_offset);
      const Octets part = piece.first(std::min(piece.size(), most - filled));
      copy_octets(part, MutableOctets(gathered).subspan(filled));
      filled += part.size();
      next_offset += part.size();
      if (part.size() < piece.size()) break;
      ++next;
      next_offset = 0;
    }
    record = Octets(gathered, filled);
  }
  CHECK(unfinished_octets_ == 0 || record.size() == unfinished_octets_);
  const int result = SSL_write(ssl_.get(), record.data(), static_cast<int>(record.size()));
  if (result <= 0) {
    unfinished_octets_ = static_cast<std::uint32_t>(record.size());
    return result;
  }
  CHECK(static_cast<std::size_t>(result) == record.size());
  unfinished_octets_ = 0;
  pieces = pieces.subspan(next);
  offset = next_offset;
  return result;
}

TlsStatus TlsSession::close_notify(TlsSink& sink) noexcept {
  if (state_ == State::failed) return TlsStatus::failed;
  if (state_ == State::handshaking) return TlsStatus::ok;  // nothing to end yet
  const Call call(ssl_.get(), nullptr, sink, note_.get());
  const int result = SSL_shutdown(ssl_.get());
  if (result >= 0) return TlsStatus::ok;
  // Once ours is sent it would wait for the peer's, which is read()'s to find.
  const TlsStatus status = outcome(result);
  return status == TlsStatus::want_input ? TlsStatus::ok : status;
}

TlsCertificateFault TlsSession::certificate_fault() const noexcept {
  if (error_ != TlsError::certificate) return TlsCertificateFault::none;
  switch (static_cast<int>(error_code_)) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_CERT_UNTRUSTED: return TlsCertificateFault::untrusted;
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID: return TlsCertificateFault::expired;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: return TlsCertificateFault::name;
    default: return TlsCertificateFault::other;  // purpose, constraints, and all that is rare
  }
}

std::string TlsSession::error_text() const {
  const auto reason = [this] {
    ERR_clear_error();
    ERR_put_error(ERR_GET_LIB(error_code_), 0, ERR_GET_REASON(error_code_), "", 0);
    return take_boringssl_error();
  };
  switch (error_) {
    case TlsError::none: return {};
    case TlsError::handshake: return "TLS handshake: " + reason();
    case TlsError::certificate:
      return std::string("certificate: ") +
             X509_verify_cert_error_string(static_cast<long>(error_code_));
    case TlsError::broken: return "TLS: " + reason();
  }
  return {};
}

std::string_view TlsSession::alpn() const noexcept {
  const std::uint8_t* name = nullptr;
  unsigned octets = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &octets);
  return as_text({name, octets});
}

Octets TlsSession::peer_certificate() const noexcept {
  const STACK_OF(CRYPTO_BUFFER)* const chain = SSL_get0_peer_certificates(ssl_.get());
  if (chain == nullptr || sk_CRYPTO_BUFFER_num(chain) == 0) return {};
  const CRYPTO_BUFFER* const leaf = sk_CRYPTO_BUFFER_value(chain, 0);
  return {CRYPTO_BUFFER_data(leaf), CRYPTO_BUFFER_len(leaf)};
}

std::string_view TlsSession::sni() const noexcept {
  const char* const name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
  return name != nullptr ? name : std::string_view();
}

bool TlsSession::resumed() const noexcept { return SSL_session_reused(ssl_.get()) == 1; }

std::string_view TlsSession::version() const noexcept { return SSL_get_version(ssl_.get()); }

std::string_view TlsSession::cipher() const noexcept {
  const SSL_CIPHER* const cipher = SSL_get_current_cipher(ssl_.get());
  return cipher != nullptr ? SSL_CIPHER_standard_name(cipher) : std::string_view();
}

Octets TlsSession::ocsp_response() const noexcept {
  const std::uint8_t* response = nullptr;
  std::size_t octets = 0;
  SSL_get0_ocsp_response(ssl_.get(), &response, &octets);
  return {response, octets};
}

}  // namespace sallyport::ring
