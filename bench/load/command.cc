#include "bench/load/command.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "bench/load/load_options.h"
#include "bench/load/load_report.h"
#include "bench/load/radius_load.h"
#include "bench/simulators/simulate.h"

namespace sallyport::lab {
namespace {

constexpr const char* kFooter = R"(
Every answer is checked: Identifier, Response Authenticator, Message-Authenticator, the user where
the answer names one, and the verdict. A wrong answer ends the run with exit status 1.

Examples:
  sallyport-lab bench radius --target 127.0.0.1:1812 --secret-file s --password-file p --rate 20000
  sallyport-lab bench radius --target 127.0.0.1:1812 --secret-file s --password-file p \
      --search --max-p99 5ms --clients 1000 --ports 4 --json result.json)";

/// How this process was called. The options name files of secrets, never secrets.
std::vector<std::string> own_command() {
  std::vector<std::string> words;
  const auto text = read_file("/proc/self/cmdline");
  if (!text) return words;
  for (std::size_t begin = 0; begin < text->size();) {
    const std::size_t end = std::min(text->find('\0', begin), text->size());
    words.push_back(text->substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

std::expected<void, std::string> bench_radius(const LoadOptions& options) {
  const auto settings = settings_of(options);
  if (!settings) return std::unexpected(settings.error());
  std::ofstream file;
  if (!options.json_file.empty() && options.json_file != "-") {
    file.open(options.json_file);  // now: not after a long run
    if (!file) {
      return std::unexpected(
          fmt::format("--json: {}: {}", options.json_file, std::strerror(errno)));
    }
  }
  auto load = RadiusLoad::open(*settings);
  if (!load) return std::unexpected(load.error());
  const LoadResult result = (*load)->run();
  const std::string json = load_report_json(*settings, result, own_command());
  if (file.is_open()) {
    file << json << std::flush;
    if (!file) {
      return std::unexpected(
          fmt::format("--json: {}: {}", options.json_file, std::strerror(errno)));
    }
  }
  fmt::print("{}", options.json_file == "-" ? json : load_report_text(*settings, result));
  if (result.failure) return std::unexpected(*result.failure);
  return {};
}

void add_pace(CLI::App& app, LoadOptions& options) {
  app.add_option("--rate", options.rate,
                 "Open loop: requests a second; latency counts from the intended time")
      ->check(CLI::Range(0.001, 1e8));
  app.add_option("--window", options.window, "Closed loop: requests under way at any time")
      ->check(CLI::Range(1u, 1u << 24));
  app.add_flag("--search", options.search,
               "The highest rate within --max-loss and --max-p99, from --rate (10000) on");
  app.add_option("--ramp", options.ramp, "first:last:step, rates one after the other");
  app.add_option("--step", options.step, "Of a ramp or search: how long a rate is measured")
      ->capture_default_str();
  app.add_option("--duration", options.duration, "How long is measured")->capture_default_str();
  app.add_option("--warm-up", options.warm_up, "Before that, not counted")->capture_default_str();
  app.add_option("--requests", options.requests, "Ends after so many; without warm-up");
  app.add_option("--max-p99", options.max_p99, "What a rate that is held keeps to")
      ->capture_default_str();
  app.add_option("--max-loss", options.max_loss, "The same, as a share")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--max-rate", options.max_rate, "Where a search ends")
      ->check(CLI::Range(10.0, 1e8))
      ->capture_default_str();
  app.add_option("--timeout", options.timeout,
                 "Unanswered so long after the last transmission: lost (default: 5s; of a ramp or "
                 "search 1s)");
}

void add_clients(CLI::App& app, LoadOptions& options) {
  app.add_option("--clients", options.clients, "Source addresses")
      ->check(CLI::Range(1u, 65'536u))
      ->capture_default_str();
  app.add_option("--source-network", options.source_network,
                 "They are taken from it (default for a loopback target: 127.0.0.0/8)");
  app.add_option("--ports", options.ports, "Source ports of each; 256 requests under way on each")
      ->check(CLI::Range(1u, 65'536u))
      ->capture_default_str();
  app.add_option("--burst", options.burst, "Requests of one port, one after the other")
      ->check(CLI::Range(1u, 256u))
      ->capture_default_str();
  app.add_option("--duplicates", options.duplicates,
                 "How often a request is sent again, on average")
      ->check(CLI::Range(0.0, 1000.0))
      ->capture_default_str();
  app.add_option("--duplicate-when", options.duplicate_when,
                 "at-once: behind the request; answered: behind its answer")
      ->check(CLI::IsMember({"at-once", "answered"}))
      ->capture_default_str();
  app.add_option("--retransmit", options.retransmit,
                 "time,count: unanswered requests are sent again (RFC 2865 section 2.5)");
}

void add_workload(CLI::App& app, LoadOptions& options) {
  app.add_option("--method", options.method,
                 "pap, chap, mschapv2, eap-md5, accounting, coa, disconnect, status-server or "
                 "replay:FILE (a pcap, at its own pace when none is given)")
      ->capture_default_str();
  app.add_option("--users", options.users, "Names that take turns")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 40))
      ->capture_default_str();
  app.add_option("--user-pattern", options.user_pattern, "%07u: the user's number in seven digits")
      ->capture_default_str();
  app.add_option("--password-file", options.password_file, "File with the password of all users");
  app.add_option("--capture-secret-file", options.capture_secret_file,
                 "Secret of a replayed capture, to hide its passwords anew");
  app.add_option("--expect", options.expect, "The right verdict")
      ->check(CLI::IsMember({"accept", "reject", "any"}))
      ->capture_default_str();
  app.add_option("--request-octets", options.request_octets, "Exact length of a first request");
  app.add_flag("--no-message-authenticator", options.unsigned_requests,
               "Access-Requests have none (EAP's always do)");
  app.add_flag("--unsigned-answers", options.unsigned_answers,
               "Access replies need no Message-Authenticator");
  app.add_option("--interims", options.interims, "Interim-Updates of an accounting session")
      ->capture_default_str();
  app.add_option("--sessions", options.open_sessions,
                 "Open at any time, of methods with several requests (default: 1; accounting: "
                 "1000)");
  app.add_option("--presigned", options.presigned,
                 "Requests made in advance, so that sending costs no hashing");
  app.add_option("--seed", options.seed, "Of authenticators and challenges")->capture_default_str();
}

}  // namespace

void add_bench_radius(CLI::App& bench, Chosen& chosen) {
  CLI::App* app = bench.add_subcommand("radius", "RADIUS load; every answer is checked");
  const auto options = std::make_shared<LoadOptions>();
  app->add_option("--target", options->target, "address:port of the server")->required();
  app->add_option("--secret-file", options->secret_file, "File that holds the shared secret")
      ->required();
  add_pace(*app, *options);
  add_workload(*app, *options);
  add_clients(*app, *options);
  app->add_flag("--gso", options->gso, "UDP GSO: bursts of equal length go as one; see --burst");
  app->add_option("--threads", options->threads, "Each with its ring and its share of the sockets")
      ->check(CLI::Range(1u, 256u))
      ->capture_default_str();
  app->add_option("--pin", options->cores, "CPUs of the threads")->delimiter(',');
  app->add_option("--json", options->json_file, "Writes the result here; - is standard output");
  app->add_flag("--quiet", options->quiet, "No progress on standard error");
  app->footer(kFooter);
  app->callback([options, &chosen] { chosen = [options] { return bench_radius(*options); }; });
}

}  // namespace sallyport::lab
