#include "engine/daemon/settings.h"

#include <string_view>

#include <fmt/format.h>

namespace sallyport::daemon {

verify::PoolSettings pool_settings(const config::Config& config) {
  const config::Notakey& notakey = config.notakey;
  return {
      .notakey = {.v3 = notakey.version == config::NotakeyVersion::v3,
                  .host = notakey.host,
                  .access_id = notakey.access_id,
                  .client_id = notakey.client_id,
                  .client_secret = notakey.client_secret,
                  .timeout_ms = notakey.timeout_ms,
                  .ttl_ms = notakey.ttl_ms,
                  .action = notakey.action,
                  .description = notakey.description,
                  .number_description = notakey.number_description,
                  .profile = notakey.profile,
                  .proxy = notakey.proxy,
                  .ca_file = notakey.ca_file},
      .threads = config.second_factor.threads,
      .max_pending = config.second_factor.max_pending,
  };
}

std::vector<std::string> restart_needed_for(const config::Config& running,
                                            const config::Config& wanted) {
  std::vector<std::string> keys;
  const auto compare = [&keys](std::string_view key, const auto& before, const auto& after) {
    if (!(before == after)) keys.emplace_back(key);
  };
  const config::Notakey& before = running.notakey;
  const config::Notakey& after = wanted.notakey;
  compare("notakey.host", before.host, after.host);
  compare("notakey.access_id", before.access_id, after.access_id);
  compare("notakey.version", before.version, after.version);
  compare("notakey.client_id", before.client_id, after.client_id);
  compare("notakey.client_secret", before.client_secret, after.client_secret);
  compare("notakey.timeout", before.timeout_ms, after.timeout_ms);
  compare("notakey.ttl", before.ttl_ms, after.ttl_ms);
  compare("notakey.action", before.action, after.action);
  compare("notakey.description", before.description, after.description);
  compare("notakey.number_description", before.number_description, after.number_description);
  compare("notakey.profile", before.profile, after.profile);
  compare("notakey.proxy", before.proxy, after.proxy);
  compare("notakey.ca_file", before.ca_file, after.ca_file);
  compare("accounting.spool", running.accounting.spool, wanted.accounting.spool);
  compare("accounting.max_records", running.accounting.max_records, wanted.accounting.max_records);
  compare("accounting.max_size", running.accounting.max_octets, wanted.accounting.max_octets);
  compare("coa", running.coa.listen.empty(), wanted.coa.listen.empty());
  compare("coa.source_address", running.coa.source_address, wanted.coa.source_address);
  compare("second_factor.threads", running.second_factor.threads, wanted.second_factor.threads);
  compare("second_factor.max_pending", running.second_factor.max_pending,
          wanted.second_factor.max_pending);
  compare("second_factor.limits", running.second_factor.limits, wanted.second_factor.limits);
  compare(
      "the first or last setting that holds logins: policies that ask for codes, "
      "second_factor.number_matching, second_factor.directory_groups",
      config::holds_logins(running), config::holds_logins(wanted));
  compare("policies that send messages", config::sends_messages(running),
          config::sends_messages(wanted));
  compare("policies that send links", config::asks(running, verify::LoginFactor::link),
          config::asks(wanted, verify::LoginFactor::link));
  compare("second_factor.otp_max_pending", running.second_factor.otp_max_pending,
          wanted.second_factor.otp_max_pending);
  compare("second_factor.otp_issuer", running.second_factor.otp_issuer,
          wanted.second_factor.otp_issuer);
  compare("admin.listen", running.admin.listen, wanted.admin.listen);
  compare("log.format", running.log.format, wanted.log.format);
  compare("log.file", running.log.file, wanted.log.file);
  compare("radius", running.has_radius, wanted.has_radius);
  compare("radsec.max_connections", running.radsec.max_connections, wanted.radsec.max_connections);
  if (!running.has_radius) {
    compare("engine.shards", running.radius.shards, wanted.radius.shards);
    compare("engine.pin", running.radius.pin, wanted.radius.pin);
  }
  compare("http.listener", running.http.listeners, wanted.http.listeners);
  compare("gate", running.gate.on, wanted.gate.on);
  compare("gate.threads", running.gate.threads, wanted.gate.threads);
  compare("store", running.store, wanted.store);
  compare("http.control_socket", running.http.control_socket, wanted.http.control_socket);
  compare("http.max_connections", running.http.max_connections, wanted.http.max_connections);
  compare("http.max_buffer_memory", running.http.max_buffer_memory, wanted.http.max_buffer_memory);
  return keys;
}

}  // namespace sallyport::daemon
