#pragma once
// One way to a user: SMTP, a URL, a command. send() waits, on a thread of the messenger's.

#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "verify/channels/message_texts.h"
#include "verify/channels/messenger.h"

namespace sallyport::verify {

/// Why an attempt has failed. `text`: a sentence for the log, without codes, links or secrets.
struct SendFailure {
  std::string text;
  bool lasting = false;  ///< the same again would fail again: the next channel is tried at once
};

/// What templates of URL and command channels may name.
[[nodiscard]] std::span<const std::string_view> channel_placeholders() noexcept;

class Channel {
 public:
  virtual ~Channel() = default;
  /// Any thread, several at once. `stop`: readable when nobody waits any more.
  [[nodiscard]] virtual std::expected<void, SendFailure> send(const Message& message,
                                                              const MessageText& text,
                                                              int stop) = 0;
  /// Any thread. Whether the user has what it needs: an address, a number.
  [[nodiscard]] virtual bool reaches(const User& user) const = 0;
};

using MadeChannel = std::expected<std::unique_ptr<Channel>, std::string>;
// An error is one line that says what to mend.
[[nodiscard]] MadeChannel make_channel(const ChannelSettings& settings, const std::string& issuer);
[[nodiscard]] MadeChannel make_smtp_channel(const SmtpChannelSettings& settings,
                                            std::uint32_t timeout_ms);
[[nodiscard]] MadeChannel make_url_channel(const UrlChannelSettings& settings,
                                           std::uint32_t timeout_ms, const std::string& issuer);
[[nodiscard]] MadeChannel make_command_channel(const CommandChannelSettings& settings,
                                               std::uint32_t timeout_ms, const std::string& issuer);

/// The values of channel_placeholders() for a message. Views of all three.
[[nodiscard]] std::vector<TemplateValue> channel_values(const Message& message,
                                                        const MessageText& text,
                                                        const std::string& issuer);

}  // namespace sallyport::verify
