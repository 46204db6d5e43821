#pragma once
// Dynamic authorization (RFC 5176): who may send CoA-Requests and Disconnect-Requests through us,
// and how a client is reached with them. Part of config::Config. Durations are milliseconds.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/ip_address.h"
#include "protocol/secret.h"

namespace sallyport::config {

inline constexpr std::uint16_t kCoaPort = 3799;  ///< RFC 5176 §2.1

/// A dynamic authorization client (RFC 5176 §1.3): who may ask.
struct CoaClient {
  std::string name;               ///< for logs and metrics
  std::vector<Prefix> addresses;  ///< at least one
  Secret secret;                  ///< never empty
};

struct Coa {
  std::vector<Endpoint> listen;  ///< empty: there is no dynamic authorization
  bool from_downstream = false;  ///< the downstream servers may ask, with their secrets
  bool require_message_authenticator = true;
  bool require_event_timestamp = false;
  std::uint32_t event_window_ms = 300'000;  ///< how far an Event-Timestamp may be off
  std::uint32_t retransmit_ms = 2'000;      ///< first retransmission, doubling, with jitter
  std::uint32_t timeout_ms = 20'000;        ///< how long a NAS may take to answer
  std::uint32_t max_pending = 4'096;        ///< requests that wait for a NAS
  std::optional<IpAddress> source_address;  ///< bind our requests to it
  std::vector<CoaClient> clients;
};

/// Of a [[client]].
struct CoaOfClient {
  std::uint32_t port = kCoaPort;
  Secret secret = {};                     ///< empty: the client's
  std::optional<IpAddress> address = {};  ///< where all goes; none: the address that is named
  std::vector<std::string> nas_identifiers = {};  ///< that name it, beside the client's name
};

}  // namespace sallyport::config
