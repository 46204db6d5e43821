#pragma once
// What operators see of the gate, gathered at one moment. No user, no address, no secret.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "engine/http/gate/desk.h"
#include "verify/channels/messenger.h"
#include "verify/store/store.h"

namespace sallyport::http_door {

struct GateStatus {
  DeskCounts desk;
  std::vector<std::pair<std::string, std::uint64_t>> events;  ///< by GateEvent::what
  std::vector<verify::ChannelCounts> channels;
  std::uint64_t messages_queued = 0;
  verify::StoreHealth store;
};

}  // namespace sallyport::http_door
