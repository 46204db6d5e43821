// RADIUS over TLS: one row for each of its settings.

#include <array>

#include "engine/config/gate_text.h"
#include "engine/config/rows.h"
#include "engine/limits.h"
#include "engine/ring/tls_psk.h"

namespace sallyport::config {
namespace {

using enum Presence;

template <auto Member>
constexpr auto radsec = [](Draft& draft) -> auto& { return draft.config.radsec.*Member; };
template <auto Member>
constexpr auto listener = [](Draft& draft) -> auto& { return draft.radsec_listener.*Member; };
template <auto Member>
constexpr auto client = [](Draft& draft) -> auto& { return draft.radsec_client.*Member; };

std::string rule_text(const CertificateRule& rule) { return text_of(rule); }

constexpr std::uint16_t kRadsecPort = 2083;  // RFC 6614 §2.1
constexpr std::uint32_t kSecondMs = 1'000;
constexpr std::uint32_t kMinuteMs = 60 * kSecondMs;
constexpr std::uint32_t kHourMs = 60 * kMinuteMs;

constexpr std::array kRadsecSettings = std::to_array<Setting>({
    // [radsec]
    {Section::radsec, "max_connections", optional,
     WholeNumber{radsec<&Radsec::max_connections>, 16, 1'048'576}, "", "",
     "Connections at once, in all shards together. Those beyond wait in the kernel's queue. At "
     "most a quarter of them may be in their handshake: strangers cannot take all the places."},
    {Section::radsec, "handshake_timeout", optional,
     Duration{radsec<&Radsec::handshake_timeout_ms>, 100, kMinuteMs}, "", "",
     "How long a PROXY header and the TLS handshake may take together. A client that takes none of "
     "its answers for so long is cut off, too."},
    {Section::radsec, "idle_timeout", optional,
     Duration{radsec<&Radsec::idle_timeout_ms>, kSecondMs, 4 * kHourMs}, "", "",
     "A connection is closed when nothing has come on it for so long and no answer is owed. "
     "Clients keep it open with Status-Server."},

    // [[radsec.listener]]
    {Section::radsec_listener, "listen", required,
     EndpointList{listener<&RadsecListener::listen>, kRadsecPort, limits::kMaxRadsecEndpoints},
     "[\"0.0.0.0:2083\"]", "",
     "Addresses and TCP ports where clients connect to. Without a port, 2083."},
    {Section::radsec_listener, "certificate_file", optional,
     File{listener<&RadsecListener::certificate_file>, File::Kind::readable}, "\"radsec.pem\"", "",
     "PEM file with our certificate and those that sign it, our own first. Read again on reload. "
     "This and the two below may be left out together where every client has a `psk`."},
    {Section::radsec_listener, "key_file", optional,
     File{listener<&RadsecListener::key_file>, File::Kind::readable}, "\"radsec.key\"", "",
     "PEM file with its key, without a passphrase."},
    {Section::radsec_listener, "ca_file", optional,
     File{listener<&RadsecListener::ca_file>, File::Kind::readable}, "\"radsec-clients-ca.pem\"",
     "",
     "PEM file with the certificate authorities that sign the clients' certificates. Take your own "
     "or your federation's, not the web's: every client without a `psk` must show a certificate of "
     "theirs."},
    {Section::radsec_listener, "proxy_protocol_from", optional,
     PrefixList{listener<&RadsecListener::proxy_protocol_from>}, "", "",
     "Balancers in front: a connection from these addresses must begin with a PROXY header "
     "(version 1 or 2) that tells who the client is. Nobody unless named."},

    // [[radsec.client]]
    {Section::radsec_client, "name", required,
     Text{client<&RadsecClient::name>, 64, check_client_name}, "\"campus-wifi\"", "",
     "Names the client in logs, metrics and the text {client}."},
    {Section::radsec_client, "certificate", optional,
     texts<client<&RadsecClient::certificate>, add_certificate_rule, rule_text>("certificate names",
                                                                                64),
     "[\"dns:wifi.example.net\"]", "",
     "What the client's certificate is known by; any one is enough. `dns:` a name of its "
     "subjectAltName (`dns:*.example.net`: any one label there), `uri:` a URI of it, `cn:` its "
     "common name, `sha256:` its fingerprint. A client has this or `psk`."},
    {Section::radsec_client, "psk_identity", optional,
     Text{client<&RadsecClient::psk_identity>, ring::TlsPsk::kMaxIdentityOctets, check_one_line},
     "", "", "By which a client with a `psk` says who it is."},
    {Section::radsec_client, "psk", optional, SecretSource{client<&RadsecClient::psk>}, "", "",
     "The key of a client that shows no certificate, by TLS 1.2 (RFC 4279, RFC 9813): 16 to 256 "
     "octets; behind `hex:` they are written as hexadecimal digits."},
    {Section::radsec_client, "addresses", optional, PrefixList{client<&RadsecClient::addresses>},
     "", "", "Where the client may connect from. Without it, from anywhere."},
    {Section::radsec_client, "language", optional,
     Text{client<&RadsecClient::language>, 12, check_language}, "", "",
     "As `language` of [[client]]."},
});

}  // namespace

std::span<const Setting> radsec_rows() noexcept { return kRadsecSettings; }

}  // namespace sallyport::config
