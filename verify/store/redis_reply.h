#pragma once
// The octets of Redis' protocol (RESP 2): hiredis writes commands and reads replies, and does
// nothing else here. No sockets; one thread at a time.

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

struct redisReader;

namespace sallyport::verify {

using RedisCommand = std::vector<std::string_view>;

/// As it goes over the wire.
[[nodiscard]] std::string to_wire(const RedisCommand& command);

struct RedisReply {
  enum class Type : std::uint8_t { nil, integer, text, status, error, array };
  Type type = Type::nil;
  std::int64_t integer = 0;
  std::string text;  ///< of text, status and error
  std::vector<RedisReply> elements;

  [[nodiscard]] bool is_error() const noexcept { return type == Type::error; }
  /// An error's first word, "MOVED"; what follows it may hold what the command held.
  [[nodiscard]] std::string_view error_word() const noexcept;
};

class RedisReplyReader {
 public:
  RedisReplyReader();
  ~RedisReplyReader();
  RedisReplyReader(RedisReplyReader&&) noexcept = default;
  RedisReplyReader& operator=(RedisReplyReader&&) noexcept = default;

  /// Broken is final: what follows cannot be read either.
  [[nodiscard]] bool feed(std::string_view octets);
  /// The next whole reply; nothing: more octets are needed. Unexpected: this is not RESP.
  [[nodiscard]] std::expected<std::optional<RedisReply>, std::monostate> next();

 private:
  struct Free {
    void operator()(redisReader* reader) const noexcept;
  };
  std::unique_ptr<redisReader, Free> reader_;
};

}  // namespace sallyport::verify
