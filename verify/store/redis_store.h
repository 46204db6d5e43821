#pragma once
// The store of several nodes: Redis from 6.2 or Valkey, one server, a master under sentinels, or a
// cluster. What of it is where: redis_reply (the protocol), redis_connection (sockets, TLS, login),
// redis_pool, redis_topology (whom to ask), redis_client (commands), redis_scripts (what is done in
// one step), redis_subscriber (changes).
//
// In Redis: of each (kind, group) a hash "PREFIX{KIND:GROUP}" of id → "UNTIL_MS:VERSION:VALUE".
// What has expired is no more for who asks; each change removes some of it, and the hash ends with
// its last record. Numbers are counted in "PREFIXnumber:COUNTER"; changes are told in channels
// "PREFIXchanges:DATABASE:KIND". The ACL user needs ~PREFIX* &PREFIX* +eval +evalsha +hget +hgetall
// +hset +hdel +hrandfield +pttl +pexpireat +persist +publish +subscribe +ping +select +incr +time;
// with sentinels +role; in a cluster +cluster|slots +asking.
//
// Ends are judged by Redis' clock when something is written and by ours when it is read: keep both
// in step.
//
// Durability is Redis': what it confirms outlives us, and outlives Redis itself as its appendfsync
// says ("always": every confirmed change, "everysec": all but the last second). A failover may lose
// what the new master had not got yet; min-replicas-to-write bounds that.

#include <memory>

#include "verify/store/redis_client.h"
#include "verify/store/redis_subscriber.h"
#include "verify/store/store.h"

namespace sallyport::verify {

class RedisStore final : public Store {
 public:
  /// Reads the certificates; connects with the first call. An error is a sentence for the operator
  /// without its full stop.
  [[nodiscard]] static std::expected<std::unique_ptr<RedisStore>, std::string> make(
      const RedisSettings& settings);

  [[nodiscard]] StoreResult<std::optional<Record>> get(const RecordKey& key) override;
  StoreResult<std::uint64_t> put(const RecordKey& key, std::string_view value,
                                 std::uint64_t until_ms) override;
  [[nodiscard]] StoreResult<bool> add(const RecordKey& key, std::string_view value,
                                      std::uint64_t until_ms) override;
  [[nodiscard]] StoreResult<bool> replace(const RecordKey& key, std::uint64_t version,
                                          std::string_view value, std::uint64_t until_ms) override;
  [[nodiscard]] StoreResult<std::optional<Record>> take(const RecordKey& key) override;
  StoreResult<bool> remove(const RecordKey& key) override;
  [[nodiscard]] StoreResult<std::vector<ListedRecord>> list(RecordKind kind,
                                                            std::string_view group) override;
  [[nodiscard]] StoreResult<std::uint64_t> next_number(std::string_view counter) override;
  void watch(std::vector<RecordKind> kinds, StoreWatcher watcher) override;
  [[nodiscard]] StoreHealth health() const override;

 private:
  RedisStore(const RedisSettings& settings, std::shared_ptr<const RedisTls> tls)
      : client_(settings, std::move(tls)) {}

  /// Runs a script on that record, with what it needs beside.
  [[nodiscard]] StoreResult<RedisReply> run(const RedisScript& script, const RecordKey& key,
                                            const RedisCommand& more);

  RedisClient client_;
  std::unique_ptr<RedisSubscriber> subscriber_;  ///< null: nobody watches
};

}  // namespace sallyport::verify
