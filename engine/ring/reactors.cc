#include "engine/ring/reactors.h"

#include <algorithm>

#include <sched.h>

#include "protocol/check.h"

namespace sallyport::ring {
namespace {

/// The cores that this process may use: a cpuset or a container may leave us few.
std::vector<unsigned> allowed_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<unsigned> cores;
  if (::sched_getaffinity(0, sizeof(set), &set) == 0) {
    for (unsigned core = 0; core < CPU_SETSIZE; ++core) {
      if (CPU_ISSET(core, &set)) cores.push_back(core);
    }
  }
  if (cores.empty()) cores.push_back(0);
  return cores;
}

/// A shard shares its core with no other thread of ours where there are more cores than shards:
/// what computes for milliseconds (verify) would hold up datagrams for as long. Threads inherit it
/// from the one that starts them; the shards go to their own cores by themselves.
void leave_cores_to_shards(const std::vector<unsigned>& cores, std::size_t shards) {
  if (cores.size() <= shards) return;
  cpu_set_t others;
  CPU_ZERO(&others);
  for (std::size_t i = shards; i < cores.size(); ++i) CPU_SET(cores[i], &others);
  static_cast<void>(::sched_setaffinity(0, sizeof(others), &others));  // refused: slower, not wrong
}

}  // namespace

std::expected<std::unique_ptr<Reactors>, std::string> Reactors::open(const ReactorsPlan& plan) {
  const std::vector<unsigned> cores = allowed_cores();
  const std::size_t count =
      std::clamp<std::size_t>(plan.shards == 0 ? cores.size() : plan.shards, 1, plan.most);
  std::unique_ptr<Reactors> reactors(new Reactors);
  for (std::size_t shard = 0; shard < count; ++shard) {
    ReactorPlan own{.name = "shard-" + std::to_string(shard), .ring = plan.ring, .core = {}};
    if (plan.pin) own.core = cores[shard % cores.size()];
    auto reactor = Reactor::open(std::move(own));
    if (!reactor) return std::unexpected(reactor.error());
    reactors->reactors_.push_back(std::move(*reactor));
  }
  if (plan.pin) leave_cores_to_shards(cores, count);
  return reactors;
}

Reactors::~Reactors() { stop(); }

void Reactors::start() {
  CHECK(!running_);
  running_ = true;
  for (const auto& reactor : reactors_) reactor->start();
}

void Reactors::stop() {
  if (!running_) return;
  running_ = false;
  for (const auto& reactor : reactors_) reactor->stop();
  for (const auto& reactor : reactors_) reactor->join();
}

}  // namespace sallyport::ring
