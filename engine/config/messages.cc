#include "engine/config/messages.h"

#include <algorithm>

#include "protocol/ascii.h"
#include "protocol/check.h"

namespace sallyport::config {

Messages english_messages() {
  return {
      .denied_message = "Login denied on the phone.",
      .expired_message = "No answer from the phone in time.",
      .unknown_user_message = "Login not confirmed.",
      .unavailable_message = "The second factor is not available. Try again later.",
      .policy_denied_message = "This login is not allowed.",
      .limited_message = "Too many login attempts. Wait a few minutes.",
      .otp_prompt = "Code from your authenticator app:",
      .otp_retry_prompt = "That code is wrong. Code from your authenticator app:",
      .otp_denied_message = "Login not confirmed: wrong code.",
      .otp_expired_message = "That took too long. Log in again.",
      .token_prompt = "Code that was sent to you:",
      .token_retry_prompt = "That code is wrong. Code that was sent to you:",
      .link_denied_message = "Login denied.",
      .link_expired_message = "Login not confirmed in time.",
      .menu_push = "confirm on the phone",
      .menu_otp = "code from your authenticator app",
      .menu_token = "code by message",
      .menu_link = "link by message",
      .code_missing_message = "Type your password, a comma, and the code of your app.",
      .number_prompt =
          "Your number is {number}. Press Enter, and confirm on the phone that shows it.",
  };
}

std::uint8_t language_index(std::span<const Messages> translations,
                            std::string_view language) noexcept {
  if (language.empty()) return 0;
  CHECK(translations.size() <= kMaxTranslations);
  const auto found = std::ranges::find_if(translations, [&](const Messages& messages) {
    return equal_ignoring_case(messages.language, language);
  });
  if (found == translations.end()) return 0;
  return static_cast<std::uint8_t>(1 + (found - translations.begin()));
}

std::vector<Messages> completed(const Messages& general, std::vector<Messages> translations) {
  for (Messages& messages : translations) {
    for (const auto text : kMessageTexts)
      if ((messages.*text).empty()) messages.*text = general.*text;
  }
  return translations;
}

}  // namespace sallyport::config
