#pragma once
// A JSON document as plain values, read with simdjson, which is seen in json_tree.cc alone.

#include <expected>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/config/mistake.h"

namespace sallyport::config {

struct JsonValue;
struct JsonMember;
using JsonArray = std::vector<JsonValue>;
struct JsonObject {
  std::vector<JsonMember> entries;  ///< in the order of the file
};

struct JsonValue {
  /// null, a flag, a number, a text, …
  std::variant<std::monostate, bool, double, std::string, JsonArray, JsonObject> value;
};

struct JsonMember {
  std::string name;
  JsonValue value;
};

struct JsonError {
  Position where;
  std::string wrong;  ///< quotes nothing of the file, which may hold secrets
};

[[nodiscard]] std::expected<JsonValue, JsonError> parse_json(std::string_view text);

/// "a text", "a number", "an object".
[[nodiscard]] std::string_view kind_of(const JsonValue& value) noexcept;

}  // namespace sallyport::config
