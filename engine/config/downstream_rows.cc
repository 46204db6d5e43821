// The downstream servers' settings, one row each.

#include <array>

#include "engine/config/checks.h"
#include "engine/config/downstream_text.h"
#include "engine/config/rows.h"
#include "engine/limits.h"
#include "engine/ring/tls_psk.h"

namespace sallyport::config {
namespace {

using enum Presence;

/// The fields of a draft, so that a row below names its field once.
template <auto Member>
constexpr auto downstream = [](Draft& draft) -> auto& { return draft.config.downstream.*Member; };
template <auto Member>
constexpr auto server = [](Draft& draft) -> auto& { return draft.downstream_server.*Member; };
template <auto Member>
constexpr auto tls = [](Draft& draft) -> auto& { return draft.downstream_server.tls.*Member; };
template <auto Member>
constexpr auto pool = [](Draft& draft) -> auto& { return draft.downstream_pool.*Member; };
template <auto Member>
constexpr auto route = [](Draft& draft) -> auto& { return draft.downstream_route.*Member; };

constexpr std::array<std::string_view, 4> kPolicy = {"failover", "round_robin", "least_outstanding",
                                                     "hash"};
constexpr std::array<std::string_view, 2> kHashBy = {"user", "calling_station"};
constexpr std::array<std::string_view, 3> kStatusServer = {"auto", "yes", "no"};

constexpr std::array<std::string_view, 2> kTransport = {"udp", "tls"};

std::string rule_text(const CertificateRule& rule) { return text_of(rule); }

constexpr std::uint32_t kMaxNumber = 1'000'000'000;
constexpr std::uint16_t kMaxPatterns = 4'096;

constexpr std::array kDownstreamSettings = std::to_array<Setting>({
    // [downstream]
    {Section::downstream, "address", required,
     HostPort{downstream<&Downstream::host>, downstream<&Downstream::port>},
     "\"radius.example.net:1812\"", "DOWNSTREAM_ADDRESS, PORT_OUT",
     "The RADIUS server that checks the password: a name or an address, with a port (1812 without "
     "one). A name is followed when its address changes. Where there are several servers, each has "
     "a [[downstream.server]] instead."},
    {Section::downstream, "accounting_port", optional,
     WholeNumber{downstream<&Downstream::accounting_port>, 1, 65'535, true}, "1813", "",
     "UDP port of that server for Accounting-Requests. Without it they go to the same port as all "
     "else, which is wrong for FreeRADIUS and most others: 1813 is usual (RFC 2866)."},
    {Section::downstream, "secret", required, SecretSource{downstream<&Downstream::secret>}, "",
     "SECRET_OUT", "The secret shared with that server."},
    {Section::downstream, "send_timeout", optional,
     Duration{downstream<&Downstream::send_timeout_ms>, 100, kMaxCallMs}, "", "PROXY_SEND_TIMEOUT",
     "How long a request may be sent again while no reply comes."},
    {Section::downstream, "receive_timeout", optional,
     Duration{downstream<&Downstream::receive_timeout_ms>, 100, kMaxCallMs}, "",
     "PROXY_RECEIVE_TIMEOUT",
     "How long a reply is waited for, from the first time the request was sent. Then the client "
     "gets no answer, so that it turns to its next server."},
    {Section::downstream, "retransmit", optional,
     Duration{downstream<&Downstream::retransmit_ms>, 100, 60'000}, "", "",
     "When a request without a reply is sent again for the first time, or to another server; the "
     "wait doubles each time (RFC 5080 §2.2.1)."},
    {Section::downstream, "max_source_ports", optional,
     WholeNumber{downstream<&Downstream::max_source_ports>, 1,
                 limits::kMaxSourcePortsPerShard* limits::kMaxShards},
     "", "",
     "UDP ports that requests to a server may leave from, over all shards. Each carries 256 "
     "requests in flight; they are opened as the load needs them."},
    {Section::downstream, "require_message_authenticator", optional,
     choice<downstream<&Downstream::require_message_authenticator>>(kRequire), "", "",
     "The same for the replies of that server. `yes` is right for every server of 2024 and "
     "later."},
    {Section::downstream, "source_address", optional,
     AnAddress{downstream<&Downstream::source_address>}, "", "",
     "Requests leave from this address of ours. Without it, the system chooses."},
    {Section::downstream, "unserved_message", optional,
     Text{downstream<&Downstream::unserved_message>, kMaxReplyMessage, check_one_line}, "", "",
     "Reply-Message of the Access-Reject for a request that no [[downstream.route]] matches. It "
     "gets an answer, so that the client does not take us for dead."},

    // [[downstream.server]]
    {Section::downstream_server, "name", required,
     Text{server<&DownstreamServer::name>, 64, check_client_name}, "\"radius-1\"", "",
     "Names the server in logs and metrics; with `hash` it also decides whose requests it gets."},
    {Section::downstream_server, "pool", optional,
     Text{server<&DownstreamServer::pool>, 64, check_client_name}, "", "",
     "The pool it belongs to."},
    {Section::downstream_server, "address", required,
     HostPort{server<&DownstreamServer::host>, server<&DownstreamServer::port>},
     "\"radius-1.example.net:1812\"", "",
     "As downstream.address. Without a port, 1812, or 2083 over TLS."},
    {Section::downstream_server, "transport", optional,
     choice<server<&DownstreamServer::transport>>(kTransport), "\"tls\"", "",
     "How it is reached. `tls`: RADIUS over TLS (RadSec, RFC 6614; RADIUS/1.1, RFC 9765), with one "
     "port for authentication and accounting."},
    {Section::downstream_server, "ca_file", optional,
     File{tls<&DownstreamTls::ca_file>, File::Kind::readable}, "\"radsec-servers-ca.pem\"", "",
     "With `tls`: PEM file with the certificate authorities that sign the server's certificate. "
     "Read again on reload, as are the two below."},
    {Section::downstream_server, "certificate_file", optional,
     File{tls<&DownstreamTls::certificate_file>, File::Kind::readable}, "\"radsec-client.pem\"", "",
     "With `tls`: PEM file with the certificate that we show, and those that sign it, our own "
     "first."},
    {Section::downstream_server, "key_file", optional,
     File{tls<&DownstreamTls::key_file>, File::Kind::readable}, "\"radsec-client.key\"", "",
     "With `tls`: PEM file with its key, without a passphrase."},
    {Section::downstream_server, "server_name", optional,
     Text{tls<&DownstreamTls::server_name>, 253, check_one_line}, "\"radius-1.example.net\"", "",
     "With `tls`: the name or address that must stand in the server's certificate as "
     "subjectAltName. Without it, the host of `address`."},
    {Section::downstream_server, "certificate", optional,
     texts<tls<&DownstreamTls::certificate>, add_certificate_rule, rule_text>("certificate names",
                                                                              64),
     "[\"dns:*.radius.example.net\"]", "",
     "With `tls`: what the server's certificate is known by, in the place of server_name; any one "
     "is enough. As radsec.client.certificate."},
    {Section::downstream_server, "radius_1_1", optional, Switch{tls<&DownstreamTls::radius_1_1>},
     "", "",
     "With `tls`: offer RADIUS/1.1, which signs and hides nothing with MD5. A server that does not "
     "know it speaks RADIUS as before."},
    {Section::downstream_server, "psk_identity", optional,
     Text{tls<&DownstreamTls::psk_identity>, ring::TlsPsk::kMaxIdentityOctets, check_one_line},
     "\"sallyport\"", "",
     "With `tls`, and in the place of all certificates: who we say that we are. By TLS 1.2."},
    {Section::downstream_server, "psk", optional, SecretSource{tls<&DownstreamTls::psk>}, "", "",
     "And the key that proves it, of both sides. As radsec.client.psk."},
    {Section::downstream_server, "accounting_port", optional,
     WholeNumber{server<&DownstreamServer::accounting_port>, 1, 65'535, true}, "1813", "",
     "As downstream.accounting_port. All servers of a pool have one, or none has."},
    {Section::downstream_server, "secret", optional,
     SecretSource{server<&DownstreamServer::secret>}, "", "",
     "The secret shared with this server. Over TLS it is `radsec` (RFC 6614 §2.3) and need not be "
     "given; over UDP it must."},
    {Section::downstream_server, "priority", optional,
     WholeNumber{server<&DownstreamServer::priority>, 1, 1'000}, "", "",
     "Servers of a higher number are asked when none of a lower one is up."},
    {Section::downstream_server, "require_message_authenticator", optional,
     choice<server<&DownstreamServer::require_message_authenticator>>(kRequire), "", "",
     "As downstream.require_message_authenticator."},
    {Section::downstream_server, "source_address", optional,
     AnAddress{server<&DownstreamServer::source_address>}, "", "", "As downstream.source_address."},

    // [[downstream.pool]]
    {Section::downstream_pool, "name", required,
     Text{pool<&DownstreamPool::name>, 64, check_client_name}, "\"campus\"", "",
     "Names the pool, for servers and routes."},
    {Section::downstream_pool, "policy", optional, choice<pool<&DownstreamPool::policy>>(kPolicy),
     "\"failover\"", "",
     "Who is asked of the servers that are up, of the lowest priority: the first (`failover`), "
     "each "
     "in its turn, who owes the fewest replies, or always the same one for a user (`hash`). "
     "Requests with EAP-Message or State go by the hash in any case, since the next one of the "
     "conversation must find the same server."},
    {Section::downstream_pool, "hash_by", optional, choice<pool<&DownstreamPool::hash_by>>(kHashBy),
     "", "", "What is hashed: User-Name, or Calling-Station-Id where there is one."},
    {Section::downstream_pool, "hash_seed", optional,
     WholeNumber{pool<&DownstreamPool::hash_seed>, 0, kMaxNumber}, "", "",
     "Of two tiers of proxies that hash, each needs another seed: else one server behind gets all "
     "that a server in front got."},
    {Section::downstream_pool, "slow_start", optional,
     Duration{pool<&DownstreamPool::slow_start_ms>, 0, 3'600'000}, "", "",
     "A server that was down gets its whole share only after this time, and little at first."},
    {Section::downstream_pool, "status_server", optional,
     choice<pool<&DownstreamPool::status_server>>(kStatusServer), "", "",
     "Whether a server that does not answer is asked with Status-Server (RFC 5997). `auto`: where "
     "there is another in the pool, and its silence counts once it has answered one. `yes`: it "
     "always counts, and idle servers are asked "
     "as well. `no`: never sent; a request now and then tries a server that is away."},
    {Section::downstream_pool, "probe_interval", optional,
     Duration{pool<&DownstreamPool::probe_interval_ms>, 1'000, 300'000}, "", "",
     "Between two of them."},
    {Section::downstream_pool, "retry", optional,
     Duration{pool<&DownstreamPool::retry_ms>, 1'000, 3'600'000}, "", "",
     "How often a request tries a server that is down and answers no Status-Server."},

    // [[downstream.route]]
    {Section::downstream_route, "realms", optional,
     texts<route<&DownstreamRoute::realms>, add_realm, plain_text>("realms", kMaxPatterns),
     "[\"example.com\", \"*.example.com\"]", "",
     "Of the User-Name: what follows its last @, or precedes its backslash. `*.example.com` is any "
     "realm below example.com, `*` any realm, the empty text none. Not given: whatever the realm."},
    {Section::downstream_route, "clients", optional,
     texts<route<&DownstreamRoute::clients>, add_client_name, plain_text>("clients", kMaxPatterns),
     "", "", "Names of [[client]]s."},
    {Section::downstream_route, "called_stations", optional,
     texts<route<&DownstreamRoute::called_stations>, add_pattern, plain_text>("patterns",
                                                                              kMaxPatterns),
     "", "", "Called-Station-Id, with * for any octets: `*:eduroam` is an SSID."},
    {Section::downstream_route, "pool", optional,
     Text{route<&DownstreamRoute::pool>, 64, check_client_name}, "\"campus\"", "",
     "Where such requests go. Without it they are rejected."},
    {Section::downstream_route, "reject_message", optional,
     Text{route<&DownstreamRoute::reject_message>, kMaxReplyMessage, check_one_line}, "", "",
     "Reply-Message of the Access-Reject, where there is no pool."},
    {Section::downstream_route, "strip_realm", optional,
     Switch{route<&DownstreamRoute::strip_realm>}, "", "",
     "Send the User-Name without its realm. The user is then asked by that name, too."},
});

}  // namespace

std::span<const Setting> downstream_rows() noexcept { return kDownstreamSettings; }

}  // namespace sallyport::config
