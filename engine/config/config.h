#pragma once
// The whole configuration as one immutable value, already validated. Made by load.h from TOML, from
// the environment or from the command line; nothing else in the program reads those. Durations are
// milliseconds unless named.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/config/http.h"
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

/// What happens when the second factor cannot be asked and no push is out.
enum class OnUnavailable : std::uint8_t {
  deny,    ///< Access-Reject
  allow,   ///< Access-Accept, named in the audit log
  silent,  ///< no answer, so that the client fails over
};

/// Whose name is asked for approval.
enum class UserNameFrom : std::uint8_t {
  automatic,  ///< EAP: User-Name of the Access-Accept, and a reject when it has none, because the
              ///< outer identity proves nothing; else of the request
  request,
  accept,  ///< of the Access-Accept if there is one, else of the request
};

struct Client {
  std::string name;               ///< for logs and metrics
  std::vector<Prefix> addresses;  ///< at least one
  Secret secret;                  ///< never empty
  RequireMessageAuthenticator require_message_authenticator =
      RequireMessageAuthenticator::automatic;
  bool limit_proxy_state = true;  ///< drop a Proxy-State without Message-Authenticator
};

/// `shards` and `pin` are [engine]'s in a file: the shards serve both doors.
struct Radius {
  std::vector<Endpoint> listen;
  std::uint32_t shards = 0;                    ///< 0: one for each core this process may use
  bool pin = true;                             ///< one shard, one core
  std::uint32_t max_exchanges = 65'536;        ///< in all shards together, power of two not needed
  std::uint32_t duplicate_window_ms = 10'000;  ///< 5,000..30,000 (RFC 5080 §2.2.2)
};

struct Downstream {
  std::string host;  ///< name or address, resolved at start and on reload
  std::uint16_t port = 1812;
  Secret secret;
  std::uint32_t send_timeout_ms = 5'000;     ///< how long a request may be (re)transmitted
  std::uint32_t receive_timeout_ms = 5'000;  ///< how long its reply is waited for
  std::uint32_t retransmit_ms =
      2'000;  ///< first retransmission (RFC 5080 §2.2.1 IRT), doubling, with jitter
  std::uint32_t max_source_ports = 64;  ///< over all shards; each carries 256 requests in flight
  RequireMessageAuthenticator require_message_authenticator =
      RequireMessageAuthenticator::automatic;
  std::optional<IpAddress> source_address;  ///< bind our requests to it
};

/// Which Notakey API is spoken (docs/notakey.md).
enum class NotakeyVersion : std::uint8_t {
  v2,  ///< access id only
  v3,  ///< OAuth client credentials
};

struct Notakey {
  std::string host;       ///< "https://demo.notakey.com", with or without /api and trailing slash
  std::string access_id;  ///< application access id (v2), service id (v3)
  NotakeyVersion version = NotakeyVersion::v2;
  std::string client_id;             ///< v3
  Secret client_secret;              ///< v3
  std::uint32_t timeout_ms = 5'000;  ///< one API call
  std::uint32_t ttl_ms = 60'000;     ///< how long a user may take
  std::string action = "Login";
  std::string description = "Log in as {user} from {address}?";
  std::string profile;  ///< v3 authentication profile: replaces action, description and ttl
  std::string proxy;    ///< http://host:port, empty: none
  std::string ca_file;  ///< PEM; empty: the system's
};

struct SecondFactor {
  OnUnavailable on_unavailable = OnUnavailable::deny;
  UserNameFrom user_name_from = UserNameFrom::automatic;
  std::string denied_message = "Login denied on the phone.";
  std::string expired_message = "No answer from the phone in time.";
  std::string unknown_user_message = "Login not confirmed.";
  std::string unavailable_message = "The second factor is not available. Try again later.";
  std::uint32_t threads = 1;            ///< verify threads
  std::uint32_t max_pending = 131'072;  ///< verifications waiting, in all threads together
};

/// Where `sallyport status` asks unless it is told otherwise.
inline constexpr std::uint16_t kDefaultAdminPort = 9812;

struct Admin {
  std::optional<Endpoint> listen;  ///< /metrics, /health, /status; none: off
  bool required = true;            ///< false: when it cannot be bound, a warning and no more
};

enum class LogFormat : std::uint8_t { automatic, human, json };
enum class LogLevel : std::uint8_t { debug, info, warning, error };

struct Log {
  LogFormat format = LogFormat::automatic;  ///< human on a terminal, JSON otherwise
  LogLevel level = LogLevel::info;
  std::string file;   ///< empty: standard error
  bool audit = true;  ///< one line for each decision
};

struct Config {
  /// Whether there is a RADIUS door. Without one, what belongs to it alone (clients, downstream,
  /// listening addresses) is empty, and http.listeners is not. Never neither.
  bool has_radius = true;
  Radius radius;
  std::vector<Client> clients;
  Downstream downstream;
  Notakey notakey;
  SecondFactor second_factor;
  Admin admin;
  Log log;
  Http http;  ///< listeners: none without an HTTP door
};

}  // namespace sallyport::config
