#pragma once
// The whole configuration as one immutable value, already validated. Made by load.h from TOML, from
// the environment or from the command line; nothing else in the program reads those. Durations are
// milliseconds unless named.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/config/clients_file.h"
#include "engine/config/coa.h"
#include "engine/config/downstream.h"
#include "engine/config/gate.h"
#include "engine/config/http.h"
#include "engine/config/messages.h"
#include "engine/config/policy.h"
#include "engine/config/radsec.h"
#include "protocol/ip_address.h"
#include "protocol/secret.h"
#include "verify/push_limits.h"
#include "verify/store/settings.h"

namespace sallyport::config {

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
  std::string language = {};      ///< of our Reply-Messages: a SecondFactor::translations; empty:
                                  ///< SecondFactor::messages
  CoaOfClient coa = {};           ///< how it is reached with a CoA-Request or Disconnect-Request
};

/// `shards` and `pin` are [engine]'s in a file: the shards serve both doors.
struct Radius {
  std::vector<Endpoint> listen;
  std::uint32_t shards = 0;                    ///< 0: one for each core this process may use
  bool pin = true;                             ///< one shard, one core
  std::uint32_t max_exchanges = 65'536;        ///< in all shards together, power of two not needed
  std::uint32_t duplicate_window_ms = 10'000;  ///< 5,000..30,000 (RFC 5080 §2.2.2)
  std::string clients_file;                    ///< more clients (clients_file.h); empty: none
};

/// Where accounting records wait that the accounting server has not acknowledged yet.
struct Accounting {
  std::string spool;  ///< the database's file; empty: no spool, accounting is forwarded as it comes
  std::string host;   ///< of the accounting server; empty: the downstream's
  std::uint16_t port = 1813;
  Secret secret;                             ///< shared with it; empty: the downstream's
  std::uint32_t max_records = 1'000'000;     ///< that wait
  std::uint64_t max_octets = 1'073'741'824;  ///< of the database's file
  std::uint32_t retransmit_ms = 2'000;       ///< first retransmission, doubling, with jitter
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
  /// In its place where the login shows a number (SecondFactor::number_matching).
  std::string number_description = "Log in as {user} from {address}? Your login shows {number}.";
  std::string profile;  ///< v3 authentication profile: replaces action, description and ttl
  std::string proxy;    ///< http://host:port, empty: none
  std::string ca_file;  ///< PEM; empty: the system's
};

struct SecondFactor {
  OnUnavailable on_unavailable = OnUnavailable::deny;
  UserNameFrom user_name_from = UserNameFrom::automatic;
  Messages messages = english_messages();
  std::vector<Messages> translations;         ///< no language twice
  std::string group_attribute = "Filter-Id";  ///< of the Access-Accept: the user's groups
  bool directory_groups = false;              ///< and those that his [[gate.directory]] says
  std::uint32_t remember_ms = 0;              ///< how long an approval stays good; 0: it does not
  std::vector<AcceptAttribute> accept_attributes;
  verify::PushLimitSettings limits = {};
  std::string otp_issuer = "sallyport";   ///< in authenticator apps, where there is no gate
  std::uint32_t otp_ttl_ms = 60'000;      ///< an Access-Challenge may be answered so long
  std::uint32_t otp_tries = 3;            ///< codes that may be typed in one login
  std::uint32_t otp_max_pending = 4'096;  ///< logins that wait for a code
  bool challenge = true;                  ///< clients know Access-Challenge
  bool appended = false;                  ///< a factor may stand behind the password
  std::string separator = ",";            ///< in front of it; one character
  /// Before the phone is asked, a number is shown by Access-Challenge, and then on the phone.
  bool number_matching = false;
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
  std::shared_ptr<const ClientRows> client_rows;  ///< radius.clients_file's; none without
  Radsec radsec;  ///< of the RADIUS door; listeners: none without RADIUS over TLS
  Downstream downstream;
  Accounting accounting;
  Coa coa;  ///< listen: none without dynamic authorization
  Notakey notakey;
  SecondFactor second_factor;
  std::vector<Policy> policies;  ///< the first one that matches a login decides
  Admin admin;
  Log log;
  Http http;  ///< listeners: none without an HTTP door
  Gate gate;  ///< on: only with an HTTP door
  verify::StoreSettings store;
};

/// Whether a [[policy]] asks for this factor.
[[nodiscard]] inline bool asks(const Config& config, verify::LoginFactor factor) noexcept {
  for (const Policy& policy : config.policies)
    if (factors_of(policy).has(factor)) return true;
  return false;
}
/// Whether a [[policy]] asks for what is sent to the user.
[[nodiscard]] inline bool sends_messages(const Config& config) noexcept {
  return asks(config, verify::LoginFactor::token) || asks(config, verify::LoginFactor::link);
}
/// Whether a [[policy]] asks for more than a push: that needs a store.
[[nodiscard]] inline bool asks_codes(const Config& config) noexcept {
  return asks(config, verify::LoginFactor::otp) || sends_messages(config);
}

/// Whether a [[policy]] looks at the groups that a user directory says.
[[nodiscard]] inline bool asks_directory(const Config& config) noexcept {
  const auto has_groups = [](const Policy& policy) { return !policy.groups.empty(); };
  return config.second_factor.directory_groups && std::ranges::any_of(config.policies, has_groups);
}

/// Whether logins are held that wait for an answer to an Access-Challenge, or for a directory's.
[[nodiscard]] inline bool holds_logins(const Config& config) noexcept {
  return config.has_radius &&
         (config.second_factor.number_matching || asks_codes(config) || asks_directory(config));
}

/// Where the spool's records go: [accounting] address and secret, or the downstream's first server
/// on its port for accounting (1813 where none is given).
[[nodiscard]] DownstreamServer accounting_server_of(const Config& config);

}  // namespace sallyport::config
