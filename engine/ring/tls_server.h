#pragma once
// What a TLS listener serves with: certificates by SNI, ALPN, ticket keys. Immutable once loaded;
// on a reload a new one takes its place, and sessions keep what they began with alive.

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "engine/ring/tls_psk.h"
#include "engine/ring/tls_session.h"
#include "engine/ring/tls_tickets.h"

namespace sallyport::ring {

struct TlsCertificateFiles {
  std::string certificate_file;  ///< PEM chain, leaf first
  std::string key_file;          ///< PEM, without a passphrase
  std::string ocsp_file{};       ///< DER response to staple (RFC 6066 §8); empty: none
};

/// A protocol that is spoken inside of TLS (RFC 7301).
struct TlsProtocol {
  std::string name;
  bool needs_tls13 = false;
};

struct TlsServerPlan {
  /// The first serves those who name no host that we know. Two for one name with different kinds
  /// of key: each visitor gets the one he can check, ECDSA before RSA. None: `keys` alone.
  std::vector<TlsCertificateFiles> certificates;
  bool http2 = true;  ///< ALPN (RFC 7301): h2 before http/1.1; else http/1.1 only
  /// TLS-ALPN-01 (RFC 8737): NAME.pem in it, certificate and key, answers "acme-tls/1" for NAME.
  /// Empty: such a handshake fails. A session with that ALPN is to be closed once established.
  std::string acme_challenge_folder{};
  /// Not empty: these instead of HTTP's, in our order of preference. Who offers none at all is
  /// served, and has alpn() "".
  std::vector<TlsProtocol> protocols{};
  /// PEM file. Every peer must show a certificate that one of its authorities has signed, for
  /// clients. No session is resumed: that would ask for no certificate. Empty: none is asked for.
  std::string client_ca_file{};
  /// What peers may prove instead of a certificate. No identity stands twice. Who offers it is
  /// served by TLS 1.2, and no session is resumed.
  std::vector<TlsPsk> keys{};
};

class TlsServerContext {
 public:
  struct Loaded;

  /// Reads the files. `tickets` may be null where peers prove who they are. An error is one line:
  /// the path, what is wrong, what to do. `now_unix_s` is for the warnings, of which there is one
  /// each for a certificate that has expired (or not begun), a key that everybody can read and a
  /// staple that cannot be used. Off the packet path.
  [[nodiscard]] static std::expected<Loaded, std::string> load(
      const TlsServerPlan& plan, std::shared_ptr<const TicketKeys> tickets,
      std::int64_t now_unix_s);
  ~TlsServerContext();
  TlsServerContext(const TlsServerContext&) = delete;
  TlsServerContext& operator=(const TlsServerContext&) = delete;

  /// A session for one accepted connection. It may outlive the context. Any thread.
  [[nodiscard]] TlsSession open() const;

 private:
  friend class TlsSession;  // whose key it was: psk_peer()
  struct State;
  explicit TlsServerContext(std::shared_ptr<const State> state);
  std::shared_ptr<const State> state_;
};

struct TlsServerContext::Loaded {
  std::shared_ptr<TlsServerContext> context;
  std::vector<std::string> warnings;
};

/// The files whose change asks for a reload, for TlsFiles.
[[nodiscard]] std::vector<std::string> files_of(const TlsServerPlan& plan);

}  // namespace sallyport::ring
