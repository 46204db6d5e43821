#pragma once
// The texts of our Reply-Messages, written by the operator with placeholders: {user} {client}
// {calling_station} {nas} {number}. One pass: what a placeholder brings in is never looked at
// again, and no control character of it comes through. No allocation.

#include <array>
#include <cstdint>
#include <string_view>

#include "engine/radius/sender_note.h"
#include "protocol/radius/codes.h"

namespace sallyport::radius_door {

/// One Reply-Message attribute (RFC 2865 §5.18).
using MessageRoom = std::array<char, radius::kMaxAttributeValueOctets>;

/// Of a checked text (config::check_message), in `room`; what has no room is cut at a character's
/// border. `number`: 10..99; 0: there is none, and its placeholder stands for nothing.
[[nodiscard]] std::string_view render_message(std::string_view text, const SenderNote& note,
                                              std::string_view client, std::uint8_t number,
                                              MessageRoom& room) noexcept;

}  // namespace sallyport::radius_door
