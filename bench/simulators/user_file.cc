#include "bench/simulators/user_file.h"

#include <fmt/format.h>

#include "bench/simulators/text.h"

namespace sallyport::lab {

std::expected<UserPasswords, std::string> parse_users(std::string_view text) {
  UserPasswords users;
  LineReader lines(text);
  while (lines.next()) {
    const std::string_view line = lines.line();
    const std::size_t end = line.find_first_of("= \t");
    if (end == std::string_view::npos || end == 0)
      return std::unexpected(fmt::format("line {}: write a name and a password", lines.number()));
    users.insert_or_assign(std::string(line.substr(0, end)), Secret(trim(line.substr(end + 1))));
  }
  return users;
}

}  // namespace sallyport::lab
