#pragma once
// Reason phrases of status codes (the IANA registry). Pure; any thread.

#include <cstdint>
#include <string_view>

namespace sallyport::http {

/// "Not Found"; empty for a code that is not registered, which is as good a phrase (RFC 9112 §4).
[[nodiscard]] std::string_view reason_phrase(std::uint16_t status) noexcept;

}  // namespace sallyport::http
