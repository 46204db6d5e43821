#include "engine/config/doorman_keys.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <system_error>

#include <fmt/format.h>

#include "engine/config/duration.h"
#include "engine/config/environment_text.h"
#include "protocol/ascii.h"

namespace sallyport::config {
namespace {

constexpr double kNanosecondsInMs = 1e6;

/// "NAME" of "{env.NAME}", when that is all of it.
std::optional<std::string_view> whole_variable(std::string_view text) {
  if (!text.starts_with(kEnvironmentMark) || text.find('}') != text.size() - 1) return std::nullopt;
  return text.substr(kEnvironmentMark.size(), text.size() - kEnvironmentMark.size() - 1);
}

}  // namespace

DoormanKeys::DoormanKeys(const JsonValue& value, std::string path, DoormanOutput& output,
                         OutputSection& at)
    : object_(std::get_if<JsonObject>(&value.value)),
      path_(std::move(path)),
      output_(output),
      at_(at) {
  if (object_ == nullptr && !std::holds_alternative<std::monostate>(value.value)) {
    output_.lost(at_, path_, fmt::format("it is {}, not an object", kind_of(value)));
  }
}

const JsonValue* DoormanKeys::take(std::string_view key) {
  if (object_ == nullptr) return nullptr;
  const JsonValue* found = nullptr;
  for (const auto& [name, value] : object_->entries) {
    if (!equal_ignoring_case(name, key)) continue;
    taken_.insert(&value);
    found = &value;  // as in Go, the last one counts
  }
  if (found != nullptr && std::holds_alternative<std::monostate>(found->value)) return nullptr;
  return found;
}

void DoormanKeys::wrong_type(std::string_view key, const JsonValue& value,
                             std::string_view wanted) {
  output_.lost(at_, path(key), fmt::format("it is {}, not {}", kind_of(value), wanted));
}

std::optional<std::string> DoormanKeys::text(std::string_view key) {
  const JsonValue* value = take(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* text = std::get_if<std::string>(&value->value)) return *text;
  wrong_type(key, *value, "a text");
  return std::nullopt;
}

std::optional<bool> DoormanKeys::flag(std::string_view key) {
  const JsonValue* value = take(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* flag = std::get_if<bool>(&value->value)) return *flag;
  wrong_type(key, *value, "true or false");
  return std::nullopt;
}

std::optional<double> DoormanKeys::number(std::string_view key) {
  const JsonValue* value = take(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* number = std::get_if<double>(&value->value)) return *number;
  wrong_type(key, *value, "a number");
  return std::nullopt;
}

std::optional<double> DoormanKeys::duration_ms(std::string_view key) {
  const JsonValue* value = take(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* number = std::get_if<double>(&value->value)) return *number / kNanosecondsInMs;
  if (const auto* text = std::get_if<std::string>(&value->value)) {
    const auto duration = parse_go_duration_ms(*text);
    if (!duration) output_.lost(at_, path(key), "it is no duration");
    return duration;
  }
  wrong_type(key, *value, "a duration");
  return std::nullopt;
}

const JsonArray* DoormanKeys::list(std::string_view key) {
  const JsonValue* value = take(key);
  if (value == nullptr) return nullptr;
  const auto* list = std::get_if<JsonArray>(&value->value);
  if (list == nullptr) wrong_type(key, *value, "a list");
  return list;
}

const JsonValue* DoormanKeys::object(std::string_view key) {
  const JsonValue* value = take(key);
  if (value == nullptr) return nullptr;
  if (std::holds_alternative<JsonObject>(value->value)) return value;
  wrong_type(key, *value, "an object");
  return nullptr;
}

std::vector<std::string> DoormanKeys::texts(std::string_view key) {
  std::vector<std::string> out;
  const JsonArray* elements = list(key);
  if (elements == nullptr) return out;
  for (const JsonValue& element : *elements) {
    if (const auto* text = std::get_if<std::string>(&element.value)) {
      out.push_back(*text);
    } else {
      wrong_type(key, element, "a text");
    }
  }
  return out;
}

void DoormanKeys::copy_text(std::string_view key, OutputSection& to, std::string_view setting) {
  if (const auto value = text(key); value && !value->empty()) {
    to.set(setting, in_quotes(*value), path(key));
  }
}

void DoormanKeys::copy_flag(std::string_view key, OutputSection& to, std::string_view setting) {
  if (const auto value = flag(key)) to.set(setting, *value ? "true" : "false", path(key));
}

void DoormanKeys::copy_inverted(std::string_view key, OutputSection& to, std::string_view setting) {
  if (const auto value = flag(key)) to.set(setting, *value ? "false" : "true", path(key));
}

void DoormanKeys::copy_duration(std::string_view key, OutputSection& to, std::string_view setting,
                                std::uint32_t min_ms, std::uint32_t max_ms) {
  const auto value = duration_ms(key);
  if (!value) return;
  if (*value < min_ms || *value > max_ms) {
    DoormanOutput::told(to, path(key), "it is out of range here, and the nearest value is taken");
  }
  to.set(setting, duration_literal(*value, min_ms, max_ms), path(key));
}

void DoormanKeys::copy_secret(std::string_view key, OutputSection& to, std::string_view setting) {
  const auto value = text(key);
  if (!value || value->empty()) return;
  if (const auto variable = whole_variable(*value)) {
    to.set(fmt::format("{}_env", setting), in_quotes(*variable), path(key));
  } else {
    to.set(setting, in_quotes(*value), path(key));
  }
}

std::string DoormanKeys::path(std::string_view key) const {
  return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

void DoormanKeys::lost(std::string_view key, std::string_view why) {
  if (take(key) != nullptr) output_.lost(at_, path(key), why);
}

void DoormanKeys::told(std::string_view key, std::string_view what) {
  DoormanOutput::told(at_, path(key), what);
}

void DoormanKeys::needless(std::string_view key, std::string_view why) {
  if (take(key) != nullptr) told(key, why);
}

void DoormanKeys::finish() {
  if (object_ == nullptr) return;
  for (const auto& [name, value] : object_->entries) {
    if (taken_.contains(&value)) continue;
    output_.lost(at_, path(name), "it is not known here");
  }
}

std::optional<double> parse_go_duration_ms(std::string_view text) {
  struct Unit {
    std::string_view name;
    double ms;
  };
  constexpr std::array<Unit, 9> kUnits = {{{"ns", 1e-6},
                                           {"us", 1e-3},
                                           {"\xc2\xb5s", 1e-3},
                                           {"\xce\xbcs", 1e-3},
                                           {"ms", 1},
                                           {"s", 1e3},
                                           {"m", 6e4},
                                           {"h", 3.6e6},
                                           {"d", 8.64e7}}};
  double sign = 1;
  if (text.starts_with('-') || text.starts_with('+')) {
    if (text.front() == '-') sign = -1;
    text.remove_prefix(1);
  }
  if (text == "0") return 0;
  if (text.empty()) return std::nullopt;
  double sum = 0;
  while (!text.empty()) {
    double number = 0;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (error != std::errc{} || number < 0) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    const auto unit_end = std::min(text.find_first_of("0123456789."), text.size());
    const auto unit = std::ranges::find(kUnits, text.substr(0, unit_end), &Unit::name);
    if (unit == kUnits.end()) return std::nullopt;
    sum += number * unit->ms;
    text.remove_prefix(unit_end);
  }
  return sign * sum;
}

std::string duration_literal(double ms, std::uint32_t min_ms, std::uint32_t max_ms) {
  const double bounded = std::clamp(ms, double{1} * min_ms, double{1} * max_ms);
  return in_quotes(duration_text(static_cast<std::uint32_t>(std::llround(bounded))));
}

}  // namespace sallyport::config
