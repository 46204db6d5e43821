#include "engine/config/ntkp.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <netinet/in.h>

#include "engine/config/address_secret.h"
#include "engine/config/checks.h"
#include "engine/config/duration.h"
#include "engine/config/notes.h"
#include "engine/config/rules.h"
#include "engine/config/secret_source.h"

namespace sallyport::config {
namespace {

constexpr std::array<NtkpEntry, kNtkpOptions> kEntries = {{
    {NtkpOption::notakey_host, "--notakey-host", "NOTAKEY_HOST", "URL", "", true, false,
     "notakey.host", "URL of the Notakey API"},
    {NtkpOption::notakey_access_id, "--notakey-access-id", "NOTAKEY_ACCESS_ID", "ID", "", true,
     false, "notakey.access_id", "Access id of the Notakey application"},
    {NtkpOption::notakey_timeout, "--notakey-timeout", "NOTAKEY_TIMEOUT", "SECONDS", "5", false,
     false, "notakey.timeout", "Longest API call"},
    {NtkpOption::listen_address, "--listen-address", "LISTEN_ADDRESS", "ADDRESS", "127.0.0.1",
     false, false, "radius.listen", "Where RADIUS clients are heard"},
    {NtkpOption::port_in, "--port-in", "PORT_IN", "PORT", "1812", false, false, "radius.listen",
     "UDP port for them"},
    {NtkpOption::address_secret_in, "--address-secret-in", "ADDRESS_SECRET_IN", "LIST", "", true,
     true, "client.addresses, client.secret", "Clients, as ADDRESS:SECRET,…"},
    {NtkpOption::downstream_address, "--downstream-address", "DOWNSTREAM_ADDRESS", "HOST", "", true,
     false, "downstream.address", "RADIUS server that checks the password"},
    {NtkpOption::port_out, "--port-out", "PORT_OUT", "PORT", "1812", false, false,
     "downstream.address", "UDP port of that server"},
    {NtkpOption::secret_out, "--secret-out", "SECRET_OUT", "SECRET", "", true, true,
     "downstream.secret", "Secret shared with that server"},
    {NtkpOption::proxy_send_timeout, "--proxy-send-timeout", "PROXY_SEND_TIMEOUT", "SECONDS", "5",
     false, false, "downstream.send_timeout", "Longest sending to that server"},
    {NtkpOption::proxy_receive_timeout, "--proxy-receive-timeout", "PROXY_RECEIVE_TIMEOUT",
     "SECONDS", "", false, false, "downstream.receive_timeout",
     "Longest wait for its reply; else the send time-out"},
}};

const NtkpEntry& entry_of(NtkpOption option) { return kEntries[static_cast<std::size_t>(option)]; }

/// Reads one option after the other into a Config, noting what is wrong under the option's names.
class NtkpReader {
 public:
  NtkpReader(const NtkpOptions& options, const Environment& environment)
      : options_(options), environment_(environment) {}

  std::expected<Loaded, std::vector<Mistake>> read() {
    read_notakey();
    read_listen();
    read_clients();
    read_downstream();
    // NtkP had no such listener: ours must not keep anybody from starting.
    config_.admin = {
        .listen = Endpoint{.address = IpAddress::v4(INADDR_LOOPBACK), .port = kDefaultAdminPort},
        .required = false};
    // A duplicate prefix and the like: the rules of the file, under NtkP's names.
    if (notes_.good()) check_rules(config_, {}, notes_);
    if (!notes_.good()) return std::unexpected(under_ntkp_names(notes_.take_mistakes()));
    return Loaded{.config = std::move(config_),
                  .warnings = under_ntkp_names(notes_.take_warnings())};
  }

 private:
  /// The command line, else the environment, else NtkP's default. An empty text is as good as none,
  /// since that is how containers unset a variable.
  [[nodiscard]] std::string_view value(NtkpOption option) {
    if (const auto& given = options_[option]; given && !given->empty()) return *given;
    const NtkpEntry& entry = entry_of(option);
    const auto found = environment_.find(entry.variable);
    if (found != environment_.end() && !found->second.empty()) return found->second;
    if (entry.required) {
      mistake(option, {.wrong = "is missing", .mend = fmt::format("Set it: {}.", entry.meaning)});
    }
    return entry.fallback;
  }

  void mistake(NtkpOption option, Complaint complaint) {
    notes_.mistake({}, names(option), std::move(complaint));
  }
  void warning(NtkpOption option, std::optional<Complaint> complaint) {
    if (complaint) notes_.warning({}, names(option), std::move(*complaint));
  }
  [[nodiscard]] static std::string names(NtkpOption option) {
    return fmt::format("{} ({})", entry_of(option).variable, entry_of(option).argument);
  }

  /// check_rules speaks of the keys of the file.
  [[nodiscard]] static std::vector<Mistake> under_ntkp_names(std::vector<Mistake> mistakes) {
    for (Mistake& mistake : mistakes) {
      const auto found = std::ranges::find(kEntries, mistake.key, &NtkpEntry::toml);
      if (found != kEntries.end()) mistake.key = names(found->option);
    }
    return mistakes;
  }

  void read_text(NtkpOption option, std::string& field, Finding (*check)(std::string_view)) {
    const std::string_view text = value(option);
    if (text.empty()) return;
    if (Finding finding = check(text)) return mistake(option, std::move(*finding));
    field = text;
  }

