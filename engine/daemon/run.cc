#include "engine/daemon/run.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <expected>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/config/load.h"
#include "engine/config/ntkp.h"
#include "engine/config/report.h"
#include "engine/daemon/daemon.h"
#include "engine/daemon/service_manager.h"
#include "engine/daemon/signals.h"
#include "engine/daemon/takeover.h"
#include "engine/log/log.h"

namespace sallyport::daemon {
namespace {

/// For answers still owed when we are told to stop. Container engines kill after 10 s.
constexpr std::chrono::milliseconds kStopGrace{8'000};

/// For what came at the very end of the time in which another process might hand something back.
constexpr std::chrono::milliseconds kLastGrace{500};

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
  if (const auto reopened = log.reopen(); !reopened) {
    const std::string why =
        fmt::format("reload: {}: still writing to the old one", reopened.error());
    spdlog::error(why);
    log.output().tell_beside(why);  // the old one may have no name any more
  }
  LoadResult loaded = load(command);
  if (!loaded) {
    for (const config::Mistake& mistake : loaded.error())
      spdlog::error("reload: {}", mistake.text());
    spdlog::error("reload: refused, the old configuration stays");
    return;
  }
  for (const config::Mistake& warning : loaded->warnings)
    spdlog::warn("reload: {}", warning.text());
  const std::string summary = config::summary(loaded->config);
  if (const auto taken = daemon.reload(std::move(loaded->config)); !taken)
    spdlog::error("reload: refused, the old configuration stays: {}", taken.error());
  else
    spdlog::info("reload: done: {}", summary);
}

/// The path of this program as it is now: after an upgrade there is another file behind it.
std::string own_program() {
  std::array<char, 4096> path;
  const ssize_t octets = ::readlink("/proc/self/exe", path.data(), path.size());
  return octets > 0 ? std::string(path.data(), static_cast<std::size_t>(octets)) : std::string();
}

struct Upgrade {
  std::string program;                       ///< where it was when we started
  std::unique_ptr<Predecessor> predecessor;  ///< whom we took over from; null: nobody
};

/// SIGUSR2. False: all is as it was, and the log says why.
bool hand_over(const config::RunCommand& command, const Upgrade& upgrade, Daemon& daemon,
               ServiceManager& manager) {
  const auto refused = [](std::string_view why) {
    spdlog::error("upgrade: refused, this process goes on: {}", why);
    return false;
  };
  if (::getpid() == 1) return refused("it is the first process of a container, which ends with it");
  if (!command.config_path) return refused("it was started without --config");
  if (upgrade.predecessor && upgrade.predecessor->alive())
    return refused("the process before it still answers what it remembers: try again later");
  spdlog::info("upgrade: {} is started to take over", upgrade.program);
  const auto successor =
      daemon.hand_over(upgrade.program, *command.config_path, [&manager] { manager.alive(); });
  if (!successor) return refused(successor.error());
  manager.handed_to(*successor);
  spdlog::info("upgrade: process {} has taken over, this one answers what it remembers",
               *successor);
  return true;
}

void serve(const config::RunCommand& command, const Upgrade& upgrade, Daemon& daemon, log::Log& log,
           Signals& signals) {
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
      case Signal::upgrade:
        if (!hand_over(command, upgrade, daemon, manager)) break;
        signals.next_stop_is_final();
        daemon.outlive_memories();
        daemon.stop(kLastGrace);
        spdlog::info("stopped");
        return;
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

/// To whoever waits for us now, and to the process that we do not take over from.
ExitStatus cannot_start(std::string_view why, const Predecessor* predecessor = nullptr) {
  fmt::print(stderr, "sallyport: {}\n", why);
  if (predecessor != nullptr) predecessor->refuse(why);
  return kExitNoStart;
}

}  // namespace

ExitStatus run(const config::RunCommand& command) {
  Signals signals;
  prepare_process();
  Upgrade upgrade{.program = own_program(), .predecessor = {}};
  auto predecessor = Predecessor::find();
  if (!predecessor) return cannot_start(predecessor.error());
  upgrade.predecessor = std::move(*predecessor);
  const Predecessor* const before = upgrade.predecessor.get();
  LoadResult loaded = load(command);
  if (!loaded) {
    const std::string mistakes = config::mistakes_text(loaded.error());
    fmt::print(stderr, "{}", mistakes);
    if (before != nullptr) before->refuse(mistakes);
    return kExitNotOk;
  }
  auto log = log::Log::start(loaded->config.log);
  if (!log) return cannot_start(log.error(), before);
  for (const std::string& warning : command.warnings) spdlog::warn("{}", warning);
  for (const config::Mistake& warning : loaded->warnings) spdlog::warn("{}", warning.text());
  spdlog::info("sallyport {} starts: {}", SALLYPORT_VERSION, config::summary(loaded->config));
  for (const std::string& line : config::redacted_lines(loaded->config)) spdlog::debug("{}", line);

  if (upgrade.predecessor) {
    if (const auto given = upgrade.predecessor->receive(); !given)
      return cannot_start(given.error(), before);
  }
  const bool logs_to_file = !loaded->config.log.file.empty();
  auto daemon = Daemon::start(std::move(loaded->config), **log, upgrade.predecessor.get());
  if (!daemon) {
    // To the log for whoever reads it later; to standard error for whoever waits for us now.
    if (logs_to_file) spdlog::critical("cannot start: {}", daemon.error());
    log->reset();
    return cannot_start(daemon.error(), before);
  }
  serve(command, upgrade, **daemon, **log, signals);
  return (*daemon)->lost_audit() == 0 ? kExitOk : kExitLostAudit;
}

}  // namespace sallyport::daemon
