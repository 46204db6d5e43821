#include "engine/http/upstreams.h"

#include <algorithm>

#include "engine/http/door.h"

namespace sallyport::http_door {

void Upstreams::take_over(const std::shared_ptr<const DoorSettings>& settings) {
  std::vector<std::shared_ptr<UpstreamPool>> next;
  for (std::uint32_t index = 0; index < settings->pools.size(); ++index) {
    const auto before = std::ranges::find_if(pools_, [&](const auto& pool) {
      return pool->settings().config.name == settings->pools[index].config.name;
    });
    next.push_back(std::make_shared<UpstreamPool>(
        door_, settings, index, before == pools_.end() ? nullptr : before->get()));
  }
  retire();
  pools_ = std::move(next);
}

void Upstreams::retire() {
  for (const auto& pool : pools_) pool->retire();
}

}  // namespace sallyport::http_door
