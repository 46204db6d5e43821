#include "engine/config/json_tree.h"

#include <algorithm>
#include <optional>

#include <simdjson.h>

namespace sallyport::config {
namespace {

namespace ondemand = simdjson::ondemand;

constexpr int kMaxDepth = 100;

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text), padded_(text) {}

  std::expected<JsonValue, JsonError> read() {
    simdjson::error_code error = parser_.iterate(padded_).get(document_);
    JsonValue out;
    if (error == simdjson::SUCCESS) {
      ondemand::value root;
      error = document_.get_value().get(root);
      if (error == simdjson::SUCCESS) error = convert(root, out, 0);
    }
    const char* behind = nullptr;
    if (error == simdjson::SUCCESS &&
        document_.current_location().get(behind) == simdjson::SUCCESS) {
      return std::unexpected(JsonError{.where = here(), .wrong = "goes on behind its end"});
    }
    if (error != simdjson::SUCCESS) return std::unexpected(explain(error));
    return out;
  }

 private:
  // NOLINTNEXTLINE(misc-no-recursion): no deeper than kMaxDepth.
  simdjson::error_code convert(ondemand::value value, JsonValue& out, int depth) {
    if (depth > kMaxDepth) return simdjson::DEPTH_ERROR;
    ondemand::json_type type{};
    if (const auto error = value.type().get(type)) return error;
    switch (type) {
      case ondemand::json_type::object: return convert_object(value, out, depth);
      case ondemand::json_type::array: return convert_array(value, out, depth);
      case ondemand::json_type::string: {
        std::string_view text;
        if (const auto error = value.get_string().get(text)) return error;
        out.value = std::string(text);
        return simdjson::SUCCESS;
      }
      case ondemand::json_type::number: {
        double number = 0;
        if (const auto error = value.get_double().get(number)) return error;
        out.value = number;
        return simdjson::SUCCESS;
      }
      case ondemand::json_type::boolean: {
        bool flag = false;
        if (const auto error = value.get_bool().get(flag)) return error;
        out.value = flag;
        return simdjson::SUCCESS;
      }
      case ondemand::json_type::null: {
        bool null = false;
        if (const auto error = value.is_null().get(null)) return error;
        return null ? simdjson::SUCCESS : simdjson::N_ATOM_ERROR;
      }
    }
    return simdjson::TAPE_ERROR;
  }
  // NOLINTNEXTLINE(misc-no-recursion)
  simdjson::error_code convert_object(ondemand::value& value, JsonValue& out, int depth) {
    ondemand::object object;
    if (const auto error = value.get_object().get(object)) return error;
    JsonObject made;
    for (auto field : object) {
      std::string_view key;
      if (const auto error = field.unescaped_key().get(key)) return error;
      ondemand::value inner;
      std::string name(key);
      if (const auto error = field.value().get(inner)) return error;
      JsonValue converted;
      if (const auto error = convert(inner, converted, depth + 1)) return error;
      made.entries.push_back({.name = std::move(name), .value = std::move(converted)});
    }
    out.value = std::move(made);
    return simdjson::SUCCESS;
  }
  // NOLINTNEXTLINE(misc-no-recursion)
  simdjson::error_code convert_array(ondemand::value& value, JsonValue& out, int depth) {
    ondemand::array array;
    if (const auto error = value.get_array().get(array)) return error;
    JsonArray made;
    for (auto element : array) {
      ondemand::value inner;
      if (const auto error = element.get(inner)) return error;
      JsonValue converted;
      if (const auto error = convert(inner, converted, depth + 1)) return error;
      made.push_back(std::move(converted));
    }
    out.value = std::move(made);
    return simdjson::SUCCESS;
  }

  [[nodiscard]] Position at(std::size_t offset) const {
    const std::string_view before = text_.substr(0, std::min(offset, text_.size()));
    return {.line = static_cast<std::uint32_t>(1 + std::ranges::count(before, '\n')),
            .column = static_cast<std::uint32_t>(before.size() - (before.rfind('\n') + 1) + 1)};
  }
  [[nodiscard]] Position here() {
    const char* location = nullptr;
    if (document_.current_location().get(location) != simdjson::SUCCESS) return at(text_.size());
    return at(static_cast<std::size_t>(location - padded_.data()));
  }
  /// The quote that no other closes.
  [[nodiscard]] Position open_quote() const {
    std::optional<std::size_t> open;
    for (std::size_t i = 0; i < text_.size(); ++i) {
      if (open && text_[i] == '\\') {
        ++i;
      } else if (text_[i] == '"') {
        open = open ? std::nullopt : std::optional(i);
      }
    }
    return at(open.value_or(text_.size()));
  }
  [[nodiscard]] JsonError explain(simdjson::error_code error) {
    if (error == simdjson::EMPTY) return {.where = at(0), .wrong = "holds nothing"};
    if (error == simdjson::UTF8_ERROR) return {.where = {}, .wrong = "is not UTF-8"};
    if (error == simdjson::UNCLOSED_STRING) {
      return {.where = open_quote(), .wrong = "has a text without its closing quote"};
    }
    if (error == simdjson::DEPTH_ERROR) return {.where = here(), .wrong = "is nested too deep"};
    return {.where = here(), .wrong = "is not JSON near here"};
  }

  std::string_view text_;
  simdjson::padded_string padded_;
  ondemand::parser parser_;
  ondemand::document document_;
};

}  // namespace

std::expected<JsonValue, JsonError> parse_json(std::string_view text) {
  return Reader(text).read();
}

std::string_view kind_of(const JsonValue& value) noexcept {
  struct Namer {
    std::string_view operator()(std::monostate) const { return "null"; }
    std::string_view operator()(bool) const { return "true or false"; }
    std::string_view operator()(double) const { return "a number"; }
    std::string_view operator()(const std::string&) const { return "a text"; }
    std::string_view operator()(const JsonArray&) const { return "a list"; }
    std::string_view operator()(const JsonObject&) const { return "an object"; }
  };
  return std::visit(Namer{}, value.value);
}

}  // namespace sallyport::config
