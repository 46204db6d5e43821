#pragma once
// One connection to one Redis server or sentinel: non-blocking, over TLS or not, logged in. Every
// wait has its end. One thread at a time.

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include <openssl/base.h>

#include "verify/file_descriptor.h"
#include "verify/store/redis_reply.h"
#include "verify/store/redis_tls.h"
#include "verify/store/resolver.h"
#include "verify/store/settings.h"

namespace sallyport::verify {

/// What a connection failed of. Never a secret: an error's first word only.
struct RedisFault {
  bool sent = false;  ///< the server may have got the command, and carried it out
  std::string text;
};

/// Who is at the other end: it decides the login, and what else is asked first.
enum class RedisPeer : std::uint8_t {
  server,    ///< of data
  master,    ///< of data, as a sentinel says: must itself say that it is the master
  sentinel,  ///< another login, no database
};

class RedisConnection;

/// What all connections have in common; immutable but for the resolver. Any thread.
class RedisDialer {
 public:
  RedisDialer(const RedisSettings& settings, std::shared_ptr<const RedisTls> tls)
      : settings_(settings), tls_(std::move(tls)) {}

  /// Until `until_ms` (monotonic) at most. `wake`: a descriptor that ends each wait of the
  /// connection when it is readable; -1: none.
  [[nodiscard]] std::expected<std::unique_ptr<RedisConnection>, RedisFault> dial(
      const RedisServer& server, RedisPeer peer, std::uint64_t until_ms, int wake = -1);

  [[nodiscard]] const RedisSettings& settings() const noexcept { return settings_; }

 private:
  [[nodiscard]] std::expected<void, RedisFault> log_in(RedisConnection& connection, RedisPeer peer,
                                                       std::uint64_t until_ms) const;

  const RedisSettings settings_;
  const std::shared_ptr<const RedisTls> tls_;  ///< null: none
  Resolver resolver_;
};

class RedisConnection {
 public:
  ~RedisConnection();
  /// Asks and waits for the answer, which may be an error of Redis'.
  [[nodiscard]] std::expected<RedisReply, RedisFault> ask(std::string_view wire,
                                                          std::uint64_t until_ms);
  [[nodiscard]] std::expected<void, RedisFault> send(std::string_view wire, std::uint64_t until_ms);
  /// `timed_out()` tells a silence from a failure.
  [[nodiscard]] std::expected<RedisReply, RedisFault> receive(std::uint64_t until_ms);
  [[nodiscard]] bool timed_out() const noexcept { return timed_out_; }
  /// The server has closed it, or has said what nobody asked for: of no more use.
  [[nodiscard]] bool stale() const noexcept;

 private:
  friend class RedisDialer;
  explicit RedisConnection(int wake);

  [[nodiscard]] std::expected<void, RedisFault> connect(const std::vector<Endpoint>& endpoints,
                                                        std::uint64_t until_ms);
  [[nodiscard]] std::expected<void, RedisFault> shake_hands(const RedisTls& tls,
                                                            const std::string& host,
                                                            std::uint64_t until_ms);
  /// Until the socket is ready for `events` of poll().
  [[nodiscard]] std::expected<void, RedisFault> wait(short events, std::uint64_t until_ms);
  /// What to wait for after a call of BoringSSL's; an error that it cannot go on.
  [[nodiscard]] std::expected<short, RedisFault> tls_wants(int result);
  [[nodiscard]] std::expected<std::size_t, RedisFault> write_some(std::string_view octets,
                                                                  std::uint64_t until_ms);
  [[nodiscard]] std::expected<std::size_t, RedisFault> read_some(char* out, std::size_t room,
                                                                 std::uint64_t until_ms);

  const int wake_;
  FileDescriptor socket_;
  bssl::UniquePtr<SSL> ssl_;  ///< before the socket
  RedisReplyReader reader_;
  bool timed_out_ = false;
};

}  // namespace sallyport::verify
