#include "bench/relay/command.h"

#include <csignal>
#include <memory>
#include <vector>

#include <CLI/CLI.hpp>

#include "bench/relay/relay.h"
#include "bench/simulators/signals.h"

namespace sallyport::lab {
namespace {

struct RelayOptions {
  std::string listen = "127.0.0.1:0";
  std::string to;
  std::uint32_t ports = 256;
  unsigned threads = 1;
  std::vector<unsigned> cpus;
};

std::expected<void, std::string> run_relay(const RelayOptions& options) {
  const Signals signals;
  const auto listen = Endpoint::parse(options.listen, 0);
  if (!listen) return std::unexpected("--listen: " + listen.error());
  const auto to = Endpoint::parse(options.to, 1812);
  if (!to) return std::unexpected("--to: " + to.error());
  const auto relay = Relay::start({.listen = *listen,
                                   .to = *to,
                                   .ports = options.ports,
                                   .threads = options.threads,
                                   .cpus = options.cpus});
  if (!relay) return std::unexpected(relay.error());
  print_line(R"({"listening":")" + relay->listening().text() + R"("})");
  while (signals.wait() == SIGUSR1) print_line(relay->json());
  print_line(relay->json());
  return {};
}

}  // namespace

void add_bench_relay(CLI::App& bench, Chosen& chosen) {
  const auto options = std::make_shared<RelayOptions>();
  CLI::App* app = bench.add_subcommand(
      "relay", "Moves datagrams as the daemon does, with no RADIUS work: the wall");
  app->add_option("--listen", options->listen, "address:port; port 0 takes a free one")
      ->capture_default_str();
  app->add_option("--to", options->to, "Downstream, address:port")->required();
  app->add_option("--ports", options->ports,
                  "Source ports of each thread: one for each address and port of a client")
      ->check(CLI::Range(1U, 16'384U))
      ->capture_default_str();
  app->add_option("--threads", options->threads, "Datagrams go to thread Identifier mod threads")
      ->check(CLI::Range(1U, 64U))
      ->capture_default_str();
  app->add_option("--pin", options->cpus, "CPU of each thread, with commas between")
      ->delimiter(',');
  app->footer("SIGUSR1 prints counts and CPU seconds as a line of JSON; so does the end.");
  app->callback([options, &chosen] { chosen = [options] { return run_relay(*options); }; });
}

}  // namespace sallyport::lab
