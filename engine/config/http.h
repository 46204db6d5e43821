#pragma once
// The HTTP door's part of the configuration, validated. Durations are milliseconds, sizes octets.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/ip_address.h"
#include "protocol/secret.h"
#include "verify/gate/view.h"

namespace sallyport::config {

/// A listening address: IP and port, a Unix socket's path, or a socket that systemd hands over.
struct HttpAddress {
  enum class Kind : std::uint8_t { ip, unix_socket, systemd };
  Kind kind = Kind::ip;
  Endpoint endpoint;  ///< ip
  std::string name;   ///< unix_socket: path; systemd: FileDescriptorName
  bool operator==(const HttpAddress&) const = default;
};

/// Whether a PROXY protocol header opens each connection. It is believed, so only trusted peers may
/// reach such a listener.
enum class ProxyProtocol : std::uint8_t { off, required };

struct HttpListener {
  std::vector<HttpAddress> listen;  ///< at least one
  bool tls = false;                 ///< certificates: Http::certificates, chosen by SNI
  bool http2 = true;                ///< h2 by ALPN; without TLS by prior knowledge
  bool redirect_to_https = false;   ///< every request but the ACME challenge gets a 308
  ProxyProtocol proxy_protocol = ProxyProtocol::off;
  bool operator==(const HttpListener&) const = default;
};

struct HttpCertificate {
  std::string certificate_file;  ///< PEM chain, leaf first
  std::string key_file;          ///< PEM
  std::string ocsp_file;         ///< DER response to staple; empty: none
};

enum class Balance : std::uint8_t { round_robin, least_conn, random_two, ip_hash, cookie, first };

struct HttpServer {
  std::string host;  ///< name or address; a name is resolved at start and on reload
  std::uint16_t port = 80;
  std::string unix_path;     ///< instead of host and port
  std::uint32_t weight = 1;  ///< 1..256
  bool backup = false;       ///< only when no other is up
  bool drain = false;        ///< finishes what it has, gets nothing new
  bool operator==(const HttpServer&) const = default;
};

enum class UpstreamProtocol : std::uint8_t { http1, h2 };

struct HttpPool {
  std::string name;
  std::vector<HttpServer> servers;  ///< at least one
  Balance balance = Balance::round_robin;
  std::string cookie_name = "sallyport_server";  ///< balance = cookie
  UpstreamProtocol protocol = UpstreamProtocol::http1;
  bool tls = false;
  std::string ca_file;      ///< PEM; empty: the system's
  std::string server_name;  ///< SNI and name to verify; empty: the server's host
  std::uint32_t connect_timeout_ms = 5'000;
  std::uint32_t response_timeout_ms = 60'000;  ///< from the end of the request to the answer's head
  std::uint32_t idle_timeout_ms = 60'000;      ///< a kept connection without a request
  std::uint32_t max_idle = 256;                ///< kept connections per server and shard
  std::uint32_t retries = 1;                   ///< further servers tried, where it is safe
  // Active health check; empty path: none.
  std::string health_path;
  std::uint32_t health_interval_ms = 5'000;
  std::uint32_t health_timeout_ms = 2'000;
  std::uint32_t health_status = 0;  ///< 0: any 2xx
  std::string health_body;          ///< text that the body must hold; empty: any
  std::uint32_t health_rise = 2;
  std::uint32_t health_fall = 3;
  // Passive: so many failures in a row take a server out for so long.
  std::uint32_t max_fails = 3;  ///< 0: never
  std::uint32_t fail_timeout_ms = 10'000;
  std::uint32_t slow_start_ms = 0;  ///< weight grows from a tenth after a server has come back
  bool operator==(const HttpPool&) const = default;
};

/// What a route asks of a visitor.
enum class RoutePolicy : std::uint8_t {
  open,           ///< nothing
  whitelisted,    ///< an address of the whitelist
  second_factor,  ///< an address of the whitelist, or one with a grant
  deny,           ///< 403 to everybody
};

struct HeaderChange {
  enum class Kind : std::uint8_t { add, set, remove };
  Kind kind = Kind::set;
  std::string name;
  std::string value;  ///< empty for remove
  bool operator==(const HeaderChange&) const = default;
};

struct HeaderMatch {
  std::string name;   ///< lower case
  std::string value;  ///< empty: present with any value
  bool operator==(const HeaderMatch&) const = default;
};

/// The first route that matches serves the request; routes are asked in their order. A request that
/// none matches gets a 404 (421 when no route knows its host).
struct HttpRoute {
  std::string name;                  ///< for logs and metrics; "route-3" unless given
  std::vector<std::string> hosts;    ///< lower case; "*.example.net" any label below; empty: any
  std::string path_prefix;           ///< whole segments: "/api" is "/api" and "/api/…"; empty: any
  std::vector<std::string> methods;  ///< empty: any
  std::vector<HeaderMatch> headers;  ///< all must hold
  RoutePolicy policy = RoutePolicy::second_factor;
  // Exactly one of these three serves it:
  std::string pool;           ///< name of a pool
  std::uint32_t respond = 0;  ///< status of a static answer
  std::string redirect;       ///< target of a 308; {host} and {uri} are filled in
  std::string respond_body;
  std::string respond_type = "text/plain; charset=utf-8";
  // On the way through:
  std::string strip_prefix;  ///< taken off the path
  std::string add_prefix;    ///< put before it, after the strip
  std::vector<HeaderChange> request_headers;
  std::vector<HeaderChange> response_headers;
  std::uint64_t max_request_body = 0;   ///< 0: unlimited
  std::uint64_t max_response_body = 0;  ///< 0: unlimited
  bool preserve_host = true;            ///< the upstream sees the visitor's Host
  // Of the gate in front of it:
  std::vector<verify::Factor> factors;   ///< empty: those of [gate]
  std::uint32_t access_duration_ms = 0;  ///< of a grant that begins here; 0: that of [http]
};

/// Addresses that are always let in. Exactly one source.
struct HttpWhitelist {
  std::string name;
  std::vector<Prefix> addresses;
  std::string file;  ///< one address or prefix a line, # comments; read anew on change
  std::vector<std::string> command;  ///< prints the same; run at start and every `interval`
  std::uint32_t interval_ms = 60'000;
  bool operator==(const HttpWhitelist&) const = default;
};

struct Http {
  std::vector<HttpListener> listeners;  ///< none: there is no HTTP door
  std::vector<HttpCertificate> certificates;
  std::vector<HttpPool> pools;
  std::vector<HttpRoute> routes;
  std::vector<HttpWhitelist> whitelists;

