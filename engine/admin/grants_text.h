#pragma once
// What the daemon tells of grants (engine/http/operator_commands.h), for people and for programs.
// Pure.

#include <string>
#include <string_view>

namespace sallyport::admin {

/// `lines`: id, address, user, since, until, by and reason between tabs. A table with a head; empty
/// if there are none.
[[nodiscard]] std::string grants_table(std::string_view lines);
/// A list of objects of the same names; times in RFC 3339.
[[nodiscard]] std::string grants_json(std::string_view lines);

}  // namespace sallyport::admin
