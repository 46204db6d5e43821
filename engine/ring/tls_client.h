#pragma once
// How we speak TLS to upstreams: whom we trust, which protocol we ask for, and the sessions that
// can be resumed. One for a pool of upstreams or a RADIUS server, shared by all shards.

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/ring/tls_psk.h"
#include "engine/ring/tls_session.h"
#include "protocol/ip_address.h"

namespace sallyport::ring {

struct TlsClientPlan {
  std::string ca_file{};  ///< PEM; empty: the system's, /etc/ssl/certs/ca-certificates.crt
  bool http2 = false;     ///< asks for h2 alone by ALPN; else for http/1.1
  std::vector<std::string> protocols{};  ///< not empty: these instead, the one we like best first
  std::string certificate_file{};        ///< PEM chain that we show, leaf first; empty: none
  std::string key_file{};                ///< PEM, without a passphrase
  /// False: the owner looks for himself whose certificate it is, before anything is sent.
  bool verifies_name = true;
  /// What both sides prove instead of certificates, by TLS 1.2: all of the above but `protocols`
  /// is of no matter then.
  std::optional<TlsPsk> key{};
  std::uint32_t max_cached_servers = 1024;  ///< for resumption; the longest unused one goes first
};

class TlsClientContext {
 public:
  /// An error is one line: the path, what is wrong, what to do. Off the packet path.
  [[nodiscard]] static std::expected<std::shared_ptr<TlsClientContext>, std::string> load(
      const TlsClientPlan& plan);
  ~TlsClientContext();
  TlsClientContext(const TlsClientContext&) = delete;
  TlsClientContext& operator=(const TlsClientContext&) = delete;

  /// A session to `server`, which must prove to be `server_name`: a DNS name (sent as SNI; RFC 9525
  /// §6.3: subject alternative names only) or an IP address; or to have the plan's key. A session
  /// that was kept for both is resumed. It may outlive the context. Any thread.
  [[nodiscard]] TlsSession open(const Endpoint& server, std::string_view server_name);

  [[nodiscard]] std::size_t cached_servers() const;  ///< any thread

 private:
  struct State;
  explicit TlsClientContext(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace sallyport::ring
