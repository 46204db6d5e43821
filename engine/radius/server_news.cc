#include "engine/radius/server_news.h"

#include <spdlog/spdlog.h>

namespace sallyport::radius_door {

void ServerNews::is_down(ServerReason why) noexcept {
  if (down_in_.fetch_add(1) > 0) return;
  spdlog::warn("downstream: {} ({}) is down: {}", name_, address_.text(), to_text(why));
}

void ServerNews::is_back() noexcept {
  if (down_in_.fetch_sub(1) > 1) return;
  spdlog::info("downstream: {} ({}) answers again", name_, address_.text());
}

}  // namespace sallyport::radius_door
