#include "bench/simulators/simulate.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "bench/simulators/notakey_simulator.h"
#include "bench/simulators/signals.h"
#include "bench/simulators/text.h"

namespace sallyport::lab {
namespace {

using Outcome = std::expected<void, std::string>;

Outcome set_duration(std::uint64_t& target_ms, std::string_view option, const std::string& text) {
  const auto ms = parse_duration_ms(text);
  if (!ms) return std::unexpected(fmt::format("{}: {}", option, ms.error()));
  target_ms = *ms;
  return {};
}

Outcome set_script(UserScript& script, const SimulateNotakeyOptions& options) {
  const auto fallback = parse_behaviour(options.default_behaviour);
  if (!fallback) return std::unexpected("--default: " + fallback.error());
  script.set_default(*fallback);
  if (!options.script_file.empty()) {
    const auto text = read_file(options.script_file);
    if (!text) return std::unexpected(text.error());
    if (const auto added = script.add_lines(*text); !added)
      return std::unexpected(fmt::format("{}: {}", options.script_file, added.error()));
  }
  for (const std::string& user : options.users) {
    if (const auto added = script.add(user); !added)
      return std::unexpected("--user: " + added.error());
  }
  return {};
}

std::expected<NotakeySettings, std::string> settings_of(const SimulateNotakeyOptions& options) {
  NotakeySettings settings;
  settings.access_id = options.access_id;
  settings.client_id = options.client_id;
  settings.client_secret = options.client_secret;
  settings.seed = options.seed;
  if (const auto set = set_script(settings.users, options); !set)
    return std::unexpected(set.error());
  if (const auto set = set_duration(settings.hold_ms, "--hold", options.hold); !set)
    return std::unexpected(set.error());
  if (const auto set =
          set_duration(settings.token_lifetime_ms, "--token-lifetime", options.token_lifetime);
      !set)
    return std::unexpected(set.error());
  for (const std::string& text : options.faults) {
    const auto fault = parse_fault(text);
    if (!fault) return std::unexpected("--fault: " + fault.error());
    settings.faults.push_back(*fault);
  }
  return settings;
}

std::expected<std::shared_ptr<const TlsContext>, std::string> tls_of(
    const SimulateNotakeyOptions& options, const IpAddress& address) {
  if (!options.tls) return nullptr;
  auto tls = options.certificate_file.empty()
                 ? TlsContext::self_signed(address)
                 : TlsContext::from_files(options.certificate_file, options.key_file);
  if (!tls) return std::unexpected(tls.error());
  if (!options.write_ca_file.empty()) {
    std::ofstream file(options.write_ca_file);
    file << tls->authority_pem() << std::flush;
    if (!file)
      return std::unexpected(fmt::format("{}: {}", options.write_ca_file, std::strerror(errno)));
  }
  return std::make_shared<const TlsContext>(std::move(*tls));
}

std::expected<NotakeyListening, std::string> listening_of(const SimulateNotakeyOptions& options) {
  const auto listen = Endpoint::parse(options.listen, 0);
  if (!listen) return std::unexpected("--listen: " + listen.error());
  auto tls = tls_of(options, listen->address);
  if (!tls) return std::unexpected(tls.error());
  NotakeyListening listening = {.listen = *listen,
                                .tls = std::move(*tls),
                                .phone_listen = std::nullopt,
                                .max_streams = options.max_streams};
  if (options.tls || !options.phone_listen.empty()) {
    const auto phone =
        Endpoint::parse(options.phone_listen.empty() ? "127.0.0.1:0" : options.phone_listen, 0);
    if (!phone) return std::unexpected("--phone-listen: " + phone.error());
    listening.phone_listen = *phone;
  }
  return listening;
}

}  // namespace

std::expected<std::string, std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::unexpected(fmt::format("{}: {}", path, std::strerror(errno)));
  return std::string(std::istreambuf_iterator<char>(file), {});
}

Outcome simulate_notakey(const SimulateNotakeyOptions& options) {
  const Signals signals;
  auto settings = settings_of(options);
  if (!settings) return std::unexpected(settings.error());
  const auto listening = listening_of(options);
  if (!listening) return std::unexpected(listening.error());
  const auto simulator = NotakeySimulator::start(std::move(*settings), *listening);
  if (!simulator) return std::unexpected(simulator.error());
  print_line(fmt::format(R"({{"listening":"{}","url":"{}","phone":"{}"}})",
                         (*simulator)->listening().text(), (*simulator)->url(),
                         (*simulator)->phone_url()));
  while (signals.wait() == SIGUSR1) continue;
  return {};
}

}  // namespace sallyport::lab
