#include "bench/relay/relay.h"

#include <algorithm>

#include <fmt/format.h>
#include <sys/resource.h>

#include "bench/simulators/socket_group.h"
#include "protocol/check.h"

namespace sallyport::lab {
namespace {

/// Each source port is one descriptor.
void allow_files(std::uint64_t files) {
  rlimit limit{};
  CHECK(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = std::max(limit.rlim_cur, std::min<rlim_t>(files, limit.rlim_max));
  CHECK(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

std::expected<Relay, std::string> Relay::start(const RelaySettings& settings) {
  if (settings.listen.address.is_any()) {
    return std::unexpected(fmt::format("cannot listen on {}: give one address of this machine",
                                       settings.listen.text()));
  }
  constexpr std::uint64_t kOtherFiles = 64;  // rings, eventfds, standard streams
  allow_files(std::uint64_t{settings.threads} * (settings.ports + 1) + kOtherFiles);
  const auto group = open_socket_group(settings.listen, settings.threads);
  if (!group) return std::unexpected(group.error());
  Relay relay;
  relay.listening_ = group->bound;
  for (const ring::FileDescriptor& listener : group->sockets) {
    std::vector<ring::FileDescriptor> downstream;
    while (downstream.size() < settings.ports) {
      auto port = open_connected(settings.to);
      if (!port) return std::unexpected(port.error());
      downstream.push_back(std::move(*port));
    }
    auto thread = RelayThread::open(listener, downstream);
    if (!thread) return std::unexpected(thread.error());
    relay.threads_.push_back(std::move(*thread));
  }
  for (std::size_t i = 0; i < relay.threads_.size(); ++i) {
    relay.threads_[i]->start(settings.cpus.empty()
                                 ? std::nullopt
                                 : std::optional(settings.cpus[i % settings.cpus.size()]));
  }
  return relay;
}

std::string Relay::json() const {
  const auto total = [this](std::atomic<std::uint64_t> RelayCounts::* member) {
    std::uint64_t sum = 0;
    for (const auto& thread : threads_) sum += (thread->counts().*member).load();
    return sum;
  };
  const std::uint64_t requests = total(&RelayCounts::requests);
  const std::uint64_t replies = total(&RelayCounts::replies);
  const std::uint64_t turns = total(&RelayCounts::turns);
  rusage usage{};
  CHECK(::getrusage(RUSAGE_SELF, &usage) == 0);
  const double cpu_s = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  const auto share = [](double part, std::uint64_t of) {
    return of == 0 ? 0.0 : part / static_cast<double>(of);
  };
  return fmt::format(
      R"({{"requests":{},"replies":{},"strays":{},"send_errors":{},"taken_over":{},"starved":{},)"
      R"("turns":{},"mean_batch":{:.2f},"user_s":{:.6f},"system_s":{:.6f},"cpu_s":{:.6f},)"
      R"("cpu_us_per_exchange":{:.4f}}})",
      requests, replies, total(&RelayCounts::strays), total(&RelayCounts::send_errors),
      total(&RelayCounts::taken_over), total(&RelayCounts::starved), turns,
      share(static_cast<double>(requests + replies), turns), seconds(usage.ru_utime),
      seconds(usage.ru_stime), cpu_s, share(cpu_s * 1e6, replies));
}

}  // namespace sallyport::lab
