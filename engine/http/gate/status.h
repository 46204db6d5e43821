#pragma once
// What operators see of the gate, gathered at one moment. No user, no address, no secret.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "engine/http/gate/desk.h"
#include "verify/channels/messenger.h"

namespace sallyport::http_door {

struct GateStatus {
  DeskCounts desk;
  std::vector<std::pair<std::string, std::uint64_t>> events;  ///< by GateEvent::what
};

/// Of the messages to users, which the gate sends and logins over RADIUS, too.
struct MessageStatus {
  std::vector<verify::ChannelCounts> channels;
  std::uint64_t queued = 0;
};

}  // namespace sallyport::http_door
