#include "engine/config/downstream_tls_rules.h"

#include <array>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "engine/config/certificate_check.h"
#include "verify/clock.h"

namespace sallyport::config {
namespace {

std::string named(std::string_view key) { return fmt::format("downstream.server.{}", key); }

void check_udp_server(const ElementPlaces& at, Notes& notes) {
  if (!at.given("secret")) {
    notes.mistake(
        at.header, named("secret"),
        {.wrong = "is missing",
         .mend = "Add one of secret, secret_file and secret_env to [[downstream.server]], or "
                 "transport = \"tls\"."});
  }
  constexpr std::array<std::string_view, 8> kForTls = {
      "ca_file",     "certificate_file", "key_file",     "server_name",
      "certificate", "radius_1_1",       "psk_identity", "psk"};
  for (const std::string_view key : kForTls) {
    if (!at.given(key)) continue;
    notes.mistake(
        at.of(key), named(key),
        {.wrong = "is of no use by UDP", .mend = "Set transport = \"tls\", or remove it."});
  }
}

/// A key in the place of certificates.
void check_server_with_key(const DownstreamServer& server, const ElementPlaces& at, Notes& notes) {
  for (const std::string_view key : {"psk_identity", "psk"}) {
    if (at.given(key)) continue;
    notes.mistake(at.header, named(key),
                  {.wrong = "is missing", .mend = "A key needs both: psk_identity and psk."});
  }
  constexpr std::array<std::string_view, 5> kForCertificates = {
      "ca_file", "certificate_file", "key_file", "server_name", "certificate"};
  for (const std::string_view key : kForCertificates) {
    if (!at.given(key)) continue;
    notes.mistake(at.of(key), named(key),
                  {.wrong = "is of no use beside psk", .mend = "Keep the one or the other."});
  }
  if (at.given("radius_1_1") && server.tls.radius_1_1) {
    notes.mistake(at.of("radius_1_1"), named("radius_1_1"),
                  {.wrong = "cannot be had with psk: it needs TLS 1.3",
                   .mend = "Remove it, or use certificates."});
  }
  if (server.tls.psk.empty()) return;
  if (Finding bad = check_psk(server.tls.psk))
    notes.mistake(at.of("psk"), named("psk"), std::move(*bad));
}

void check_tls_server(const DownstreamServer& server, const ElementPlaces& at, Notes& notes) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 2> kForUdp = {
      {{"accounting_port", "Remove it: over TLS one port is for all (RFC 6614 §2.1)."},
       {"require_message_authenticator", "Remove it: TLS proves every packet."}}};
  for (const auto& [key, mend] : kForUdp) {
    if (!at.given(key)) continue;
    notes.mistake(at.of(key), named(key),
                  {.wrong = "is of no use beside transport = \"tls\"", .mend = std::string(mend)});
  }
  if (at.given("psk") || at.given("psk_identity")) return check_server_with_key(server, at, notes);
  constexpr std::array<std::string_view, 3> kNeeded = {"ca_file", "certificate_file", "key_file"};
  for (const std::string_view key : kNeeded) {
    if (at.given(key)) continue;
    notes.mistake(
        at.of("transport"), named(key),
        {.wrong = "is missing beside transport = \"tls\"",
         .mend = fmt::format(
             "Add {}: the server must know us, and we the server. Or psk_identity and psk.", key)});
  }
  if (at.given("server_name") && at.given("certificate")) {
    notes.mistake(at.of("server_name"), named("server_name"),
                  {.wrong = "is of no use beside certificate",
                   .mend = "Keep one: dns:NAME in certificate says the same."});
  }
  // A file that cannot be read was told of already.
  if (server.tls.certificate_file.empty() || server.tls.key_file.empty()) return;
  for (CertificateFinding& found :
       check_certificate(server.tls.certificate_file, server.tls.key_file,
                         static_cast<std::int64_t>(verify::unix_ms() / 1'000))) {
    const std::string_view key = found.file == CertificateFinding::File::key
                                     ? std::string_view("key_file")
                                     : std::string_view("certificate_file");
    found.is_warning ? notes.warning(at.of(key), named(key), std::move(found.complaint))
                     : notes.mistake(at.of(key), named(key), std::move(found.complaint));
  }
}

}  // namespace

void check_downstream_tls(const Config& config, const Places& places, Notes& notes) {
  const std::vector<DownstreamServer>& servers = config.downstream.servers;
  for (std::size_t i = 0; i < servers.size(); ++i) {
    const ElementPlaces at = places.of_element(Section::downstream_server, i);
    servers[i].transport == ServerTransport::tls ? check_tls_server(servers[i], at, notes)
                                                 : check_udp_server(at, notes);
  }
  // What is on the disk is delivered by UDP alone.
  const bool has_own = !config.accounting.host.empty() && !config.accounting.secret.empty();
  if (config.accounting.spool.empty() || has_own || servers.empty()) return;
  if (servers.front().transport != ServerTransport::tls) return;
  const std::string_view key = config.accounting.host.empty() ? "address" : "secret";
  notes.mistake(places.of("accounting.spool"), fmt::format("accounting.{}", key),
                {.wrong = fmt::format("is missing, and \"{}\" is reached over TLS: the spool "
                                      "delivers by UDP",
                                      servers.front().name),
                 .mend = "Add the address of an accounting server, and its secret."});
}

}  // namespace sallyport::config
