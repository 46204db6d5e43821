#include "engine/radius/radsec_settings.h"

#include <utility>

#include <spdlog/spdlog.h>

#include "verify/clock.h"

namespace sallyport::radius_door {
namespace {

ring::TlsServerPlan tls_plan(const config::RadsecListener& listener,
                             const std::vector<config::RadsecClient>& clients) {
  ring::TlsServerPlan plan = {
      .certificates = {},
      // RFC 9765 §3.1: RADIUS/1.1 needs TLS 1.3. Who offers neither speaks as before it.
      .protocols = {{.name = "radius/1.1", .needs_tls13 = true}, {.name = "radius/1.0"}},
      .client_ca_file = listener.ca_file};
  if (!listener.certificate_file.empty())
    plan.certificates.push_back(
        {.certificate_file = listener.certificate_file, .key_file = listener.key_file});
  for (const config::RadsecClient& client : clients) {
    if (!client.psk_identity.empty())
      plan.keys.push_back({.identity = client.psk_identity, .key = config::psk_octets(client.psk)});
  }
  return plan;
}

}  // namespace

std::expected<std::shared_ptr<const RadsecSettings>, std::string> make_radsec_settings(
    const config::Radsec& config, std::span<const config::Messages> translations) {
  if (config.listeners.empty()) return nullptr;
  auto settings = std::make_shared<RadsecSettings>(
      RadsecSettings{.listeners = {},
                     .clients = RadsecClients(config.clients, translations),
                     .handshake_timeout_ms = config.handshake_timeout_ms,
                     .idle_timeout_ms = config.idle_timeout_ms});
  for (const config::RadsecListener& listener : config.listeners) {
    auto loaded = ring::TlsServerContext::load(tls_plan(listener, config.clients), nullptr,
                                               static_cast<std::int64_t>(verify::unix_ms() / 1000));
    if (!loaded) return std::unexpected(std::move(loaded.error()));
    for (const std::string& warning : loaded->warnings) spdlog::warn("radsec: {}", warning);
    settings->listeners.push_back(
        {.tls = std::move(loaded->context), .proxy_protocol_from = listener.proxy_protocol_from});
  }
  return settings;
}

}  // namespace sallyport::radius_door
