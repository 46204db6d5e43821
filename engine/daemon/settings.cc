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
  compare("notakey.profile", before.profile, after.profile);
  compare("notakey.proxy", before.proxy, after.proxy);
  compare("notakey.ca_file", before.ca_file, after.ca_file);
  compare("second_factor.threads", running.second_factor.threads, wanted.second_factor.threads);
  compare("second_factor.max_pending", running.second_factor.max_pending,
          wanted.second_factor.max_pending);
  compare("admin.listen", running.admin.listen, wanted.admin.listen);
  compare("log.format", running.log.format, wanted.log.format);
  compare("log.file", running.log.file, wanted.log.file);
  compare("radius", running.has_radius, wanted.has_radius);
  if (!running.has_radius) {
    compare("engine.shards", running.radius.shards, wanted.radius.shards);
    compare("engine.pin", running.radius.pin, wanted.radius.pin);
  }
  compare("http.listener", running.http.listeners, wanted.http.listeners);
  compare("http.control_socket", running.http.control_socket, wanted.http.control_socket);
  compare("http.max_connections", running.http.max_connections, wanted.http.max_connections);
  compare("http.max_buffer_memory", running.http.max_buffer_memory, wanted.http.max_buffer_memory);
  return keys;
}

std::string downstream_text(const config::Downstream& downstream) {
  const bool v6 = downstream.host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", v6 ? "[" : "", downstream.host, v6 ? "]" : "", downstream.port);
}

}  // namespace sallyport::daemon
