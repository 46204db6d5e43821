#include "bench/load/load_options.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "bench/simulators/simulate.h"
#include "bench/simulators/text.h"

namespace sallyport::lab {
namespace {

using Outcome = std::expected<void, std::string>;

constexpr std::size_t kMaxRampSteps = 1000;
constexpr std::uint32_t kMaxSockets = 65'536;
constexpr double kFirstSearchedRate = 10'000;
constexpr std::uint32_t kOpenAccountingSessions = 1000;

template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

Outcome set_duration(std::uint64_t& target_ns, std::string_view option, std::string_view text) {
  const auto ns = parse_duration_ns(text);
  if (!ns) return std::unexpected(fmt::format("{}: {}", option, ns.error()));
  target_ns = *ns;
  return {};
}

Outcome set_secret(Secret& target, std::string_view option, const std::string& path) {
  if (path.empty()) return {};
  const auto text = read_file(path);
  if (!text) return std::unexpected(fmt::format("{}: {}", option, text.error()));
  target = Secret(trim(*text));
  if (target.empty()) return std::unexpected(fmt::format("{}: {} is empty", option, path));
  return {};
}

/// "replay:FILE" names the capture; all others are methods by their name.
Outcome set_method(WorkloadSettings& workload, const std::string& text) {
  constexpr std::string_view kReplay = "replay:";
  if (text.starts_with(kReplay)) {
    workload.method = Method::replay;
    auto capture = Capture::read(text.substr(kReplay.size()));
    if (!capture) return std::unexpected("--method: " + capture.error());
    workload.capture = std::make_shared<const Capture>(std::move(*capture));
    return {};
  }
  for (const Method method :
       {Method::pap, Method::chap, Method::mschapv2, Method::eap_md5, Method::accounting,
        Method::coa, Method::disconnect, Method::status_server}) {
    if (text != to_text(method)) continue;
    workload.method = method;
    return {};
  }
  return std::unexpected(
      fmt::format("--method: {} is none of pap, chap, mschapv2, eap-md5, accounting, coa, "
                  "disconnect, status-server, replay:FILE",
                  text));
}

Outcome set_workload(LoadSettings& settings, const LoadOptions& options) {
  WorkloadSettings& workload = settings.workload;
  if (auto set = set_method(workload, options.method); !set) return set;
  if (auto set = set_secret(workload.secret, "--secret-file", options.secret_file); !set)
    return set;
  if (auto set = set_secret(workload.password, "--password-file", options.password_file); !set) {
    return set;
  }
  if (auto set =
          set_secret(workload.capture_secret, "--capture-secret-file", options.capture_secret_file);
      !set) {
    return set;
  }
  const bool log_in = workload.method == Method::pap || workload.method == Method::chap ||
                      workload.method == Method::mschapv2 || workload.method == Method::eap_md5;
  if (log_in && workload.password.empty()) {
    return std::unexpected(
        fmt::format("--method {} needs --password-file, with the users' password", options.method));
  }
  workload.expected = options.expect == "accept"   ? Verdict::accept
                      : options.expect == "reject" ? Verdict::reject
                                                   : Verdict::any;
  workload.user_pattern = options.user_pattern;
  workload.users = options.users;
  workload.request_octets = options.request_octets;
  workload.message_authenticator = !options.unsigned_requests;
  workload.unsigned_answers = options.unsigned_answers;
  workload.interims = options.interims;
  workload.presigned = options.presigned;
  workload.seed = options.seed;
  return {};
}

Outcome set_pace(LoadSettings& settings, const LoadOptions& options) {
  Stage& stage = settings.stage;
  const int ways = (options.rate > 0 ? 1 : 0) + (options.window > 0 ? 1 : 0) +
                   (options.search ? 1 : 0) + (options.ramp.empty() ? 0 : 1);
  // A search may begin at a rate of one's choice.
  if (ways > 1 && !(ways == 2 && options.search && options.rate > 0)) {
    return std::unexpected("one of --rate, --window, --ramp and --search, not several");
  }
  if (options.window > 0) {
    stage.pace = Pace::window;
    stage.window = options.window;
    if (stage.window < options.threads) {
      return std::unexpected("--window: fewer than --threads, and each must have its share");
    }
  } else if (options.search) {
    settings.search = true;
    stage.rate = options.rate > 0 ? options.rate : kFirstSearchedRate;
  } else if (!options.ramp.empty()) {
    auto ramp = parse_ramp(options.ramp);
    if (!ramp) return std::unexpected("--ramp: " + ramp.error());
    settings.ramp = std::move(*ramp);
  } else if (options.rate > 0) {
    stage.rate = options.rate;
  } else if (settings.workload.method == Method::replay) {
    stage.pace = Pace::capture;
  } else {
    return std::unexpected("how fast? --rate, --window, --ramp or --search says it");
  }
  if (options.requests > 0) stage.requests = options.requests;
  const bool steps = settings.search || !settings.ramp.empty();
  if (steps && stage.requests) {
    return std::unexpected("--requests: a ramp or search measures for --step at each rate");
  }
  settings.highest_rate = options.max_rate;
  settings.bounds.loss = options.max_loss;
  if (auto set = set_duration(settings.bounds.p99_ns, "--max-p99", options.max_p99); !set) {
    return set;
  }
  if (auto set = set_duration(stage.warm_up_ns, "--warm-up", options.warm_up); !set) return set;
  if (auto set = steps ? set_duration(stage.duration_ns, "--step", options.step)
                       : set_duration(stage.duration_ns, "--duration", options.duration);
      !set) {
    return set;
  }
  if (stage.duration_ns == 0) return std::unexpected("no time to measure in: it is 0");
  // A capture and a number of requests are measured whole.
  if (stage.requests || stage.pace == Pace::capture) stage.warm_up_ns = 0;
  if (stage.pace == Pace::capture) stage.duration_ns = UINT64_MAX / 4;
  return {};
}

Outcome set_exchanges(LoadSettings& settings, const LoadOptions& options) {
  ExchangeSettings& exchanges = settings.exchanges;
  const bool steps = settings.search || !settings.ramp.empty();
  const std::string& timeout = options.timeout.empty() ? (steps ? "1s" : "5s") : options.timeout;
  if (auto set = set_duration(exchanges.timeout_ns, "--timeout", timeout); !set) return set;
  exchanges.repeats = options.duplicates;
  exchanges.repeat_answered = options.duplicate_when == "answered";
  exchanges.burst = options.burst;
  exchanges.open_sessions = options.open_sessions;
  if (exchanges.open_sessions == 0) {
    exchanges.open_sessions =
        settings.workload.method == Method::accounting ? kOpenAccountingSessions : 1;
  }
  if (options.retransmit.empty()) return {};
  const std::string_view text = options.retransmit;
  const std::size_t comma = std::min(text.find(','), text.size());
  if (auto set = set_duration(exchanges.resend_after_ns, "--retransmit", text.substr(0, comma));
      !set) {
    return set;
  }
  const auto count = comma == text.size() ? std::optional<std::uint8_t>(3)
                                          : parse_number<std::uint8_t>(text.substr(comma + 1));
  if (!count || *count == 0 || exchanges.resend_after_ns == 0) {
    return std::unexpected("--retransmit: not a time and a count from 1 to 255, as in 2s,3");
  }
  exchanges.resends = *count;
  return {};
}

Outcome set_clients(LoadSettings& settings, const LoadOptions& options) {
  const auto target =
      Endpoint::parse(options.target, settings.workload.method == Method::accounting ? 1813 : 1812);
  if (!target) return std::unexpected("--target: " + target.error());
  if (target->port == 0) return std::unexpected("--target: a port is missing");
  settings.target = *target;
  if (!options.source_network.empty()) {
    const auto network = Prefix::parse(options.source_network);
    if (!network) return std::unexpected("--source-network: " + network.error());
    settings.source_network = *network;
  }
  if (std::uint64_t{options.clients} * options.ports > kMaxSockets) {
    return std::unexpected(fmt::format("--clients times --ports: at most {} sockets", kMaxSockets));
  }
  settings.clients = options.clients;
  settings.ports = options.ports;
  settings.threads = options.threads;
  settings.cores = options.cores;
  settings.gso = options.gso;
  settings.show_progress = !options.quiet;
  return {};
}

}  // namespace

std::expected<std::uint64_t, std::string> parse_duration_ns(std::string_view text) {
  constexpr std::uint64_t kMaxUs = 3'600'000'000;
  if (text.ends_with("us")) {
    const auto us = parse_number<std::uint64_t>(text.substr(0, text.size() - 2));
    if (us && *us <= kMaxUs) return *us * 1000;
  }
  const auto ms = parse_duration_ms(text);
  if (!ms) return std::unexpected(ms.error());
  return *ms * 1'000'000;
}

std::expected<std::vector<double>, std::string> parse_ramp(std::string_view text) {
  std::vector<double> numbers;
  for (std::string_view rest = text; numbers.size() < 4;) {
    const std::size_t colon = std::min(rest.find(':'), rest.size());
    const auto number = parse_number<double>(rest.substr(0, colon));
    if (!number || !std::isfinite(*number) || *number <= 0) break;
    numbers.push_back(*number);
    if (colon == rest.size()) break;
    rest.remove_prefix(colon + 1);
  }
  if (numbers.size() != 3 || std::ranges::count(text, ':') != 2) {
    return std::unexpected(fmt::format(
        "{} is not first:last:step in requests a second, as in 10000:200000:10000", text));
  }
  const double first = numbers[0];
  const double last = numbers[1];
  const double step = numbers[2];
  if (last < first || (last - first) / step >= static_cast<double>(kMaxRampSteps)) {
    return std::unexpected(fmt::format("{} has no steps, or more than {}", text, kMaxRampSteps));
  }
  const auto steps = static_cast<std::size_t>((last - first) / step + 1e-9) + 1;
  std::vector<double> rates(steps);
  for (std::size_t i = 0; i < steps; ++i) rates[i] = first + step * static_cast<double>(i);
  return rates;
}

std::expected<LoadSettings, std::string> settings_of(const LoadOptions& options) {
  LoadSettings settings;
  for (const auto set : {set_workload, set_clients, set_pace, set_exchanges}) {
    if (auto outcome = set(settings, options); !outcome) return std::unexpected(outcome.error());
  }
  return settings;
}

}  // namespace sallyport::lab
