#pragma once
// What a form sends (application/x-www-form-urlencoded, URL Standard §5.1), and queries, which are
// written alike. Pure; any thread.

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sallyport::http {

/// Decoded; in their order, one name perhaps several times.
using FormFields = std::vector<std::pair<std::string, std::string>>;

struct FormBounds {
  std::size_t fields = 32;
  std::size_t name_octets = 64;
  std::size_t value_octets = 16'384;  ///< decoded
};

enum class FormError : std::uint8_t {
  too_many,   ///< fields
  too_long,   ///< a name or a value
  malformed,  ///< an escape that is none
  not_text,   ///< a name or value with a control character, or not UTF-8 (RFC 3629)
};

/// "+" is a space. A field without "=" has an empty value; an empty one is no field.
[[nodiscard]] std::expected<FormFields, FormError> read_form(std::string_view text,
                                                             const FormBounds& bounds = {});

/// Whether Content-Type says that the content is such a form; parameters are ignored.
[[nodiscard]] bool is_form_type(std::string_view content_type) noexcept;

/// UTF-8 without control characters (C0, DEL).
[[nodiscard]] bool is_plain_text(std::string_view text) noexcept;

/// The first value of that name; empty: there is none.
[[nodiscard]] std::string_view form_value(const FormFields& fields, std::string_view name) noexcept;

}  // namespace sallyport::http
