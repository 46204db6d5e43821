#pragma once
// What a policy's settings say as texts: hours, port types, attributes. Each add_… appends what
// `text` says to `to`, or says what is wrong with it and appends nothing.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/config/checks.h"
#include "engine/config/policy.h"

namespace sallyport::config {

/// "mon-fri 08:00-18:00", "sat,sun", "22:00-06:00" (until the next morning).
[[nodiscard]] Finding add_hours(std::string_view text, std::vector<Hours>& to);
[[nodiscard]] std::string text_of(const Hours& hours);

/// "Virtual", "Wireless-802.11", or a number (RFC 2865 §5.41).
[[nodiscard]] Finding add_nas_port_type(std::string_view text, std::vector<std::uint32_t>& to);
[[nodiscard]] std::string nas_port_type_text(const std::uint32_t& type);

/// A name of a client, user, realm or group: not empty, one line.
[[nodiscard]] Finding add_name(std::string_view text, std::vector<std::string>& to);

/// "push" or "otp".
[[nodiscard]] Finding add_login_factor(std::string_view text, std::vector<verify::LoginFactor>& to);
[[nodiscard]] std::string login_factor_text(const verify::LoginFactor& factor);

/// One printable ASCII character that is neither a letter nor a digit.
[[nodiscard]] Finding check_separator(std::string_view text);

/// "Class = mfa=push": an attribute and its text. Not one that belongs to the hop, to the exchange
/// or to the user's secrets.
[[nodiscard]] Finding add_accept_attribute(std::string_view text, std::vector<AcceptAttribute>& to);
[[nodiscard]] std::string text_of(const AcceptAttribute& attribute);

/// A Reply-Message, which may hold {user}, {client}, {calling_station}, {nas} and {number}
/// (engine/radius/message_text.h).
[[nodiscard]] Finding check_message(std::string_view text);

/// The attribute that holds a user's groups (protocol/radius/attribute_name.h); empty is fine.
[[nodiscard]] Finding check_group_attribute(std::string_view text);

}  // namespace sallyport::config
