#include "verify/store/redis_scripts.h"

namespace sallyport::verify {
namespace {

// A record is kept as "until_ms:version:value". Numbers are doubles in Lua: exact to 2^53, which
// microseconds since 1970 reach in the year 2255.
constexpr const char* kCommon = R"lua(
local id, channel, head = ARGV[1], ARGV[2], ARGV[3]
local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2]
local now_ms = math.floor(now_us / 1000)

-- The record as it is kept, its version, and whether it has not expired.
local kept = redis.call('HGET', KEYS[1], id)
local version, live = 0, false
if kept then
  local until_ms, written = string.match(kept, '^(%d+):(%d+):')
  if until_ms then
    version = tonumber(written)
    live = until_ms == '0' or tonumber(until_ms) > now_ms
  end
end

-- A change takes some of those with it that have expired, wherever it meets them. Nothing is amiss
-- if that cannot be: the key may be gone, and its slot on the way to another node.
local function tidy()
  local some = redis.pcall('HRANDFIELD', KEYS[1], 8, 'WITHVALUES')
  if some.err then return end
  for at = 1, #some, 2 do
    local until_ms = tonumber(string.match(some[at + 1], '^(%d+):%d+:') or 0)
    if until_ms ~= 0 and until_ms <= now_ms then redis.pcall('HDEL', KEYS[1], some[at]) end
  end
end

-- The time is the version, so that one of a record that was removed does not come again. The key
-- ends with the last of its records that end, unless there was one that does not.
local function write(value, until_ms)
  if version < now_us then version = now_us else version = version + 1 end
  local text = string.format('%.0f', version)
  local record = until_ms .. ':' .. text .. ':' .. value
  local left_ms = redis.call('PTTL', KEYS[1])
  redis.call('HSET', KEYS[1], id, record)
  redis.call('PUBLISH', channel, head .. '+' .. record)
  if until_ms == '0' then
    redis.call('PERSIST', KEYS[1])
  elseif left_ms == -2 or (left_ms >= 0 and tonumber(until_ms) > now_ms + left_ms) then
    redis.call('PEXPIREAT', KEYS[1], until_ms)
  end
  tidy()
  return text
end
)lua";

constexpr const char* kPut = R"lua(
return write(ARGV[4], ARGV[5])
)lua";

constexpr const char* kAdd = R"lua(
if live then return false end
return write(ARGV[4], ARGV[5])
)lua";

constexpr const char* kReplace = R"lua(
if not live or string.format('%.0f', version) ~= ARGV[6] then return false end
return write(ARGV[4], ARGV[5])
)lua";

constexpr const char* kTake = R"lua(
if not kept then return false end
redis.call('HDEL', KEYS[1], id)
if live then redis.call('PUBLISH', channel, head .. '-') end
tidy()
return live and kept
)lua";

RedisScript script(const char* body) { return RedisScript(std::string(kCommon) + body); }

}  // namespace

const RedisScripts& redis_scripts() {
  static const RedisScripts scripts{
      .put = script(kPut), .add = script(kAdd), .replace = script(kReplace), .take = script(kTake)};
  return scripts;
}

}  // namespace sallyport::verify
