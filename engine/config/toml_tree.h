#pragma once
// A TOML document as plain values that know where they stand. This is all the rest of the
// configuration sees of the TOML parser: toml++ is header-only and heavy, and is compiled in
// toml_tree.cc alone. Its own error texts quote the file, which holds secrets, so they are replaced
// by ours.

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/config/mistake.h"

namespace sallyport::config {

struct TomlEntry;
struct TomlValue;
struct TomlMoment {};  ///< a date or a time: no setting takes one

using TomlArray = std::vector<TomlValue>;

struct TomlTable {
  std::vector<TomlEntry> entries;  ///< in the order of the file
};

struct TomlValue {
  Position where;
  std::variant<std::string, std::int64_t, double, bool, TomlMoment, TomlArray, TomlTable> value;
};

struct TomlEntry {
  std::string key;
  Position where;  ///< of the key
  TomlValue value;
};

struct TomlError {
  Position where;
  Complaint complaint;
};

[[nodiscard]] std::expected<TomlTable, TomlError> parse_toml(std::string_view text);

/// "a text", "a whole number", "a list": for "must be a duration, but is …".
[[nodiscard]] std::string_view kind_of(const TomlValue& value) noexcept;

}  // namespace sallyport::config
