#pragma once
// The RADIUS servers behind: pools of them, how requests are spread, and which request goes to
// which pool. Part of config::Config. Durations are milliseconds.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/config/radsec.h"
#include "protocol/ip_address.h"
#include "protocol/secret.h"

namespace sallyport::config {

/// Whether an Access-Request (or a reply) must carry a Message-Authenticator (CVE-2024-3596).
enum class RequireMessageAuthenticator : std::uint8_t {
  automatic,  ///< required of an address once a valid one has come from it (EAP and Status-Server
              ///< do not count)
  yes,        ///< always
  no,         ///< never; one that is present is still checked
};

enum class ServerTransport : std::uint8_t {
  udp,  ///< RFC 2865, RFC 2866
  tls,  ///< over TCP: RFC 6614, and RADIUS/1.1 (RFC 9765)
};

/// Of a server that is reached over TLS. Paths are files in PEM.
struct DownstreamTls {
  std::string ca_file = {};           ///< who signs the server's certificate
  std::string certificate_file = {};  ///< ours, leaf first
  std::string key_file = {};
  std::string server_name = {};  ///< DNS name or address in its certificate; empty: its host
  /// Not empty: what its certificate is known by instead of server_name; any one is enough.
  std::vector<CertificateRule> certificate = {};
  bool radius_1_1 = true;         ///< offered by ALPN
  std::string psk_identity = {};  ///< not empty: a key in the place of all certificates, and 1.0
  Secret psk = {};                ///< as written: psk_octets()
};

struct DownstreamServer {
  std::string name = {};  ///< for logs and metrics; unique
  std::string pool = "downstream";
  std::string host = {};              ///< name or address
  std::uint16_t port = 0;             ///< 0 while it is read: that of the transport
  std::uint32_t accounting_port = 0;  ///< UDP port; 0: accounting goes to `port` as well
  Secret secret = {};                 ///< over TLS "radsec" (RFC 6614 §2.3), unless another is set
  std::uint32_t priority = 1;  ///< servers of a higher number are asked when none of a lower is up
  RequireMessageAuthenticator require_message_authenticator =
      RequireMessageAuthenticator::automatic;
  std::optional<IpAddress> source_address = {};  ///< bind our requests to it
  std::string hashed_name = {};                  ///< for HashBy; empty: its name
  ServerTransport transport = ServerTransport::udp;
  DownstreamTls tls = {};
};
/// What a server of the file lacks when all its keys are read: the port and the secret that its
/// transport has.
void finish(DownstreamServer& server);

/// Who of the servers that are up, of one priority, is asked.
enum class DownstreamPolicy : std::uint8_t {
  failover,           ///< the first of them
  round_robin,        ///< each in its turn
  least_outstanding,  ///< who owes the fewest replies
  hash,               ///< by user or calling station: always the same
};

enum class HashBy : std::uint8_t { user, calling_station };

enum class StatusServer : std::uint8_t {
  automatic,  ///< a server that does not answer is asked; silence counts once it has answered one
  yes,        ///< idle servers as well, and silence counts
  no,         ///< never sent
};

struct DownstreamPool {
  std::string name;
  DownstreamPolicy policy = DownstreamPolicy::failover;
  HashBy hash_by = HashBy::user;
  std::uint32_t hash_seed = 0;
  std::uint32_t slow_start_ms = 0;
  StatusServer status_server = StatusServer::automatic;
  std::uint32_t probe_interval_ms = 6'000;
  std::uint32_t retry_ms = 30'000;
};

/// Conditions of one kind: one of them must hold; none given: it holds.
struct DownstreamRoute {
  std::vector<std::string> realms = {};  ///< "example.com", "*.example.com", "*" (any), "" (none)
  std::vector<std::string> clients = {};
  std::vector<std::string> called_stations = {};  ///< patterns with *
  std::string pool = {};                          ///< empty: rejected
  std::string reject_message = {};
  bool strip_realm = false;
};

struct Downstream {
  std::string host;  ///< of the only server; empty: `servers` come from the file
  std::uint16_t port = 1812;
  std::uint32_t accounting_port = 0;  ///< as DownstreamServer::accounting_port
  Secret secret;
  std::uint32_t send_timeout_ms = 5'000;     ///< how long a request may be (re)transmitted
  std::uint32_t receive_timeout_ms = 5'000;  ///< how long its reply is waited for
  std::uint32_t retransmit_ms =
      2'000;  ///< first retransmission (RFC 5080 §2.2.1 IRT), doubling, with jitter
  std::uint32_t max_source_ports =
      64;  ///< towards each server, over all shards; each carries 256 requests in flight
  RequireMessageAuthenticator require_message_authenticator =
      RequireMessageAuthenticator::automatic;
  std::optional<IpAddress> source_address;  ///< bind our requests to it
  std::string unserved_message = "This realm is not served here.";
  std::vector<DownstreamServer> servers;
  std::vector<DownstreamPool> pools;
  std::vector<DownstreamRoute> routes;  ///< the first that matches; none given: the first pool
};

/// The servers that requests go to, and their pools: those of the file, or the only one
/// ("downstream", in a pool of that name). Never empty where there is a RADIUS door. Behind them,
/// for each with an accounting_port, what hears there: a server with a health of its own, since
/// either may be away without the other, in the pool accounting_pool_of(its pool).
[[nodiscard]] std::vector<DownstreamServer> servers_of(const Downstream& downstream);
[[nodiscard]] std::vector<DownstreamPool> pools_of(const Downstream& downstream);
/// Whose servers are asked about accounting, where the pool's servers have ports for it. No pool of
/// a file can be called so.
[[nodiscard]] std::string accounting_pool_of(const std::string& pool);

}  // namespace sallyport::config
