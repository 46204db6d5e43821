#pragma once
// Go's templates of doorman's transports as templates of ours: "{{.message}}" → "{text}".

#include <expected>
#include <string>
#include <string_view>

namespace sallyport::config {

struct DoormanSender {
  std::string mail;
  std::string name;
};

/// `text` may have its braces escaped for Caddy, as in "\{\{.message}}". An error says why not.
[[nodiscard]] std::expected<std::string, std::string> convert_go_template(
    std::string_view text, const DoormanSender& from);

}  // namespace sallyport::config
