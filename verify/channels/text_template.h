#pragma once
// Texts with placeholders, "{code}": lower case letters and underscores in braces. Other braces are
// text, so that JSON can be written as it is. What a placeholder brings in is never looked at
// again. Immutable; any thread.

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sallyport::verify {

/// How a value becomes part of the text around it.
enum class Escape : std::uint8_t {
  none,
  html,    ///< within elements and quoted attributes
  query,   ///< within a URL's query or a form (application/x-www-form-urlencoded)
  json,    ///< within a JSON string
  header,  ///< within a header field: no line ends or other controls
};

using TemplateValue = std::pair<std::string_view, std::string_view>;
using TemplateValues = std::span<const TemplateValue>;

class TextTemplate {
 public:
  TextTemplate() = default;
  /// Every placeholder is one of `known`; an error is a sentence without its full stop.
  [[nodiscard]] static std::expected<TextTemplate, std::string> parse(
      std::string_view text, std::span<const std::string_view> known);

  /// A value that is not given is empty.
  [[nodiscard]] std::string render(TemplateValues values, Escape escape) const;
  [[nodiscard]] bool names(std::string_view placeholder) const noexcept;
  /// Nothing of the operator's stands before the first value.
  [[nodiscard]] bool begins_with_value() const noexcept {
    return !parts_.empty() && parts_[0].text.empty();
  }
  [[nodiscard]] bool empty() const noexcept { return parts_.empty(); }

 private:
  struct Part {
    std::string text;         ///< before the placeholder
    std::string placeholder;  ///< empty: none follows
  };
  std::vector<Part> parts_;
};

void append_escaped(std::string& out, std::string_view value, Escape escape);

}  // namespace sallyport::verify
