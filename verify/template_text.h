#pragma once
// The texts that the phone shows, written by the operator with placeholders: {user} {client}
// {address} {calling_station} {called_station} {nas} {number}. One pass: what a placeholder brings
// in is never looked at again.

#include <expected>
#include <string>
#include <string_view>

#include "verify/verification.h"

namespace sallyport::verify {

/// Longer text is cut, at a character's border: no phone shows more.
inline constexpr std::size_t kMaxTemplateText = 1'024;

/// An error is one sentence that says what is wrong and what would be right.
[[nodiscard]] std::expected<void, std::string> check_template(std::string_view text);

/// Of a checked template; an unknown placeholder stays as it is.
[[nodiscard]] std::string render_template(std::string_view text, const Question& question);

}  // namespace sallyport::verify
