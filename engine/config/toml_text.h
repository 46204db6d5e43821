#pragma once
// What TOML 1.0 allows where, as far as toml++ 3.3 has to be kept away from it.

#include <cstddef>
#include <optional>
#include <string_view>

namespace sallyport::config {

/// The first octet that is not ASCII and stands neither in a text nor in a comment, where alone
/// TOML allows it: its offset. Up to the first mistake in a file this reads quotes as toml++ does;
/// behind one, toml++ reads no more.
[[nodiscard]] std::optional<std::size_t> first_stray_octet(std::string_view text) noexcept;

}  // namespace sallyport::config
