#include "engine/http/upstreams.h"

#include <algorithm>
#include <utility>

#include "engine/http/door.h"

namespace sallyport::http_door {

Upstreams::Upstreams(Door& door, bool probes)
    : door_(door), probes_(probes ? std::make_unique<Probes>(door) : nullptr) {}

void Upstreams::take_over(const std::shared_ptr<const DoorSettings>& settings) {
  std::vector<std::shared_ptr<UpstreamPool>> next;
  for (std::uint32_t index = 0; index < settings->pools.size(); ++index) {
    const auto before = std::ranges::find_if(pools_, [&](const auto& pool) {
      return pool->settings().config.name == settings->pools[index].config.name;
    });
    if (before != pools_.end() && (*before)->same_as(*settings, index)) {
      next.push_back(*before);
      continue;
    }
    next.push_back(std::make_shared<UpstreamPool>(
        door_, settings, index, before == pools_.end() ? nullptr : before->get()));
  }
  if (probes_ != nullptr) probes_->stop();
  std::swap(pools_, next);
  for (const auto& pool : next) {
    if (std::ranges::find(pools_, pool) == pools_.end()) pool->retire();
  }
  if (probes_ != nullptr) probes_->take_over(pools_);
}

void Upstreams::retire() {
  if (probes_ != nullptr) probes_->stop();
  for (const auto& pool : pools_) pool->retire();
}

void Upstreams::probe_timer() {
  if (probes_ != nullptr) probes_->timer();
}

}  // namespace sallyport::http_door
