#pragma once
// Presses a button of the phone page, the way a browser's form does.

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "protocol/ip_address.h"

namespace sallyport::lab {

/// `verdict`: "approve" or "deny". The HTTP status of the answer. Blocks, but not longer than a few
/// seconds.
[[nodiscard]] std::expected<std::uint16_t, std::string> press(const Endpoint& phone,
                                                              std::string_view uuid,
                                                              std::string_view verdict);

}  // namespace sallyport::lab
