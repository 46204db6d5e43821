// sallyport-lab: the command line. What the commands do is in simulators/ and demo/.

#include <csignal>
#include <expected>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "bench/command.h"
#include "bench/demo/demo.h"
#include "bench/load/command.h"
#include "bench/relay/command.h"
#include "bench/report/command.h"
#include "bench/simulators/radius_command.h"
#include "bench/simulators/simulate.h"
#include "bench/verify/command.h"

namespace sallyport::lab {
namespace {

constexpr const char* kNotakeyFooter = R"(
Behaviours: ask (the phone page decides), approve[:2s], deny[:2s], expire, never (polls hang),
unknown, no-device. A name that ends in * is a prefix.
Faults: CALL:FAULT[=VALUE][,count=N][,probability=P][,retry-after=S] with CALL one of create, poll,
token, service, any and FAULT one of status=503, slow=200ms, cut, cut-after, cut-middle, hang,
bad-json, wrong-uuid, wrong-username, unknown-response, refuse-token=401.
At run time: GET /lab/stats, GET and DELETE /lab/requests, GET, POST and DELETE /lab/faults,
POST /lab/users {"alice":"deny:1s"}, DELETE /lab/tokens.
A fault there is {"call":"poll","kind":"status","status":429,"count":3}; others of its members are
retry_after_s, delay_ms and probability, and kinds are the FAULTs above.

Example:
  sallyport-lab simulate notakey --user alice=approve:2s --fault poll:status=429,count=3)";

void add_simulate_notakey(CLI::App& simulate, SimulateNotakeyOptions& options, Chosen& chosen) {
  CLI::App* app =
      simulate.add_subcommand("notakey", "The Notakey service, v2 and v3, with a phone page");
  app->add_option("--listen", options.listen,
                  "API and phone page, address:port; port 0 takes a free one")
      ->capture_default_str();
  app->add_flag("--tls", options.tls, "TLS with HTTP/2; the phone page moves to --phone-listen");
  app->add_option("--phone-listen", options.phone_listen, "One more listener, always plain");
  CLI::Option* key = app->add_option("--key", options.key_file, "Private key, PEM");
  app->add_option("--certificate", options.certificate_file,
                  "Certificate chain, PEM; without it one is made")
      ->needs(key);
  app->add_option("--write-ca", options.write_ca_file,
                  "Writes the made certificate here, for the client to trust");
  app->add_option("--access-id", options.access_id,
                  "Access id (v2) or service id (v3); without it any is taken");
  app->add_option("--client-id", options.client_id, "OAuth client (v3); without it any is taken");
  app->add_option("--client-secret", options.client_secret, "Secret of the OAuth client");
  app->add_option("--script", options.script_file, "File with a name=behaviour on each line");
  app->add_option("--user", options.users, "name=behaviour; may be repeated");
  app->add_option("--default", options.default_behaviour, "Behaviour of all others")
      ->capture_default_str();
  app->add_option("--hold", options.hold,
                  "How long a poll of a pending request is held (long poll)")
      ->capture_default_str();
  app->add_option("--token-lifetime", options.token_lifetime, "Of access tokens (v3)")
      ->capture_default_str();
  app->add_option("--fault", options.faults, "Scripted fault; may be repeated");
  app->add_option("--seed", options.seed, "Of faults that strike by chance")->capture_default_str();
  app->add_option("--max-streams", options.max_streams, "Open requests on one HTTP/2 connection")
      ->capture_default_str();
  app->footer(kNotakeyFooter);
  app->callback([&] { chosen = [&] { return simulate_notakey(options); }; });
}

void add_demo(CLI::App& lab, DemoOptions& options, Chosen& chosen) {
  CLI::App* app = lab.add_subcommand(
      "demo", "The real sallyport between both simulators, to try in the browser");
  app->add_option("--sallyport", options.sallyport,
                  "The daemon's binary (default: beside this one)");
  app->add_option("--port-base", options.port_base,
                  "First of four ports: RADIUS, downstream, phone, metrics (default: free ones)");
  app->add_flag("--once,--self-test", options.once,
                "One login, approved through the phone page, then the end");
  app->callback([&] { chosen = [&] { return run_demo(options); }; });
}

int run(int argc, char** argv) {
  CLI::App lab("sallyport-lab: demo, simulators and benchmarks for sallyport", "sallyport-lab");
  lab.set_version_flag("--version", SALLYPORT_VERSION);
  lab.require_subcommand(1);
  Chosen chosen;
  CLI::App* simulate = lab.add_subcommand("simulate", "One of the servers that sallyport talks to");
  simulate->require_subcommand(1);
  SimulateNotakeyOptions notakey;
  DemoOptions demo;
  add_simulate_notakey(*simulate, notakey, chosen);
  add_simulate_radius(*simulate, chosen);
  add_demo(lab, demo, chosen);
  CLI::App* bench = lab.add_subcommand("bench", "Load, and what load is measured against");
  bench->require_subcommand(1);
  add_bench_radius(*bench, chosen);
  add_bench_relay(*bench, chosen);
  add_bench_report(*bench, chosen);
  add_bench_verify(*bench, chosen);
  CLI11_PARSE(lab, argc, argv);

  std::signal(SIGPIPE, SIG_IGN);
  const std::expected<void, std::string> outcome = chosen();
  if (outcome) return 0;
  fmt::print(stderr, "sallyport-lab: {}\n", outcome.error());
  return 1;
}

}  // namespace
}  // namespace sallyport::lab

int main(int argc, char** argv) { return sallyport::lab::run(argc, argv); }