  std::vector<Prefix> trusted_proxies;  ///< whose X-Forwarded-For and Forwarded are believed
  std::uint32_t ipv6_prefix = 64;       ///< 1..128: a grant opens the IPv6 prefix of this length
  std::string auth_url;                 ///< where the gate's pages are; empty: on the asked host
  std::string gate_path =
      "/.sallyport";                  ///< our own pages and the forward-auth endpoints live below
  std::string acme_challenge_folder;  ///< /.well-known/acme-challenge/ is answered from here
  std::string control_socket;  ///< Unix socket for `sallyport grants` and `users`; empty: none
  std::uint32_t access_duration_ms = 36'000'000;  ///< of a grant, unless it says otherwise
  std::string server_header;                      ///< Server of our own answers; empty: none

  std::uint32_t max_connections = 65'536;         ///< of visitors, in all shards together
  std::uint32_t max_buffer_memory = 268'435'456;  ///< octets in flight, in all shards together
  std::uint32_t max_header_octets = 16'384;  ///< of one request's or answer's head, 1 KiB..64 KiB
  std::uint32_t max_headers = 100;
  std::uint32_t max_target_octets = 8'000;
  std::uint32_t max_streams = 128;           ///< open at once on one HTTP/2 connection
  std::uint32_t header_timeout_ms = 10'000;  ///< from the first octet of a head to its last
  std::uint32_t body_timeout_ms = 30'000;    ///< between two parts of a request's body
  std::uint32_t send_timeout_ms = 30'000;    ///< a visitor takes nothing of what is ready for him
  std::uint32_t keep_alive_timeout_ms = 75'000;
  std::uint32_t tls_handshake_timeout_ms = 10'000;
  std::uint32_t max_requests_per_connection = 10'000;
  bool access_log = false;
};

}  // namespace sallyport::config
