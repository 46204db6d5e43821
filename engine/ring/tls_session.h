#pragma once
// One TLS connection without I/O. Ciphertext comes in as views and leaves through a sink of the
// caller's; nothing is kept of either between two calls but unfinished records. Established and
// idle it holds no buffers. One thread at a time; movable.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/ring/tls_fault.h"
#include "engine/ring/tls_psk.h"
#include "protocol/octets.h"

struct ssl_st;

namespace sallyport::ring {

struct TlsClientNote;

/// Where a session's ciphertext goes, as a run of buffers that the caller owns.
class TlsSink {
 public:
  /// The free part of the buffer to write to next. Empty: no room now; the session keeps what is
  /// left and tries again at the next call.
  [[nodiscard]] virtual MutableOctets room() noexcept = 0;
  /// So many octets at the front of room() are now ciphertext to send.
  virtual void written(std::size_t octets) noexcept = 0;

 protected:
  ~TlsSink() = default;
};

enum class TlsStatus : std::uint8_t {
  ok,          ///< done what was asked
  want_input,  ///< all ciphertext is taken; more must come first
  want_room,   ///< the sink had no room; call again when it has
  closed,      ///< the peer has sent close_notify: nothing more comes, writing still works
  failed,      ///< over; error() tells. Send what is in the sink (an alert), then close
};

enum class TlsError : std::uint8_t {
  none,
  handshake,    ///< the peer speaks no TLS, or nothing that both know
  certificate,  ///< the server's certificate is not trusted, or not for the name wanted
  broken,       ///< established, then a record that is not valid or a fatal alert came
};

class TlsSession {
 public:
  struct Progress {
    TlsStatus status;
    std::size_t octets = 0;  ///< of plaintext, read or written; also where the status is not ok
  };

  TlsSession(TlsSession&&) noexcept;
  TlsSession& operator=(TlsSession&&) noexcept;
  ~TlsSession();

  /// Brings the handshake forward: ok once established. A client's first call has no ciphertext.
  /// Takes `ciphertext` from its front; what is left behind the handshake is for read().
  [[nodiscard]] TlsStatus handshake(Octets& ciphertext, TlsSink& sink) noexcept;
  [[nodiscard]] bool established() const noexcept { return state_ == State::established; }

  /// Decrypts from the front of `ciphertext` until `plain` is full (ok) or all is taken
  /// (want_input). The handshake goes first where it is not done yet. Also after ok with no
  /// ciphertext left, there may be more: go on until the status is another.
  [[nodiscard]] Progress read(Octets& ciphertext, MutableOctets plain, TlsSink& sink) noexcept;

  /// Encrypts; established only. ok: all of it. want_room: offer again, from the octet after those
  /// taken on, the same octets and at least as many.
  [[nodiscard]] Progress write(Octets plain, TlsSink& sink) noexcept;
  /// The same for octets that lie apart: short pieces share records (at most 16 KiB each).
  [[nodiscard]] Progress write(std::span<const Octets> pieces, TlsSink& sink) noexcept;

  /// Tells the peer that nothing more comes (RFC 8446 §6.1). After the last write().
  [[nodiscard]] TlsStatus close_notify(TlsSink& sink) noexcept;

  [[nodiscard]] TlsError error() const noexcept { return error_; }
  /// Where error() is certificate.
  [[nodiscard]] TlsCertificateFault certificate_fault() const noexcept;
  /// The failure in words for a log, in one line; empty where there was none.
  [[nodiscard]] std::string error_text() const;

  // Known once established; the views live as long as the session.
  [[nodiscard]] std::string_view alpn() const noexcept;  ///< "h2", "http/1.1", "acme-tls/1", ""
  [[nodiscard]] std::string_view sni() const noexcept;   ///< server: as the visitor wrote it, or ""
  [[nodiscard]] Octets peer_certificate() const noexcept;  ///< its own, DER; empty: it showed none
  [[nodiscard]] TlsPskPeer psk_peer() const noexcept;      ///< server: by which key it is known
  [[nodiscard]] bool resumed() const noexcept;
  [[nodiscard]] std::string_view version() const noexcept;  ///< "TLSv1.3"
  [[nodiscard]] std::string_view cipher() const noexcept;   ///< RFC name
  [[nodiscard]] Octets ocsp_response() const noexcept;      ///< client: as stapled, or empty

 private:
  friend class TlsServerContext;
  friend class TlsClientContext;

  enum class State : std::uint8_t { handshaking, established, failed };
  struct Free {
    void operator()(ssl_st* ssl) const noexcept;
  };
  using SslPointer = std::unique_ptr<ssl_st, Free>;

  /// `keep` lives as long as the session: what the context's callbacks read. `note`: client only.
  TlsSession(SslPointer ssl, std::shared_ptr<const void> keep,
             std::unique_ptr<TlsClientNote> note) noexcept;

  [[nodiscard]] TlsStatus drive_handshake() noexcept;
  [[nodiscard]] int write_record(std::span<const Octets>& pieces, std::size_t& offset) noexcept;
  [[nodiscard]] TlsStatus outcome(int result) noexcept;
  void remember_failure() noexcept;

  std::shared_ptr<const void> keep_;
  std::unique_ptr<TlsClientNote> note_;
  SslPointer ssl_;
  State state_ = State::handshaking;
  TlsError error_ = TlsError::none;
  std::uint32_t error_code_ = 0;         ///< BoringSSL's packed one; certificate: an X509_V_ERR_…
  std::uint32_t unfinished_octets_ = 0;  ///< plaintext of the record that the sink had no room for
};

}  // namespace sallyport::ring
