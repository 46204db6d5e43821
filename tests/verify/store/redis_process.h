#pragma once
// Real servers for the tests: redis-server, as a sentinel too, on free loopback ports. They go with
// their object, and with the test if that dies.

#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

#include "tests/verify/store/store_world.h"
#include "verify/store/redis_reply.h"
#include "verify/store/settings.h"

namespace sallyport::verify {

/// A TCP port that nobody has, for some time.
[[nodiscard]] std::uint16_t free_port();

class RedisProcess {
 public:
  struct Options {
    bool sentinel = false;
    std::vector<std::string> arguments;  ///< "--appendonly", "yes"
    std::string file;                    ///< the configuration file, for one that needs it
    RedisSettings login;                 ///< by which it is asked whether it is up
  };
  RedisProcess() : RedisProcess(Options{}) {}
  explicit RedisProcess(Options options);  ///< returns when it answers
  RedisProcess(const RedisProcess&) = delete;
  RedisProcess& operator=(const RedisProcess&) = delete;
  ~RedisProcess();

  void start();  ///< again, on the same port
  void kill();   ///< -9
  void freeze();
  void thaw();

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] RedisServer server() const { return {.host = "127.0.0.1", .port = port_}; }
  [[nodiscard]] std::string folder_file(const std::string& name) const {
    return folder_.file(name);
  }
  /// Its answer; an error of type error if it has none.
  [[nodiscard]] RedisReply ask(const RedisCommand& command) const;

 private:
  [[nodiscard]] bool spawn();
  Options options_;
  ScratchFolder folder_;
  std::uint16_t port_ = 0;
  ::pid_t pid_ = -1;
};

/// For a store on that server, with a short timeout.
[[nodiscard]] RedisSettings settings_for(const RedisProcess& process);

[[nodiscard]] std::unique_ptr<StoreWorld> redis_world();

}  // namespace sallyport::verify