  void read_seconds(NtkpOption option, std::uint32_t& field_ms) {
    constexpr std::uint32_t kMinMs = 100;
    constexpr std::uint32_t kMaxMs = 300'000;
    const std::string_view text = value(option);
    if (text.empty()) return;
    const auto duration_ms = parse_seconds_ms(text);
    if (!duration_ms || *duration_ms < kMinMs || *duration_ms > kMaxMs) {
      return mistake(option, {.wrong = "is not a number of seconds from 0.1 to 300",
                              .mend = "Write \"5\", \"2.5\" or \"00:00:05\"."});
    }
    field_ms = *duration_ms;
  }

  [[nodiscard]] std::optional<std::uint16_t> read_port(NtkpOption option) {
    const std::string_view text = value(option);
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error == std::errc{} && end == text.data() + text.size() && port != 0) return port;
    mistake(option, {.wrong = "is not a port", .mend = "Write a number from 1 to 65535."});
    return std::nullopt;
  }

  void read_notakey() {
    read_text(NtkpOption::notakey_host, config_.notakey.host, check_api_url);
    read_text(NtkpOption::notakey_access_id, config_.notakey.access_id, check_access_id);
    read_seconds(NtkpOption::notakey_timeout, config_.notakey.timeout_ms);
  }

  void read_listen() {
    std::string_view text = value(NtkpOption::listen_address);
    if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
    const auto address = IpAddress::parse(text);
    if (!address) {
      mistake(NtkpOption::listen_address,
              {.wrong = "is not an IP address: " + address.error(),
               .mend = "Write 192.0.2.1, [2001:db8::1], or 0.0.0.0 for all."});
    } else if (address->is_loopback()) {
      warning(
          NtkpOption::listen_address,
          Complaint{.wrong = fmt::format("is {}: only this machine can reach it", address->text()),
                    .mend = "Set it to 0.0.0.0, above all inside a container."});
    }
    const auto port = read_port(NtkpOption::port_in);
    if (address && port) config_.radius.listen.push_back({.address = *address, .port = *port});
  }

  void read_clients() {
    const std::string_view text = value(NtkpOption::address_secret_in);
    if (text.empty()) return;
    AddressSecrets parsed = parse_address_secrets(text);
    for (Complaint& complaint : parsed.mistakes) {
      mistake(NtkpOption::address_secret_in, std::move(complaint));
    }
    for (Complaint& complaint : parsed.warnings) {
      warning(NtkpOption::address_secret_in, std::move(complaint));
    }
    for (AddressSecret& pair : parsed.pairs) {
      if (Finding finding = warn_secret(pair.secret)) {
        finding->wrong = fmt::format("the secret of {} {}", pair.prefix.text(), finding->wrong);
        warning(NtkpOption::address_secret_in, std::move(finding));
      }
      const bool one_address = pair.prefix.length == 128;
      config_.clients.push_back(
          {.name = one_address ? pair.prefix.address.text() : pair.prefix.text(),
           .addresses = {pair.prefix},
           .secret = std::move(pair.secret)});
    }
  }

  void read_downstream() {
    Downstream& downstream = config_.downstream;
    if (const std::string_view text = value(NtkpOption::downstream_address); !text.empty()) {
      // Notakey's proxy has the port in an option of its own; an address without brackets is fine.
      auto host = parse_host_port(text);
      if (!host) {
        mistake(NtkpOption::downstream_address, std::move(host.error()));
      } else if (host->port) {
        mistake(NtkpOption::downstream_address,
                {.wrong = "has a port", .mend = "Put the port into PORT_OUT (--port-out)."});
      } else {
        downstream.host = std::move(host->host);
      }
    }
    if (const auto port = read_port(NtkpOption::port_out)) downstream.port = *port;
    if (const std::string_view text = value(NtkpOption::secret_out); !text.empty()) {
      auto secret = secret_from_text(text);
      if (secret) {
        warning(NtkpOption::secret_out, warn_secret(*secret));
        downstream.secret = std::move(*secret);
      } else {
        mistake(NtkpOption::secret_out, std::move(secret.error()));
      }
    }
    read_seconds(NtkpOption::proxy_send_timeout, downstream.send_timeout_ms);
    downstream.receive_timeout_ms = downstream.send_timeout_ms;
    read_seconds(NtkpOption::proxy_receive_timeout, downstream.receive_timeout_ms);
  }

  const NtkpOptions& options_;
  const Environment& environment_;
  Notes notes_{"options"};
  Config config_;
};

}  // namespace

const std::array<NtkpEntry, kNtkpOptions>& ntkp_entries() noexcept { return kEntries; }

bool NtkpOptions::any() const noexcept {
  return std::ranges::any_of(values, [](const auto& value) { return value.has_value(); });
}

std::vector<std::string_view> ntkp_variables_set(const Environment& environment) {
  std::vector<std::string_view> names;
  for (const NtkpEntry& entry : kEntries) {
    const auto found = environment.find(entry.variable);
    if (found != environment.end() && !found->second.empty()) names.push_back(entry.variable);
  }
  return names;
}

std::expected<Loaded, std::vector<Mistake>> from_ntkp(const NtkpOptions& options,
                                                      const Environment& environment) {
  return NtkpReader(options, environment).read();
}

}  // namespace sallyport::config
