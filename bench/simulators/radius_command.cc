#include "bench/simulators/radius_command.h"

#include <algorithm>
#include <csignal>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "bench/simulators/radius_simulator.h"
#include "bench/simulators/signals.h"
#include "bench/simulators/simulate.h"
#include "bench/simulators/text.h"

namespace sallyport::lab {
namespace {

struct RadiusOptions {
  std::string listen = "127.0.0.1:0";
  std::string secret;
  std::string secret_file;
  std::string users_file;
  std::vector<std::string> users;
  bool any_user = false;
  std::string password;
  std::string password_file;
  std::string delay = "0";
  std::string jitter = "0";
  AnswerTimes times;
  RadiusBehaviour behaviour;
  std::uint64_t seed = 1;
  unsigned threads = 1;
  std::vector<unsigned> cpus;
};

using Text = std::expected<std::string, std::string>;

/// As it was written, or the file's first line.
Text text_or_file(const std::string& text, const std::string& file) {
  if (file.empty()) return text;
  auto content = read_file(file);
  if (!content) return content;
  return std::string(trim(std::string_view(*content).substr(0, content->find('\n'))));
}

/// A bare number counts milliseconds.
std::expected<std::uint64_t, std::string> read_delay(std::string_view option,
                                                     const std::string& text) {
  const bool bare = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  const auto ms = parse_duration_ms(bare ? text + "ms" : text);
  if (!ms) return std::unexpected(std::string(option) + ": " + ms.error());
  return *ms;
}

std::expected<UserPasswords, std::string> read_users(const RadiusOptions& options) {
  std::string lines;
  if (!options.users_file.empty()) {
    auto text = read_file(options.users_file);
    if (!text) return std::unexpected(text.error());
    lines = std::move(*text) + "\n";
  }
  for (const std::string& user : options.users) lines += user + "\n";
  auto users = parse_users(lines);
  if (!users) return std::unexpected("users: " + users.error());
  return users;
}

std::expected<RadiusSimulatorSettings, std::string> settings_of(const RadiusOptions& options) {
  const auto listen = Endpoint::parse(options.listen, 0);
  if (!listen) return std::unexpected("--listen: " + listen.error());
  const auto secret = text_or_file(options.secret, options.secret_file);
  if (!secret) return std::unexpected(secret.error());
  if (secret->empty()) return std::unexpected("the secret is empty");
  auto users = read_users(options);
  if (!users) return std::unexpected(users.error());
  RadiusSimulatorSettings settings = {.listen = *listen,
                                      .secret = Secret(*secret),
                                      .users = std::move(*users),
                                      .behaviour = options.behaviour,
                                      .times = options.times,
                                      .seed = options.seed,
                                      .threads = options.threads,
                                      .cpus = options.cpus};
  if (options.any_user) {
    const auto password = text_or_file(options.password, options.password_file);
    if (!password) return std::unexpected(password.error());
    if (password->empty()) return std::unexpected("--any-user needs --password or --password-file");
    settings.anybody = Secret(*password);
  }
  const auto delay_ms = read_delay("--delay", options.delay);
  if (!delay_ms) return std::unexpected(delay_ms.error());
  settings.times.delay_ms = *delay_ms;
  const auto jitter_ms = read_delay("--jitter", options.jitter);
  if (!jitter_ms) return std::unexpected(jitter_ms.error());
  settings.times.jitter_ms = *jitter_ms;
  return settings;
}

std::expected<void, std::string> simulate_radius(const RadiusOptions& options) {
  const Signals signals;
  auto settings = settings_of(options);
  if (!settings) return std::unexpected(settings.error());
  const auto simulator = RadiusSimulator::start(std::move(*settings));
  if (!simulator) return std::unexpected(simulator.error());
  print_line(R"({"listening":")" + (*simulator)->listening().text() + R"("})");
  while (signals.wait() == SIGUSR1) print_line((*simulator)->json());
  print_line((*simulator)->json());
  return {};
}

void add_who_may_log_in(CLI::App& app, RadiusOptions& options) {
  CLI::Option* secret = app.add_option("--secret", options.secret, "Shared secret of every client");
  app.add_option("--secret-file", options.secret_file, "File that holds it")->excludes(secret);
  app.add_option("--users", options.users_file, "File with a name and a password on each line");
  app.add_option("--user", options.users, "name=password; may be repeated");
  CLI::Option* any =
      app.add_flag("--any-user", options.any_user, "All other names have --password");
  CLI::Option* password =
      app.add_option("--password", options.password, "Of --any-user")->needs(any);
  app.add_option("--password-file", options.password_file, "File that holds it")
      ->needs(any)
      ->excludes(password);
}

void add_behaviour(CLI::App& app, RadiusOptions& options) {
  const CLI::Range share(0.0, 1.0);
  app.add_option("--delay", options.delay, "Before each answer: 5ms, 1s; a bare number is ms")
      ->capture_default_str();
  app.add_option("--jitter", options.jitter, "Up to so much more or less than --delay")
      ->capture_default_str();
  app.add_option("--reorder", options.times.reorder,
                 "Share of answers held back 2 ms, so that later ones overtake them")
      ->check(share);
  app.add_option("--loss", options.behaviour.loss, "Share of requests never answered")
      ->check(share);
  app.add_option("--reject-share", options.behaviour.reject_share,
                 "Share of good passwords rejected all the same, and of CoA answered with NAK")
      ->check(share);
  app.add_option("--seed", options.seed, "Of all that happens by chance")->capture_default_str();
  app.add_flag("--echo-user", options.behaviour.echo_user,
               "Access-Accept says Class = \"user:NAME\"");
  app.add_flag("--unchecked", options.behaviour.unchecked,
               "Requests are taken whatever their authenticators; passwords are still checked");
}

}  // namespace

void add_simulate_radius(CLI::App& simulate, Chosen& chosen) {
  const auto options = std::make_shared<RadiusOptions>();
  CLI::App* app = simulate.add_subcommand(
      "radius", "A RADIUS server: PAP, CHAP, MS-CHAPv2, EAP-MD5, accounting, and CoA as a NAS");
  app->add_option("--listen", options->listen, "address:port; port 0 takes a free one")
      ->capture_default_str();
  add_who_may_log_in(*app, *options);
  add_behaviour(*app, *options);
  app->add_option("--threads", options->threads, "Requests go to thread Identifier mod threads")
      ->check(CLI::Range(1U, 64U))
      ->capture_default_str();
  app->add_option("--pin", options->cpus, "CPU of each thread, with commas between")
      ->delimiter(',');
  app->footer("SIGUSR1 prints counts and CPU seconds as a line of JSON; so does the end.");
  app->callback([options, &chosen] { chosen = [options] { return simulate_radius(*options); }; });
}

}  // namespace sallyport::lab
