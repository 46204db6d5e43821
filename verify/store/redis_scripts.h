#pragma once
// What a Redis server does in one step, as Lua. All work on the two keys of one (kind, group),
// which lie in one slot (redis_store.h says what they hold).

#include "verify/store/redis_client.h"

namespace sallyport::verify {

struct RedisScripts {
  // Arguments: id, channel, head of the change, and as said. The answers hold versions as text.
  RedisScript put;      ///< value, until_ms. Answer: version
  RedisScript add;      ///< value, until_ms. Answer: version, or nil: there is one
  RedisScript replace;  ///< value, until_ms, version. Answer: version, or nil: another, or none
  RedisScript take;     ///< Answer: the record as it is kept, or nil
};

[[nodiscard]] const RedisScripts& redis_scripts();

}  // namespace sallyport::verify
