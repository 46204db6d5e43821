#pragma once
// Hears what has changed, on a thread and a connection of its own. Whenever it has begun to listen,
// the first time too, it says `resync`: what was told before has not been heard.

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "verify/file_descriptor.h"
#include "verify/store/redis_client.h"
#include "verify/store/store.h"

namespace sallyport::verify {

class RedisSubscriber {
 public:
  /// `client` outlives it. The watcher is called on its thread.
  RedisSubscriber(RedisClient& client, const std::vector<RecordKind>& kinds, StoreWatcher watcher);
  RedisSubscriber(const RedisSubscriber&) = delete;
  RedisSubscriber& operator=(const RedisSubscriber&) = delete;
  ~RedisSubscriber();  ///< stops

  [[nodiscard]] bool listening() const noexcept { return listening_; }

 private:
  void run();
  void listen_once();
  /// False: the connection is of no more use.
  [[nodiscard]] bool subscribe(RedisConnection& connection);
  [[nodiscard]] bool hear(const RedisClient::Listening& listening);
  [[nodiscard]] bool still_there(const RedisClient::Listening& listening);
  void tell(const RedisReply& message);
  void pause();

  RedisClient& client_;
  const StoreWatcher watcher_;
  std::map<std::string, RecordKind, std::less<>> channels_;
  std::uint16_t slot_ = 0;  ///< of a cluster, every node hears all; the node of this one is asked
  FileDescriptor stop_;     ///< readable: we are stopping
  std::uint32_t failures_ = 0;
  std::atomic<bool> listening_{false};
  std::atomic<bool> stopping_{false};
  std::thread thread_;  ///< last: it uses all of the above
};

}  // namespace sallyport::verify
