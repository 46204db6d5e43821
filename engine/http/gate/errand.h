#pragma once
// A question for the gate on its way from a shard to the gate's threads and, with its answer, back.
// One object that goes there and back; owned by who holds it.

#include <cstdint>
#include <memory>
#include <string>

#include "engine/http/own_pages.h"
#include "verify/gate/request.h"

namespace sallyport::http_door {

struct GateFront;

/// Who waits for the answer. The generation tells the request that asked from a later one in its
/// slot.
struct GateTicket {
  std::uint32_t exchange = 0;
  std::uint32_t generation = 0;
  std::uint16_t shard = 0;
  auto operator<=>(const GateTicket&) const = default;
};

struct GateErrand {
  GateTicket ticket;
  std::shared_ptr<const GateFront> front;  ///< as it was when the request came
  std::string form;                        ///< as it comes
  verify::GateRequest request;
  verify::GateReply reply;
  OwnAnswer answer;                     ///< `reply` as HTTP
  std::uint64_t patience_until_ms = 0;  ///< monotonic: not held beyond; 0: not held yet
};

}  // namespace sallyport::http_door
