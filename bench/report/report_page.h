#pragma once
// One HTML file out of results of `sallyport-lab bench`: no network, nothing beside it. The data
// travels as JSON in the page, and the page's own script draws the charts from it.

#include <expected>
#include <span>
#include <string>
#include <string_view>

namespace sallyport::lab {

/// A result as it was read. `name` is shown to the reader and must be valid UTF-8.
struct ResultText {
  std::string name;
  std::string json;
};

/// `generated`: when, as RFC 3339. Errors are one line that begins with the name of the result: not
/// JSON, not a result, a schema or a kind that this version does not know.
[[nodiscard]] std::expected<std::string, std::string> report_page(
    std::span<const ResultText> results, std::string_view generated);

}  // namespace sallyport::lab
