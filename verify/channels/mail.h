#pragma once
// A message as mail: RFC 5322 with MIME (RFC 2045 to 2047), text and HTML as alternatives. Pure;
// any thread.

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/random.h"
#include "verify/channels/message_texts.h"

namespace sallyport::verify {

struct MailAddress {
  std::string name;  ///< UTF-8; may be empty
  std::string mail;  ///< is_mail_address()
};

/// What SMTP takes as it is: local@domain of printable ASCII without spaces, brackets, commas or
/// quotes, so that nothing can be added to an envelope or a header by it.
[[nodiscard]] bool is_mail_address(std::string_view text) noexcept;

/// With CRLF line ends, none longer than 998 octets. `unix_s`: its Date.
[[nodiscard]] std::string mail_octets(const MailAddress& from, const MailAddress& to,
                                      const MessageText& text, std::uint64_t unix_s,
                                      RandomSource& random);

}  // namespace sallyport::verify
