#include "verify/store/redis_records.h"

#include <charconv>

namespace sallyport::verify {
namespace {

/// The number before the next ':'.
std::optional<std::uint64_t> take_number(std::string_view& text) noexcept {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const auto digits = static_cast<std::size_t>(end - text.data());
  if (error != std::errc{} || digits == text.size() || text[digits] != ':') return std::nullopt;
  text.remove_prefix(digits + 1);
  return number;
}

}  // namespace

std::string redis_key(std::string_view prefix, RecordKind kind, std::string_view group) {
  return std::string(prefix) + "{" + to_text(kind) + ":" + std::string(group) + "}";
}

std::optional<Record> read_redis_record(std::string_view kept) {
  const auto until_ms = take_number(kept);
  if (!until_ms) return std::nullopt;
  const auto version = take_number(kept);
  if (!version) return std::nullopt;
  return Record{.value = std::string(kept), .until_ms = *until_ms, .version = *version};
}

std::string redis_change_head(const RecordKey& key) {
  return std::to_string(key.group.size()) + ":" + std::to_string(key.id.size()) + ":" + key.group +
         key.id;
}

std::optional<RecordChange> read_redis_change(RecordKind kind, std::string_view message) {
  const auto group = take_number(message);
  if (!group || *group > kMaxKeyOctets) return std::nullopt;
  const auto id = take_number(message);
  if (!id || *id > kMaxKeyOctets || message.size() < *group + *id + 1) return std::nullopt;
  RecordChange change{.key = {.kind = kind,
                              .group = std::string(message.substr(0, *group)),
                              .id = std::string(message.substr(*group, *id))},
                      .record = std::nullopt};
  message.remove_prefix(*group + *id);
  if (message == "-") return change;
  if (message.front() != '+') return std::nullopt;
  change.record = read_redis_record(message.substr(1));
  if (!change.record) return std::nullopt;
  return change;
}

std::string redis_channel(std::string_view prefix, std::uint32_t database, RecordKind kind) {
  return std::string(prefix) + "changes:" + std::to_string(database) + ":" + to_text(kind);
}

}  // namespace sallyport::verify
