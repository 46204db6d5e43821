// The HTTP door's settings, one row each.

#include <array>

#include "engine/config/checks.h"
#include "engine/config/gate_text.h"
#include "engine/config/http_endpoint.h"
#include "engine/config/http_text.h"
#include "engine/config/rows.h"
#include "engine/limits.h"

namespace sallyport::config {
namespace {

using enum Presence;

/// The fields of a draft, so that a row below names its field once.
template <auto Member>
constexpr auto http = [](Draft& draft) -> auto& { return draft.config.http.*Member; };
template <auto Member>
constexpr auto listener = [](Draft& draft) -> auto& { return draft.listener.*Member; };
template <auto Member>
constexpr auto certificate = [](Draft& draft) -> auto& { return draft.certificate.*Member; };
template <auto Member>
constexpr auto pool = [](Draft& draft) -> auto& { return draft.pool.*Member; };
template <auto Member>
constexpr auto route = [](Draft& draft) -> auto& { return draft.route.*Member; };
template <auto Member>
constexpr auto whitelist = [](Draft& draft) -> auto& { return draft.whitelist.*Member; };

std::string address_text(const HttpAddress& value) { return text_of(value); }
std::string server_text(const HttpServer& value) { return text_of(value); }
std::string match_text(const HeaderMatch& value) { return text_of(value); }
std::string change_text(const HeaderChange& value) { return text_of(value); }
std::string factor_text(const verify::Factor& value) { return text_of(value); }

constexpr std::array<std::string_view, 2> kProxyProtocol = {"off", "required"};
constexpr std::array<std::string_view, 6> kBalance = {"round_robin", "least_conn", "random_two",
                                                      "ip_hash",     "cookie",     "first"};
constexpr std::array<std::string_view, 2> kUpstreamProtocol = {"http1", "h2"};
constexpr std::array<std::string_view, 4> kPolicy = {"open", "whitelisted", "second_factor",
                                                     "deny"};

constexpr std::uint64_t kKiB = 1'024;
constexpr std::uint64_t kMiB = kKiB * 1'024;
constexpr std::uint64_t kGiB = kMiB * 1'024;
constexpr std::uint64_t kTiB = kGiB * 1'024;

/// No time-out is shorter: below it, timers and not visitors decide.
constexpr std::uint32_t kMinTimeoutMs = 100;
constexpr std::uint32_t kMinuteMs = 60'000;
constexpr std::uint32_t kHourMs = 60 * kMinuteMs;
constexpr std::uint32_t kMonthMs = 30 * 24 * kHourMs;
constexpr std::uint16_t kMaxHosts = 256;

constexpr std::array kHttpSettings = std::to_array<Setting>({
    {Section::http, "trusted_proxies", optional, PrefixList{http<&Http::trusted_proxies>}, "", "",
     "Proxies and balancers in front of us, whose X-Forwarded-For or Forwarded says who the "
     "visitor "
     "is. Nobody unless named: a visitor who is believed can claim any address."},
    {Section::http, "ipv6_prefix", optional, WholeNumber{http<&Http::ipv6_prefix>, 1, 128}, "", "",
     "A grant for an IPv6 address opens its whole prefix of this length, since devices change "
     "their address within it."},
    {Section::http, "auth_url", optional, Text{http<&Http::auth_url>, kMaxUrl, check_web_url}, "",
     "",
     "Where visitors without a grant are sent: `https://auth.example.net`. Without it, the gate's "
     "pages are on the host that was asked for; with a route for any host, at gate.url."},
    {Section::http, "gate_path", optional, Text{http<&Http::gate_path>, 256, check_gate_path}, "",
     "",
     "The gate's own pages and the forward-auth endpoints are below this path, on every host, "
     "before any route."},
    {Section::http, "acme_challenge_folder", optional,
     File{http<&Http::acme_challenge_folder>, File::Kind::folder}, "", "",
     "/.well-known/acme-challenge/ is answered from the files of this folder, on every listener "
     "and to everybody (RFC 8555 §8.3)."},
    {Section::http, "control_socket", optional,
     File{http<&Http::control_socket>, File::Kind::later}, "", "",
     "Unix socket that `sallyport grants` opens, lists and ends grants by. Only root and the user "
     "that sallyport runs as may use it. Without it, there is no such command."},
    {Section::http, "access_duration", optional,
     Duration{http<&Http::access_duration_ms>, 1'000, kMonthMs}, "", "",
     "How long a grant lasts, unless it says otherwise."},
    {Section::http, "server_header", optional,
     Text{http<&Http::server_header>, 128, check_field_value}, "", "",
     "Server header of our own answers. Empty: none."},
    {Section::http, "access_log", optional, Switch{http<&Http::access_log>}, "", "",
     "A log line for each request."},
    {Section::http, "max_connections", optional,
     WholeNumber{http<&Http::max_connections>, 16, 4'194'304}, "", "",
     "Visitors' connections, in all shards together; further ones are closed at once."},
    {Section::http, "max_buffer_memory", optional,
     size<http<&Http::max_buffer_memory>>(kMiB, 4'095 * kMiB), "", "",
     "Memory for what is on its way through, in all shards together."},
    {Section::http, "max_header_octets", optional,
     size<http<&Http::max_header_octets>>(kKiB, 64 * kKiB), "", "",
     "Longest head of a request (431 beyond) or of a server's answer (502 beyond)."},
    {Section::http, "max_headers", optional, WholeNumber{http<&Http::max_headers>, 10, 1'000}, "",
     "", "Most header lines of one head."},
    {Section::http, "max_target_octets", optional,
     size<http<&Http::max_target_octets>>(256, 64 * kKiB), "", "",
     "Longest path with query (414 beyond)."},
    {Section::http, "max_streams", optional, WholeNumber{http<&Http::max_streams>, 1, 10'000}, "",
     "", "Requests open at once on one HTTP/2 connection (RFC 9113 §5.1.2)."},
    {Section::http, "max_requests_per_connection", optional,
     WholeNumber{http<&Http::max_requests_per_connection>, 1, 1'000'000'000}, "", "",
     "Requests after which a connection is closed in an orderly way."},
    {Section::http, "header_timeout", optional,
     Duration{http<&Http::header_timeout_ms>, kMinTimeoutMs, 5 * kMinuteMs}, "", "",
     "From the first octet of a request's head to its last."},
    {Section::http, "body_timeout", optional,
     Duration{http<&Http::body_timeout_ms>, kMinTimeoutMs, kHourMs}, "", "",
     "Longest pause within a request's body."},
    {Section::http, "send_timeout", optional,
     Duration{http<&Http::send_timeout_ms>, kMinTimeoutMs, kHourMs}, "", "",
     "Longest time that a visitor takes nothing of what is ready for him."},
    {Section::http, "keep_alive_timeout", optional,
     Duration{http<&Http::keep_alive_timeout_ms>, kMinTimeoutMs, kHourMs}, "", "",
     "How long a connection is kept without a request."},
    {Section::http, "tls_handshake_timeout", optional,
     Duration{http<&Http::tls_handshake_timeout_ms>, kMinTimeoutMs, 5 * kMinuteMs}, "", "",
     "Longest TLS handshake, with the PROXY header before it."},

    {Section::http_listener, "listen", required,
     texts<listener<&HttpListener::listen>, add_address, address_text>("listening addresses",
                                                                       limits::kMaxListenEndpoints),
     "[\":443\"]", "",
     "Where visitors are heard: `192.0.2.1:443`, `[2001:db8::1]:443`, `:443` for all addresses, "
     "which is `0.0.0.0:443` and `[::]:443` (on a machine without IPv6 write `0.0.0.0:443`), "
     "`unix:/run/web.sock`, or `systemd:NAME` for a socket that systemd opens and hands over "
     "under that FileDescriptorName."},
    {Section::http_listener, "tls", optional, Switch{listener<&HttpListener::tls>}, "", "",
     "TLS 1.2 and 1.3, with the [[http.certificate]] that fits the name asked for."},
    {Section::http_listener, "http2", optional, Switch{listener<&HttpListener::http2>}, "", "",
     "HTTP/2 as well as HTTP/1.1: chosen by ALPN on TLS, by prior knowledge without TLS (RFC 9113 "
     "§3.3)."},
    {Section::http_listener, "redirect_to_https", optional,
     Switch{listener<&HttpListener::redirect_to_https>}, "", "",
     "Every request but those for the ACME challenge and the gate is sent to https:// on the same "
     "host (308). For a listener without TLS."},
    {Section::http_listener, "proxy_protocol", optional,
     choice<listener<&HttpListener::proxy_protocol>>(kProxyProtocol), "", "",
     "`required`: each connection begins with a PROXY header, version 1 or 2, which names the "
     "visitor. It is believed, so nobody but the balancer may reach such a listener."},

    {Section::http_certificate, "certificate_file", required,
     File{certificate<&HttpCertificate::certificate_file>, File::Kind::readable},
     "\"fullchain.pem\"", "",
     "PEM file with the certificate and those that sign it, the site's own first. Read again when "
     "it changes."},
    {Section::http_certificate, "key_file", required,
     File{certificate<&HttpCertificate::key_file>, File::Kind::readable}, "\"privkey.pem\"", "",
     "PEM file with its private key, without a passphrase."},
    {Section::http_certificate, "ocsp_file", optional,
     File{certificate<&HttpCertificate::ocsp_file>, File::Kind::later}, "", "",
     "DER file with an OCSP answer to staple (RFC 6066 §8). It may come later."},

    {Section::http_pool, "name", required, Text{pool<&HttpPool::name>, 64, check_http_name},
     "\"app\"", "", "Names the pool in routes, logs and metrics."},
    {Section::http_pool, "servers", required,
     texts<pool<&HttpPool::servers>, add_server, server_text>("servers", 64),
     "[\"10.0.0.1:8080\", \"10.0.0.2:8080 weight=2\", \"10.0.0.9:8080 backup\"]", "",
     "The web servers: `10.0.0.1:8080`, `app.internal:80`, `unix:/run/app.sock`. Without a port, "
     "80, or 443 with tls. Behind it may stand `weight=3` (1 to 256), `backup` (asked only when no "
     "other is up) and `drain` (finishes what it has, gets nothing new). A name is resolved at "
     "start and on reload."},
    {Section::http_pool, "balance", optional, choice<pool<&HttpPool::balance>>(kBalance), "", "",
     "Which server gets a request: each in turn (`round_robin`), the one with the fewest requests "
     "(`least_conn`), the better of two drawn by lot (`random_two`), by the visitor's address "
     "(`ip_hash`), the one that a cookie names (`cookie`), or the first that is up (`first`)."},
    {Section::http_pool, "cookie_name", optional,
     Text{pool<&HttpPool::cookie_name>, 64, check_token}, "", "", "Cookie of balance = `cookie`."},
    {Section::http_pool, "protocol", optional, choice<pool<&HttpPool::protocol>>(kUpstreamProtocol),
     "", "",
     "Spoken with the servers: HTTP/1.1 (`http1`) or HTTP/2 (`h2`; without tls by prior "
     "knowledge). gRPC needs h2."},
    {Section::http_pool, "tls", optional, Switch{pool<&HttpPool::tls>}, "", "",
     "Speak TLS with the servers and check their certificates."},
    {Section::http_pool, "ca_file", optional, File{pool<&HttpPool::ca_file>, File::Kind::readable},
     "", "",
     "PEM file with the certificate authorities that the servers' certificates are checked "
     "against. "
     "Without it, the system's."},
    {Section::http_pool, "server_name", optional,
     Text{pool<&HttpPool::server_name>, 253, check_server_name}, "", "",
     "Name that is asked for (SNI) and that the certificate must hold. Without it, the server's."},
    {Section::http_pool, "connect_timeout", optional,
     Duration{pool<&HttpPool::connect_timeout_ms>, kMinTimeoutMs, 5 * kMinuteMs}, "", "",
     "Longest connecting, with TLS. Then another server is tried."},
    {Section::http_pool, "response_timeout", optional,
     Duration{pool<&HttpPool::response_timeout_ms>, kMinTimeoutMs, 24 * kHourMs}, "", "",
     "From the end of a request to the head of its answer (504 beyond)."},
    {Section::http_pool, "idle_timeout", optional,
     Duration{pool<&HttpPool::idle_timeout_ms>, kMinTimeoutMs, kHourMs}, "", "",
     "How long a connection to a server is kept without a request."},
    {Section::http_pool, "max_idle", optional, WholeNumber{pool<&HttpPool::max_idle>, 0, 65'536},
     "", "", "Such connections that are kept, for each server and shard."},
    {Section::http_pool, "retries", optional, WholeNumber{pool<&HttpPool::retries>, 0, 10}, "", "",
     "Further servers that are tried where it is safe: nothing was sent, or the method is "
     "idempotent (RFC 9110 §9.2.2) and nothing of an answer has come."},
    {Section::http_pool, "health_path", optional,
     Text{pool<&HttpPool::health_path>, kMaxUrl, check_target}, "", "",
     "Each server is asked for this path, with query if need be, to see whether it is up. Without "
     "it, only the answers to visitors tell."},
    {Section::http_pool, "health_interval", optional,
     Duration{pool<&HttpPool::health_interval_ms>, kMinTimeoutMs, kHourMs}, "", "", "How often."},
    {Section::http_pool, "health_timeout", optional,
     Duration{pool<&HttpPool::health_timeout_ms>, kMinTimeoutMs, 5 * kMinuteMs}, "", "",
     "Longest wait for the answer."},
    {Section::http_pool, "health_status", optional,
     WholeNumber{pool<&HttpPool::health_status>, 200, 599, true}, "", "",
     "Status that means up. Without it, every 2xx."},
    {Section::http_pool, "health_body", optional,
     Text{pool<&HttpPool::health_body>, 256, check_one_line}, "", "",
     "Text that the answer's body must hold. Empty: any body."},
    {Section::http_pool, "health_rise", optional, WholeNumber{pool<&HttpPool::health_rise>, 1, 100},
     "", "", "Good answers in a row that bring a server back."},
    {Section::http_pool, "health_fall", optional, WholeNumber{pool<&HttpPool::health_fall>, 1, 100},
     "", "", "Bad answers in a row that take it out."},
    {Section::http_pool, "max_fails", optional, WholeNumber{pool<&HttpPool::max_fails>, 0, 1'000},
     "", "", "Visitors' requests in a row that a server fails before it is taken out. 0: never."},
    {Section::http_pool, "fail_timeout", optional,
     Duration{pool<&HttpPool::fail_timeout_ms>, kMinTimeoutMs, kHourMs}, "", "",
     "How long it is then out, before it is tried again."},
    {Section::http_pool, "slow_start", optional,
     Duration{pool<&HttpPool::slow_start_ms>, 0, kHourMs}, "", "",
     "A server that has come back gets its share little by little in this time. 0s: at once."},

    {Section::http_route, "name", optional, Text{route<&HttpRoute::name>, 64, check_http_name}, "",
     "", "Names the route in logs and metrics. Without it, `route-1` for the first, and so on."},
    {Section::http_route, "hosts", optional,
     texts<route<&HttpRoute::hosts>, add_host, plain_text>("host names", kMaxHosts),
     "[\"www.example.net\", \"*.example.net\"]", "",
     "Hosts that it serves. `*.example.net` is every name below example.net, not that name itself. "
     "Without it, every host."},
    {Section::http_route, "path_prefix", optional,
     Text{route<&HttpRoute::path_prefix>, 1'024, check_path_prefix}, "", "",
     "Paths that it serves, in whole segments: `/api` is that path and all below it. Without it, "
     "every path."},
    {Section::http_route, "methods", optional,
     texts<route<&HttpRoute::methods>, add_method, plain_text>("methods", 32), "", "",
     "Methods that it serves. Without it, every method."},
    {Section::http_route, "headers", optional,
     texts<route<&HttpRoute::headers>, add_header_match, match_text>("header matches", 32), "", "",
     "Headers that a request must have: `X-Tenant: blue`, or `Upgrade` with any value. All of them "
     "must be there."},
    {Section::http_route, "policy", optional, choice<route<&HttpRoute::policy>>(kPolicy), "", "",
     "Who may pass: everybody (`open`), addresses of a whitelist (`whitelisted`), those and "
     "addresses with a grant (`second_factor`), nobody (`deny`)."},
    {Section::http_route, "factors", optional,
     texts<route<&HttpRoute::factors>, add_factor, factor_text>("factors", verify::kFactors), "",
     "",
     "How visitors of this route may confirm who they are, as in [gate]. A grant by another factor "
     "does not let them in here. Without it, those of [gate]."},
    {Section::http_route, "access_duration", optional,
     Duration{route<&HttpRoute::access_duration_ms>, 1'000, kMonthMs, true}, "", "",
     "How long a grant lasts that a visitor of this route gets. Without it, http.access_duration."},
    {Section::http_route, "pool", optional, Text{route<&HttpRoute::pool>, 64, check_http_name},
     "\"app\"", "",
     "The [[http.pool]] that gets the request. A route has exactly one of pool, respond and "
     "redirect; with policy = `deny` it needs none."},
    {Section::http_route, "respond", optional,
     WholeNumber{route<&HttpRoute::respond>, 200, 599, true}, "", "",
     "Answer with this status, and no server is asked."},
    {Section::http_route, "respond_body", optional,
     Text{route<&HttpRoute::respond_body>, 65'535, check_body}, "", "", "Body of that answer."},
    {Section::http_route, "respond_type", optional,
     Text{route<&HttpRoute::respond_type>, 128, check_media_type}, "", "",
     "Content-Type of that answer."},
    {Section::http_route, "redirect", optional,
     Text{route<&HttpRoute::redirect>, kMaxUrl, check_redirect}, "", "",
     "Send the visitor there (308). `{host}` is the host he asked for, `{uri}` path and query: "
     "`https://new.example.net{uri}`."},
    {Section::http_route, "strip_prefix", optional,
     Text{route<&HttpRoute::strip_prefix>, 1'024, check_path_prefix}, "", "",
     "Taken off the front of the path before the server sees it, in whole segments."},
    {Section::http_route, "add_prefix", optional,
     Text{route<&HttpRoute::add_prefix>, 1'024, check_path_prefix}, "", "",
     "Put in front of the path, after strip_prefix."},
    {Section::http_route, "request_headers", optional,
     texts<route<&HttpRoute::request_headers>, add_request_header, change_text>("header changes",
                                                                                64),
     "", "",
     "Changes to the request on its way: `set X-Env: prod` (in place of any that is there), `add "
     "X-Env: prod`, `remove Cookie`. `{visitor}`, `{host}`, `{uri}` and `{user}` are filled in. "
     "X-Forwarded-For and its like are always ours."},
    {Section::http_route, "response_headers", optional,
     texts<route<&HttpRoute::response_headers>, add_response_header, change_text>("header changes",
                                                                                  64),
     "", "", "Changes to the answer on its way back, written the same."},
    {Section::http_route, "max_request_body", optional,
     size<route<&HttpRoute::max_request_body>>(1, 1'024 * kTiB, true), "", "",
     "Longest body of a request (413 beyond). 0: no bound; bodies are passed on as they come."},
    {Section::http_route, "max_response_body", optional,
     size<route<&HttpRoute::max_response_body>>(1, 1'024 * kTiB, true), "", "",
     "Longest body of an answer (502 beyond, or the connection breaks off where its head is "
     "sent already). 0: no bound."},
    {Section::http_route, "preserve_host", optional, Switch{route<&HttpRoute::preserve_host>}, "",
     "", "The server sees the Host that the visitor asked for; else its own name from the pool."},

    {Section::http_whitelist, "name", required,
     Text{whitelist<&HttpWhitelist::name>, 64, check_http_name}, "\"office\"", "",
     "Names it in logs and metrics."},
    {Section::http_whitelist, "addresses", optional,
     PrefixList{whitelist<&HttpWhitelist::addresses>}, "[\"192.0.2.0/24\", \"2001:db8:1::/48\"]",
     "", "The addresses themselves. A whitelist has exactly one of addresses, file and command."},
    {Section::http_whitelist, "file", optional,
     File{whitelist<&HttpWhitelist::file>, File::Kind::readable}, "", "",
     "File with an address or prefix a line; # begins a comment. Read again when it changes."},
    {Section::http_whitelist, "command", optional,
     texts<whitelist<&HttpWhitelist::command>, add_argument, plain_text>("words", 64), "", "",
     "Program that prints the same, with its arguments, by its absolute path and without a shell. "
     "When it fails or takes longer than 10 seconds, the addresses it printed before stay."},
    {Section::http_whitelist, "interval", optional,
     Duration{whitelist<&HttpWhitelist::interval_ms>, 1'000, 24 * kHourMs}, "", "",
     "How often the command is run, after its first run at start."},
});

}  // namespace

std::span<const Setting> http_rows() noexcept { return kHttpSettings; }

}  // namespace sallyport::config
