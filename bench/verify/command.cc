#include "bench/verify/command.h"

#include <memory>

#include <CLI/CLI.hpp>
#include <spdlog/spdlog.h>

#include "bench/verify/pending.h"
#include "bench/verify/transfers.h"

namespace sallyport::lab {
namespace {

void add_pending(CLI::App& verify, Chosen& chosen) {
  const auto options = std::make_shared<PendingOptions>();
  CLI::App* app = verify.add_subcommand(
      "pending", "Memory and polling CPU of verifications that wait for their users");
  app->add_option("--pending", options->pending, "How many wait at once")
      ->check(CLI::Range(1U, 1'000'000U))
      ->capture_default_str();
  app->add_option("--mode", options->mode,
                  "interval: the server answers each poll at once; held: when there is an answer")
      ->check(CLI::IsMember({"interval", "held"}))
      ->capture_default_str();
  app->add_option("--rate", options->rate, "Questions a second")
      ->check(CLI::Range(1U, 1'000'000U))
      ->capture_default_str();
  app->add_option("--threads", options->threads, "Verify threads")
      ->check(CLI::Range(1U, 64U))
      ->capture_default_str();
  app->add_option("--steady", options->steady, "How long they are watched once all wait")
      ->capture_default_str();
  app->add_option("--json", options->json_file, "File for the result");
  app->callback([options, &chosen] { chosen = [options] { return bench_pending(*options); }; });
}

void add_transfers(CLI::App& verify, Chosen& chosen) {
  const auto options = std::make_shared<TransfersOptions>();
  CLI::App* app = verify.add_subcommand(
      "transfers", "CPU per HTTPS transfer, beside a bare libcurl program making the same calls");
  app->add_option("--verifications", options->verifications,
                  "Approved in each round; a create and a poll each")
      ->check(CLI::Range(1U, 100'000'000U))
      ->capture_default_str();
  app->add_option("--concurrency", options->concurrency, "Verifications at once")
      ->check(CLI::Range(1U, 2'000U))
      ->capture_default_str();
  app->add_option("--rounds", options->rounds, "Of each system, in turns")
      ->check(CLI::Range(1U, 1'000U))
      ->capture_default_str();
  CLI::Option* bare = app->add_flag("--bare", options->bare, "Only the bare program");
  app->add_flag("--pool", options->pool, "Only the pool")->excludes(bare);
  app->add_option("--json", options->json_file, "File for the result");
  app->callback([options, &chosen] { chosen = [options] { return bench_transfers(*options); }; });
}

}  // namespace

void add_bench_verify(CLI::App& bench, Chosen& chosen) {
  CLI::App* verify = bench.add_subcommand("verify", "What verifications cost (Notakey simulator)");
  verify->require_subcommand(1);
  // That the simulator answers is no news here.
  verify->preparse_callback([](std::size_t) { spdlog::set_level(spdlog::level::warn); });
  add_pending(*verify, chosen);
  add_transfers(*verify, chosen);
}

}  // namespace sallyport::lab
