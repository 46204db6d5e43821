#include "bench/simulators/radius_simulator.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include "bench/simulators/socket_group.h"
#include "protocol/check.h"

namespace sallyport::lab {

std::expected<std::unique_ptr<RadiusSimulator>, std::string> RadiusSimulator::start(
    RadiusSimulatorSettings settings) {
  auto group = open_socket_group(settings.listen, settings.threads);
  if (!group) return std::unexpected(group.error());
  std::unique_ptr<RadiusSimulator> simulator(new RadiusSimulator(std::move(settings)));
  simulator->listening_ = group->bound;
  const RadiusSimulatorSettings& kept = simulator->settings_;
  for (ring::FileDescriptor& socket : group->sockets) {
    const std::uint64_t seed = kept.seed + simulator->threads_.size();
    simulator->threads_.push_back(std::make_unique<RadiusThread>(
        std::move(socket), kept.times, kept.behaviour, simulator->users_, simulator->key_, seed));
  }
  for (std::size_t i = 0; i < simulator->threads_.size(); ++i) {
    simulator->threads_[i]->start(
        kept.cpus.empty() ? std::nullopt : std::optional(kept.cpus[i % kept.cpus.size()]));
  }
  return simulator;
}

RadiusSimulator::RadiusSimulator(RadiusSimulatorSettings settings)
    : settings_(std::move(settings)),
      users_(std::move(settings_.users), std::move(settings_.anybody)),
      key_(std::move(settings_.secret)) {}

std::uint64_t RadiusSimulator::count(RadiusCount count) const {
  std::uint64_t sum = 0;
  for (const auto& thread : threads_) sum += thread->counts().get(count);
  return sum;
}

std::string RadiusSimulator::json() const {
  std::string line = "{";
  for (std::size_t i = 0; i < kRadiusCountNames.size(); ++i)
    line += fmt::format(R"("{}":{},)", kRadiusCountNames[i], count(static_cast<RadiusCount>(i)));
  rusage usage{};
  CHECK(::getrusage(RUSAGE_SELF, &usage) == 0);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return line +
         fmt::format(R"("cpu_s":{:.6f}}})", seconds(usage.ru_utime) + seconds(usage.ru_stime));
}

}  // namespace sallyport::lab
