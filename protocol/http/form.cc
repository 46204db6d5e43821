#include "protocol/http/form.h"

#include <algorithm>
#include <optional>

#include "protocol/ascii.h"
#include "protocol/http/field_text.h"
#include "protocol/utf8.h"

namespace sallyport::http {
namespace {

/// Nothing: an escape is malformed.
std::optional<std::string> decode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      decoded += text[at] == '+' ? ' ' : text[at];
      continue;
    }
    if (text.size() - at < 3) return std::nullopt;
    const int high = hex_value(text[at + 1]);
    const int low = hex_value(text[at + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    decoded += static_cast<char>(high << 4 | low);
    at += 2;
  }
  return decoded;
}

}  // namespace

bool is_plain_text(std::string_view text) noexcept {
  while (!text.empty()) {
    const auto first = static_cast<unsigned char>(text.front());
    const std::size_t size = decode_utf8(text).octets;
    if (size == 0 || first < 0x20 || first == 0x7f) return false;
    text.remove_prefix(size);
  }
  return true;
}

std::expected<FormFields, FormError> read_form(std::string_view text, const FormBounds& bounds) {
  FormFields fields;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('&'), text.size());
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (pair.empty()) continue;
    if (fields.size() == bounds.fields) return std::unexpected(FormError::too_many);
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const std::string_view raw_value = pair.substr(std::min(equals + 1, pair.size()));
    // Three octets make one at the most: what is longer than that is not even decoded.
    if (equals > 3 * bounds.name_octets || raw_value.size() > 3 * bounds.value_octets) {
      return std::unexpected(FormError::too_long);
    }
    auto name = decode(pair.substr(0, equals));
    auto value = decode(raw_value);
    if (!name || !value) return std::unexpected(FormError::malformed);
    if (name->size() > bounds.name_octets || value->size() > bounds.value_octets) {
      return std::unexpected(FormError::too_long);
    }
    if (!is_plain_text(*name) || !is_plain_text(*value)) {
      return std::unexpected(FormError::not_text);
    }
    fields.emplace_back(std::move(*name), std::move(*value));
  }
  return fields;
}

bool is_form_type(std::string_view content_type) noexcept {
  const std::string_view type = content_type.substr(0, content_type.find(';'));
  return equal_ignoring_case(trim(type), "application/x-www-form-urlencoded");
}

std::string_view form_value(const FormFields& fields, std::string_view name) noexcept {
  const auto found = std::ranges::find(
      fields, name, [](const auto& field) { return std::string_view(field.first); });
  return found == fields.end() ? std::string_view() : std::string_view(found->second);
}

}  // namespace sallyport::http
