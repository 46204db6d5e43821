#include "verify/store/redis_store.h"

#include <algorithm>
#include <charconv>

#include "protocol/check.h"
#include "verify/clock.h"
#include "verify/store/redis_records.h"
#include "verify/store/redis_scripts.h"

namespace sallyport::verify {
namespace {

/// Ends are kept as doubles there; one later than 2^53 ms after 1970 is never.
constexpr std::uint64_t kLatestEndMs = std::uint64_t{1} << 53;

std::string end_text(std::uint64_t until_ms) {
  return std::to_string(until_ms >= kLatestEndMs ? 0 : until_ms);
}

bool has_expired(const Record& record) {
  return record.until_ms != 0 && record.until_ms <= unix_ms();
}

/// A record, or nil: none.
StoreResult<std::optional<Record>> record_of(const RedisReply& reply) {
  if (reply.type == RedisReply::Type::nil) return std::nullopt;
  auto record = read_redis_record(reply.text);
  if (!record) return std::unexpected(StoreError::broken);
  return record;
}

}  // namespace

std::expected<std::unique_ptr<RedisStore>, std::string> RedisStore::make(
    const RedisSettings& settings) {
  if (settings.servers.empty()) return std::unexpected("no Redis server is named");
  if (settings.mode == RedisMode::sentinel && settings.sentinel_master.empty()) {
    return std::unexpected("the sentinels' name of the master is missing");
  }
  if (settings.mode == RedisMode::cluster && settings.database != 0) {
    return std::unexpected("a Redis cluster has no database but 0");
  }
  std::shared_ptr<const RedisTls> tls;
  if (settings.tls) {
    auto loaded = RedisTls::load(settings);
    if (!loaded) return std::unexpected(std::move(loaded.error()));
    tls = std::move(*loaded);
  }
  return std::unique_ptr<RedisStore>(new RedisStore(settings, std::move(tls)));
}

StoreResult<RedisReply> RedisStore::run(const RedisScript& script, const RecordKey& key,
                                        const RedisCommand& more) {
  CHECK(key.group.size() <= kMaxKeyOctets && key.id.size() <= kMaxKeyOctets);
  const RedisSettings& settings = client_.settings();
  const std::string name = redis_key(settings.prefix, key.kind, key.group);
  const std::string channel = redis_channel(settings.prefix, settings.database, key.kind);
  const std::string head = redis_change_head(key);
  RedisCommand arguments{key.id, channel, head};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return client_.run(script, name, arguments);
}

StoreResult<std::optional<Record>> RedisStore::get(const RecordKey& key) {
  CHECK(key.group.size() <= kMaxKeyOctets && key.id.size() <= kMaxKeyOctets);
  const std::string name = redis_key(client_.settings().prefix, key.kind, key.group);
  const auto reply = client_.read(name, {"HGET", name, key.id});
  if (!reply) return std::unexpected(reply.error());
  auto record = record_of(*reply);
  if (record && *record && has_expired(**record)) return std::nullopt;
  return record;
}

StoreResult<std::uint64_t> RedisStore::put(const RecordKey& key, std::string_view value,
                                           std::uint64_t until_ms) {
  CHECK(value.size() <= kMaxValueOctets);
  const auto reply = run(redis_scripts().put, key, {value, end_text(until_ms)});
  if (!reply) return std::unexpected(reply.error());
  std::uint64_t version = 0;
  const char* const end = reply->text.data() + reply->text.size();
  if (reply->text.empty() || std::from_chars(reply->text.data(), end, version).ptr != end) {
    return std::unexpected(StoreError::broken);
  }
  return version;
}

StoreResult<bool> RedisStore::add(const RecordKey& key, std::string_view value,
                                  std::uint64_t until_ms) {
  CHECK(value.size() <= kMaxValueOctets);
  const auto reply = run(redis_scripts().add, key, {value, end_text(until_ms)});
  if (!reply) return std::unexpected(reply.error());
  return reply->type != RedisReply::Type::nil;
}

StoreResult<bool> RedisStore::replace(const RecordKey& key, std::uint64_t version,
                                      std::string_view value, std::uint64_t until_ms) {
  CHECK(value.size() <= kMaxValueOctets);
  const auto reply =
      run(redis_scripts().replace, key, {value, end_text(until_ms), std::to_string(version)});
  if (!reply) return std::unexpected(reply.error());
  return reply->type != RedisReply::Type::nil;
}

StoreResult<std::optional<Record>> RedisStore::take(const RecordKey& key) {
  const auto reply = run(redis_scripts().take, key, {});
  if (!reply) return std::unexpected(reply.error());
  return record_of(*reply);
}

StoreResult<bool> RedisStore::remove(const RecordKey& key) {
  const auto reply = run(redis_scripts().take, key, {});
  if (!reply) return std::unexpected(reply.error());
  return reply->type != RedisReply::Type::nil;
}

StoreResult<std::vector<ListedRecord>> RedisStore::list(RecordKind kind, std::string_view group) {
  CHECK(group.size() <= kMaxKeyOctets);
  const std::string name = redis_key(client_.settings().prefix, kind, group);
  const auto reply = client_.read(name, {"HGETALL", name});
  if (!reply) return std::unexpected(reply.error());
  std::vector<ListedRecord> listed;
  for (std::size_t at = 0; at + 1 < reply->elements.size(); at += 2) {
    auto record = read_redis_record(reply->elements[at + 1].text);
    if (!record) return std::unexpected(StoreError::broken);
    if (has_expired(*record)) continue;
    listed.push_back({.id = reply->elements[at].text, .record = std::move(*record)});
  }
  std::ranges::sort(listed, {}, &ListedRecord::id);
  return listed;
}

StoreResult<std::uint64_t> RedisStore::next_number(std::string_view counter) {
  CHECK(counter.size() <= kMaxKeyOctets);
  const std::string key = client_.settings().prefix + "number:" + std::string(counter);
  const auto reply = client_.write(key, {"INCR", key});
  if (!reply) return std::unexpected(reply.error());
  if (reply->type != RedisReply::Type::integer || reply->integer < 1) {
    return std::unexpected(StoreError::broken);
  }
  return static_cast<std::uint64_t>(reply->integer);
}

void RedisStore::watch(std::vector<RecordKind> kinds, StoreWatcher watcher) {
  CHECK(!subscriber_ && !kinds.empty());
  subscriber_ = std::make_unique<RedisSubscriber>(client_, kinds, std::move(watcher));
}

StoreHealth RedisStore::health() const {
  StoreHealth health = client_.health();
  if (health.ok && subscriber_ && !subscriber_->listening()) {
    return {.ok = false, .text = health.text + ": changes by others are not heard"};
  }
  return health;
}

}  // namespace sallyport::verify
