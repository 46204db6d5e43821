#pragma once
// Dates as HTTP writes them (RFC 9110 §5.6.7). Pure; any thread.

#include <array>
#include <cstdint>
#include <string_view>

namespace sallyport::http {

using DateBuffer = std::array<char, 29>;

/// "Sun, 06 Nov 1994 08:49:37 GMT", a view into `buffer`. `unix_seconds`: of the years 1970 to
/// 9999. Costs some 20 ns: one who writes many keeps it for the second.
std::string_view write_date(std::int64_t unix_seconds, DateBuffer& buffer) noexcept;

}  // namespace sallyport::http
