#include "bench/simulators/user_file.h"

#include <fmt/format.h>

#include "bench/simulators/text.h"

namespace sallyport::lab {

std::expected<UserPasswords, std::string> parse_users(std::string_view text) {
  UserPasswords users;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::string_view whole = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), whole.size() + 1));
    ++number;
    const std::string_view line = trim(whole);
    if (line.empty() || line.starts_with('#')) continue;
    const std::size_t end = line.find_first_of("= \t");
    if (end == std::string_view::npos || end == 0)
      return std::unexpected(fmt::format("line {}: write a name and a password", number));
    users.insert_or_assign(std::string(line.substr(0, end)), Secret(trim(line.substr(end + 1))));
  }
  return users;
}

}  // namespace sallyport::lab
