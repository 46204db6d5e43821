#include "engine/daemon/run.h"

#include <chrono>
#include <cstdio>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "engine/config/load.h"
#include "engine/config/ntkp.h"
#include "engine/config/report.h"
#include "engine/daemon/daemon.h"
#include "engine/daemon/service_manager.h"
#include "engine/daemon/signals.h"
#include "engine/log/log.h"

namespace sallyport::daemon {
namespace {

/// For answers still owed when we are told to stop. Container engines kill after 10 s.
constexpr std::chrono::milliseconds kStopGrace{8'000};

using LoadResult = std::expected<config::Loaded, std::vector<config::Mistake>>;

LoadResult load(const config::RunCommand& command) {
  return command.config_path ? config::load_file(*command.config_path)
                             : config::from_ntkp(command.ntkp);
}

/// What we create is ours alone, and there are descriptors for every shard, source port and API
/// connection: the soft limit of 1024 is for programs that use select().
void prepare_process() {
  ::umask(077);
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

/// SIGHUP: the log file anew, then the configuration, all or nothing.
void reload(const config::RunCommand& command, Daemon& daemon, log::Log& log) {
  if (const auto reopened = log.reopen(); !reopened)
    spdlog::error("reload: {}: still writing to the old one", reopened.error());
  const LoadResult loaded = load(command);
  if (!loaded) {
    for (const config::Mistake& mistake : loaded.error())
      spdlog::error("reload: {}", mistake.text());
    spdlog::error("reload: refused, the old configuration stays");
    return;
  }
  for (const config::Mistake& warning : loaded->warnings)
    spdlog::warn("reload: {}", warning.text());
  if (const auto taken = daemon.reload(loaded->config); !taken)
    spdlog::error("reload: refused, the old configuration stays: {}", taken.error());
  else
    spdlog::info("reload: done: {}", config::summary(loaded->config));
}

void serve(const config::RunCommand& command, Daemon& daemon, log::Log& log, Signals& signals) {
  ServiceManager manager;
  const std::string where = daemon.listening_text();
  spdlog::info("ready: {}", where);
  manager.ready(where);
  for (;;) {
    switch (signals.wait(manager.alive_every())) {
      case Signal::none: manager.alive(); break;
      case Signal::reload:
        manager.reloading();
        reload(command, daemon, log);
        manager.ready(where);
        break;
      case Signal::stop:
        spdlog::info("stopping: no new request is taken");
        manager.stopping();
        signals.next_stop_is_final();
        daemon.stop(kStopGrace);
        spdlog::info("stopped");
        return;
    }
  }
}

ExitStatus cannot_start(std::string_view why) {
  fmt::print(stderr, "sallyport: {}\n", why);
  return kExitNoStart;
}

}  // namespace

ExitStatus run(const config::RunCommand& command) {
  Signals signals;
  prepare_process();
  const LoadResult loaded = load(command);
  if (!loaded) {
    fmt::print(stderr, "{}", config::mistakes_text(loaded.error()));
    return kExitNotOk;
  }
  auto log = log::Log::start(loaded->config.log);
  if (!log) return cannot_start(log.error());
  for (const std::string& warning : command.warnings) spdlog::warn("{}", warning);
  for (const config::Mistake& warning : loaded->warnings) spdlog::warn("{}", warning.text());
  spdlog::info("sallyport {} starts: {}", SALLYPORT_VERSION, config::summary(loaded->config));
  for (const std::string& line : config::redacted_lines(loaded->config)) spdlog::debug("{}", line);

  auto daemon = Daemon::start(loaded->config, **log);
  if (!daemon) {
    // To the log for whoever reads it later; to standard error for whoever waits for us now.
    if (!loaded->config.log.file.empty()) spdlog::critical("cannot start: {}", daemon.error());
    log->reset();
    return cannot_start(daemon.error());
  }
  serve(command, **daemon, **log, signals);
  return kExitOk;
}

}  // namespace sallyport::daemon
