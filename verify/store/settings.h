#pragma once
// Where state is kept (verify/store/store.h). Durations in milliseconds.

#include <cstdint>
#include <string>
#include <vector>

#include "protocol/secret.h"

namespace sallyport::verify {

struct SqliteSettings {
  std::string path;  ///< its folder exists; ":memory:": nothing outlives the process
  std::uint32_t timeout_ms = 5'000;  ///< of one call; the disk may take its time
  bool operator==(const SqliteSettings&) const = default;
};

enum class RedisMode : std::uint8_t { single, sentinel, cluster };

struct RedisServer {
  std::string host;
  std::uint16_t port = 6379;
  bool operator==(const RedisServer&) const = default;
};

struct RedisSettings {
  RedisMode mode = RedisMode::single;
  std::vector<RedisServer> servers;  ///< the server; the sentinels; some nodes of the cluster
  std::string sentinel_master;       ///< name of the monitored master
  std::string user;                  ///< ACL user; empty: the default user
  Secret password;
  std::string sentinel_user;
  Secret sentinel_password;
  std::uint32_t database = 0;
  bool tls = false;
  std::string ca_file;           ///< PEM; empty: the system's
  std::string certificate_file;  ///< of ours, PEM; empty: none
  std::string key_file;
  std::string server_name;  ///< to verify; empty: the server's host
  std::string prefix = "sallyport:";
  std::uint32_t timeout_ms = 2'000;  ///< of one call
  std::uint32_t connections = 4;     ///< to each server, used at once
  bool operator==(const RedisSettings&) const = default;
};

struct StoreSettings {
  enum class Kind : std::uint8_t { none, sqlite, redis };
  Kind kind = Kind::none;
  SqliteSettings sqlite;
  RedisSettings redis;
  std::string key_file;  ///< of the sealer (sealer.h)
  bool operator==(const StoreSettings&) const = default;
};

}  // namespace sallyport::verify
