#pragma once
// The keys of one JSON object while it is converted. Each is taken once; what nobody has taken is
// named by finish(), so that no key is passed over in silence. Keys are compared as Go's
// encoding/json does, without regard to case.

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/config/doorman_output.h"
#include "engine/config/json_tree.h"

namespace sallyport::config {

class DoormanKeys {
 public:
  /// `path`: of the object. What is wrong is said in `at`. All outlive it.
  DoormanKeys(const JsonValue& value, std::string path, DoormanOutput& output, OutputSection& at);

  /// Null: not there, or JSON's null.
  [[nodiscard]] const JsonValue* take(std::string_view key);
  // Nothing: not there, or of another type, which is said.
  [[nodiscard]] std::optional<std::string> text(std::string_view key);
  [[nodiscard]] std::optional<bool> flag(std::string_view key);
  [[nodiscard]] std::optional<double> number(std::string_view key);
  /// A number of nanoseconds or Go's "1h30m".
  [[nodiscard]] std::optional<double> duration_ms(std::string_view key);
  /// A list of texts; others in it are said.
  [[nodiscard]] std::vector<std::string> texts(std::string_view key);
  [[nodiscard]] const JsonArray* list(std::string_view key);
  [[nodiscard]] const JsonValue* object(std::string_view key);

  // Takes a key and writes a setting from it.
  void copy_text(std::string_view key, OutputSection& to, std::string_view setting);
  void copy_flag(std::string_view key, OutputSection& to, std::string_view setting);
  void copy_inverted(std::string_view key, OutputSection& to, std::string_view setting);
  /// A duration out of range becomes the nearest in range, which is said.
  void copy_duration(std::string_view key, OutputSection& to, std::string_view setting,
                     std::uint32_t min_ms, std::uint32_t max_ms);
  /// A secret: "{env.NAME}" becomes SETTING_env.
  void copy_secret(std::string_view key, OutputSection& to, std::string_view setting);

  [[nodiscard]] std::string path(std::string_view key) const;
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] OutputSection& at() { return at_; }
  [[nodiscard]] DoormanOutput& output() { return output_; }
  /// If it is there: it is taken, and said not to be converted.
  void lost(std::string_view key, std::string_view why);
  void told(std::string_view key, std::string_view what);
  /// If it is there: it is taken, and needs nothing.
  void needless(std::string_view key, std::string_view why);

  void finish();

 private:
  void wrong_type(std::string_view key, const JsonValue& value, std::string_view wanted);

  const JsonObject* object_ = nullptr;
  std::string path_;
  DoormanOutput& output_;
  OutputSection& at_;
  std::set<const JsonValue*> taken_;
};

/// "1h30m", "1.5h", "100us" in milliseconds; nothing: no duration of Go's or Caddy's.
[[nodiscard]] std::optional<double> parse_go_duration_ms(std::string_view text);
/// A duration as TOML, within bounds.
[[nodiscard]] std::string duration_literal(double ms, std::uint32_t min_ms, std::uint32_t max_ms);

}  // namespace sallyport::config
