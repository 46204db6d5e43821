#include "engine/config/report.h"

#include <set>

#include <fmt/format.h>

#include "engine/config/http_endpoint.h"
#include "engine/config/load.h"
#include "engine/config/settings.h"

namespace sallyport::config {
namespace {

std::string counted(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string radius_text(const Config& config) {
  std::string listen;
  for (const Endpoint& endpoint : config.radius.listen) {
    listen += (listen.empty() ? "" : ", ") + endpoint.text();
  }
  for (const RadsecListener& listener : config.radsec.listeners) {
    for (const Endpoint& endpoint : listener.listen) {
      listen += (listen.empty() ? "" : ", ") + endpoint.text() + " (TLS)";
    }
  }
  const std::size_t clients = config.clients.size() + config.radsec.clients.size() +
                              (config.client_rows ? config.client_rows->size() : 0);
  const std::string phones =
      config.notakey.host.empty()
          ? "no Notakey"
          : fmt::format("Notakey {} at {}",
                        config.notakey.version == NotakeyVersion::v3 ? "v3" : "v2",
                        config.notakey.host);
  return fmt::format("{}, listening on {}, downstream {}, {}", counted(clients, "client"), listen,
                     downstream_text(config.downstream), phones);
}

std::string http_text(const Http& http) {
  std::string listen;
  for (const HttpListener& listener : http.listeners) {
    for (const HttpAddress& address : listener.listen) {
      listen += (listen.empty() ? "" : ", ") + text_of(address) + (listener.tls ? " (TLS)" : "");
    }
  }
  return fmt::format("HTTP on {}, {}, {}, {}, {}", listen,
                     counted(http.certificates.size(), "certificate"),
                     counted(http.routes.size(), "route"), counted(http.pools.size(), "pool"),
                     counted(http.whitelists.size(), "whitelist"));
}

void add_lines(Section section, std::string_view name, Draft& draft,
               std::vector<std::string>& lines) {
  for (const Setting& setting : settings()) {
    if (setting.section != section) continue;
    const std::string value = value_text(setting, draft);
    lines.push_back(fmt::format("{}.{} = {}", name, setting.key, value.empty() ? "none" : value));
  }
}

}  // namespace

std::string downstream_text(const Downstream& downstream) {
  if (!downstream.servers.empty()) {
    std::set<std::string_view> names;
    for (const DownstreamServer& server : downstream.servers) names.insert(server.pool);
    return fmt::format("{} in {}", counted(downstream.servers.size(), "server"),
                       counted(names.size(), "pool"));
  }
  return downstream.host.contains(':') ? fmt::format("[{}]:{}", downstream.host, downstream.port)
                                       : fmt::format("{}:{}", downstream.host, downstream.port);
}

std::string mistakes_text(std::span<const Mistake> mistakes) {
  std::string out;
  for (const Mistake& mistake : mistakes) out += mistake.text() + '\n';
  return out + counted(mistakes.size(), "mistake") + ".\n";
}

std::string warnings_text(std::span<const Mistake> warnings) {
  std::string out;
  for (const Mistake& warning : warnings) out += "warning: " + warning.text() + '\n';
  return out;
}

CheckReport check_file(const std::string& path, const Environment& environment) {
  const auto loaded = load_file(path, environment);
  if (!loaded) return {.exit_status = 1, .text = mistakes_text(loaded.error())};
  std::string text = warnings_text(loaded->warnings);
  text += fmt::format("{} is good: {}.\n", path, summary(loaded->config));
  return {.exit_status = 0, .text = std::move(text)};
}

std::vector<std::string> redacted_lines(const Config& config) {
  std::vector<std::string> lines;
  Draft draft{.config = config};
  for (const SectionEntry& section : sections()) {
    if (section.door == Door::radius && !config.has_radius) continue;
    if (section.door == Door::http && config.http.listeners.empty()) continue;
    if (section.section == Section::notakey && config.notakey.host.empty()) continue;
    if (section.is_on != nullptr && !section.is_on(config)) continue;
    if (!section.repeated) {
      add_lines(section.section, section.name, draft, lines);
      continue;
    }
    for (std::size_t i = 0; i < section.repeated->count(config); ++i) {
      section.repeated->pick(draft, i);
      add_lines(section.section, fmt::format("{}[{}]", section.name, i + 1), draft, lines);
    }
  }
  return lines;
}

std::string summary(const Config& config) {
  std::string out;
  if (config.has_radius) out = radius_text(config);
  if (!config.http.listeners.empty()) out += (out.empty() ? "" : "; ") + http_text(config.http);
  return out;
}

}  // namespace sallyport::config
