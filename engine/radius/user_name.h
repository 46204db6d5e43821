#pragma once
// The parts of a User-Name: "alice@example.com" (RFC 7542 §2.2), realm after the last @; or
// "EXAMPLE\alice", before the first backslash.

#include <string_view>

namespace sallyport::radius_door {

struct NameParts {
  std::string_view user;   ///< without the realm
  std::string_view realm;  ///< empty: none
};
[[nodiscard]] NameParts split_name(std::string_view user_name) noexcept;

}  // namespace sallyport::radius_door
