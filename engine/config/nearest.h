#pragma once
// "Did you mean …?": the known word nearest to an unknown one.

#include <span>
#include <string_view>

namespace sallyport::config {

/// The candidate that the fewest edits (insert, delete, replace, swap of neighbours) turn `word`
/// into, or that begins with it; empty when even that one is too far to be what was meant.
[[nodiscard]] std::string_view nearest(std::string_view word,
                                       std::span<const std::string_view> candidates);

}  // namespace sallyport::config
