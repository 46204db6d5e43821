#pragma once
// One record for each request of the HTTP door: who, what, whether and why he was let in, how it
// ended. A plain value that crosses to the log's thread by a lock-free queue; formatted there.

#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/http/admission.h"
#include "protocol/ip_address.h"
#include "verify/bounded_queue.h"
#include "verify/short_text.h"

namespace sallyport::http_door {

/// How a request ended.
enum class AccessEnd : std::uint8_t {
  answered,      ///< all of an answer is on its way
  visitor_left,  ///< before he had it
  cut_off,       ///< the answer broke off
  access_ended,  ///< cut off because its grant, or the whitelist's entry, is no more
};
[[nodiscard]] const char* to_text(AccessEnd end) noexcept;

struct AccessRecord {
  std::uint64_t at_unix_ms = 0;  ///< of the end
  IpAddress visitor;             ///< "::": not known
  Endpoint peer;
  std::uint16_t status = 0;  ///< 0: no answer was begun
  AccessEnd end = AccessEnd::answered;
  std::optional<Verdict> admission;  ///< none: the request came to no route
  bool http2 = false;
  std::uint64_t grant = 0;  ///< its number; 0: none
  std::uint64_t request_octets = 0;
  std::uint64_t response_octets = 0;  ///< of bodies
  std::uint64_t total_ms = 0;
  std::uint16_t shard = 0;
  verify::ShortText<32> method;
  verify::ShortText<253> host;
  verify::ShortText<255> path;  ///< as routed, without the query
  verify::ShortText<64> route;
  verify::ShortText<64> pool;
  verify::ShortText<96> server;  ///< of the pool, the last that was asked; empty: none was
  std::string_view failure;      ///< of the last server that failed it, static; empty: none did
  verify::ShortText<64> whitelist;
  verify::ShortText<253> user;  ///< of the grant
};

using AccessQueue = verify::BoundedQueue<AccessRecord>;

}  // namespace sallyport::http_door
