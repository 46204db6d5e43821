#include "engine/http/gate/cookie_keys.h"

#include <array>
#include <optional>
#include <utility>

#include "verify/store/fields.h"

namespace sallyport::http_door {
namespace {

using verify::StoreError;

/// Numbers in the store: changing one is a migration.
enum class Field : std::uint8_t { made = 1, key = 2 };

/// Nodes that make or rotate at the same moment: one comes first, the others take what it made.
constexpr int kTries = 4;

struct Made {
  std::uint64_t at_ms = 0;
  Secret key;
};
using Keys = std::vector<Made>;

std::string write(const Keys& keys) {
  verify::FieldWriter writer;
  for (const Made& made : keys) {
    writer.number(static_cast<std::uint8_t>(Field::made), made.at_ms);
    writer.text(static_cast<std::uint8_t>(Field::key), as_text(made.key.reveal()));
  }
  return writer.take();
}

std::optional<Keys> read(std::string_view value) {
  Keys keys;
  verify::FieldReader reader(value);
  std::uint64_t at_ms = 0;
  while (const auto field = reader.next()) {
    if (field->number == static_cast<std::uint8_t>(Field::made)) {
      at_ms = field->as_number().value_or(0);
    } else if (field->number == static_cast<std::uint8_t>(Field::key)) {
      if (field->octets.size() != kCookieKeyOctets || keys.size() == kCookieKeys) {
        return std::nullopt;
      }
      keys.push_back({.at_ms = at_ms, .key = Secret(field->octets)});
    }
  }
  if (reader.broken() || keys.empty()) return std::nullopt;
  return keys;
}

void add_new(Keys& keys, RandomSource& random, std::uint64_t now_ms) {
  std::array<std::uint8_t, kCookieKeyOctets> octets;
  random.fill(octets);
  keys.insert(keys.begin(), {.at_ms = now_ms, .key = Secret(Octets(octets))});
  wipe(octets);
  if (keys.size() > kCookieKeys) keys.resize(kCookieKeys);
}

std::vector<Secret> secrets_of(const Keys& keys) {
  std::vector<Secret> secrets;
  for (const Made& made : keys) secrets.push_back(made.key);
  return secrets;
}

}  // namespace

std::expected<std::vector<Secret>, StoreError> read_cookie_keys(verify::Store& store,
                                                                const verify::Sealer& sealer,
                                                                RandomSource& random,
                                                                std::uint64_t now_unix_ms) {
  const verify::RecordKey name{.kind = verify::RecordKind::key, .group = {}, .id = "access-cookie"};
  for (int i = 0; i < kTries; ++i) {
    const auto found = store.get(name);
    if (!found) return std::unexpected(found.error());
    Keys keys;
    if (*found) {
      const auto opened = sealer.open(name, (*found)->value);
      auto known = opened ? read(*opened) : std::nullopt;
      // Written over, it would cut off whoever still has the key to it.
      if (!known) return std::unexpected(StoreError::broken);
      keys = std::move(*known);
      if (now_unix_ms < keys.front().at_ms + kCookieKeyMs) return secrets_of(keys);
    }
    add_new(keys, random, now_unix_ms);
    const std::string sealed = sealer.seal(name, write(keys), random);
    const auto written =
        *found ? store.replace(name, (*found)->version, sealed, 0) : store.add(name, sealed, 0);
    if (!written) return std::unexpected(written.error());
    if (*written) return secrets_of(keys);
  }
  return std::unexpected(StoreError::unavailable);
}

}  // namespace sallyport::http_door
