#include "verify/store/redis_reply.h"

#include <hiredis.h>

#include "protocol/check.h"

namespace sallyport::verify {
namespace {

RedisReply::Type type_of(int type) noexcept {
  switch (type) {
    case REDIS_REPLY_STRING: return RedisReply::Type::text;
    case REDIS_REPLY_ARRAY: return RedisReply::Type::array;
    case REDIS_REPLY_INTEGER: return RedisReply::Type::integer;
    case REDIS_REPLY_STATUS: return RedisReply::Type::status;
    case REDIS_REPLY_ERROR: return RedisReply::Type::error;
    default: return RedisReply::Type::nil;  // hiredis has no other
  }
}

/// hiredis reads at most seven arrays in one another.
RedisReply converted(const redisReply& from) {
  RedisReply to{.type = type_of(from.type), .integer = from.integer, .text = {}, .elements = {}};
  if (from.str != nullptr) to.text.assign(from.str, from.len);
  to.elements.reserve(from.elements);
  for (std::size_t at = 0; at < from.elements; ++at) {
    to.elements.push_back(converted(*from.element[at]));
  }
  return to;
}

struct FreeReply {
  void operator()(void* reply) const noexcept { freeReplyObject(reply); }
};

}  // namespace

std::string to_wire(const RedisCommand& command) {
  std::vector<const char*> texts;
  std::vector<std::size_t> sizes;
  for (const std::string_view word : command) {
    texts.push_back(word.data());
    sizes.push_back(word.size());
  }
  char* made = nullptr;
  const int octets =
      redisFormatCommandArgv(&made, static_cast<int>(texts.size()), texts.data(), sizes.data());
  CHECK(octets > 0);
  std::string wire(made, static_cast<std::size_t>(octets));
  redisFreeCommand(made);
  return wire;
}

std::string_view RedisReply::error_word() const noexcept {
  if (!is_error()) return {};
  const std::string_view all = text;
  return all.substr(0, all.find(' '));
}

void RedisReplyReader::Free::operator()(redisReader* reader) const noexcept {
  redisReaderFree(reader);
}

RedisReplyReader::RedisReplyReader() : reader_(redisReaderCreate()) { CHECK(reader_); }

RedisReplyReader::~RedisReplyReader() = default;

bool RedisReplyReader::feed(std::string_view octets) {
  return redisReaderFeed(reader_.get(), octets.data(), octets.size()) == REDIS_OK;
}

std::expected<std::optional<RedisReply>, std::monostate> RedisReplyReader::next() {
  void* read = nullptr;
  if (redisReaderGetReply(reader_.get(), &read) != REDIS_OK) {
    return std::unexpected(std::monostate{});
  }
  if (read == nullptr) return std::nullopt;
  const std::unique_ptr<void, FreeReply> owned(read);
  return converted(*static_cast<const redisReply*>(read));
}

}  // namespace sallyport::verify
