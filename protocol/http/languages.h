#pragma once
// Which of our languages a visitor reads. Pure; any thread.

#include <span>
#include <string>
#include <string_view>

namespace sallyport::http {

/// The one of `ours` that Accept-Language (RFC 9110 §12.5.4) weighs most, the first of equals; a
/// region that we have not is its language. Empty: none of them. The header may be anything; of a
/// long one only the first 32 ranges count.
[[nodiscard]] std::string_view accepted_language(std::string_view accept_language,
                                                 std::span<const std::string> ours) noexcept;

/// The one of `ours` that `text` names, in any case, by its whole or by its language alone. Empty:
/// none.
[[nodiscard]] std::string_view named_language(std::string_view text,
                                              std::span<const std::string> ours) noexcept;

}  // namespace sallyport::http
