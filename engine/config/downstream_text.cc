#include "engine/config/downstream_text.h"

namespace sallyport::config {
namespace {

/// What fits a User-Name or a Called-Station-Id (RFC 2865 §5).
constexpr std::size_t kMaxOctets = 253;

}  // namespace

Finding add_realm(std::string_view text, std::vector<std::string>& realms) {
  if (text.size() > kMaxOctets || check_one_line(text)) {
    return Complaint{.wrong = "is no realm: it is too long, or has control characters",
                     .mend = "Write a realm like \"example.com\"."};
  }
  if (text.find('@') != std::string_view::npos || text.find('\\') != std::string_view::npos) {
    return Complaint{.wrong = "holds a separator", .mend = "Write the realm without @ or \\."};
  }
  const std::string_view after = text.starts_with("*.") ? text.substr(2) : text;
  if (text != "*" &&
      (after.find('*') != std::string_view::npos || (after.empty() && !text.empty()))) {
    return Complaint{.wrong = "has a * that is not its beginning",
                     .mend = "Write \"*.example.com\", \"*\" or a realm in full."};
  }
  realms.emplace_back(text);
  return std::nullopt;
}

Finding add_client_name(std::string_view text, std::vector<std::string>& names) {
  if (Finding wrong = check_client_name(text)) return wrong;
  names.emplace_back(text);
  return std::nullopt;
}

Finding add_pattern(std::string_view text, std::vector<std::string>& patterns) {
  if (text.empty() || text.size() > kMaxOctets || check_one_line(text)) {
    return Complaint{.wrong = "is no pattern: it is empty, too long, or has control characters",
                     .mend = "Write a pattern like \"*:eduroam\"."};
  }
  patterns.emplace_back(text);
  return std::nullopt;
}

}  // namespace sallyport::config
