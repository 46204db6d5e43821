#pragma once
// The texts of our Reply-Messages (RFC 2865 §5.18), in one language: templates (policy_text.h).

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::config {

/// An empty text: there is no Reply-Message; in a translation, the general text is taken. Their
/// table: message_texts.h.
struct Messages {
  std::string language = {};  ///< of a translation: "de", "pt-BR"
  std::string denied_message = {};
  std::string expired_message = {};
  std::string unknown_user_message = {};
  std::string unavailable_message = {};
  std::string policy_denied_message = {};
  std::string limited_message = {};
  std::string otp_prompt = {};  ///< a prompt: of an Access-Challenge
  std::string otp_retry_prompt = {};
  std::string otp_denied_message = {};
  std::string otp_expired_message = {};
  std::string token_prompt = {};
  std::string token_retry_prompt = {};
  std::string link_denied_message = {};
  std::string link_expired_message = {};
  std::string menu_prompt = {};  ///< empty: made of the four below
  std::string menu_push = {};
  std::string menu_otp = {};
  std::string menu_token = {};
  std::string menu_link = {};
  std::string code_missing_message = {};
  std::string number_prompt = {};
  bool operator==(const Messages&) const = default;
};

/// What is said when nothing is configured.
[[nodiscard]] Messages english_messages();

inline constexpr std::size_t kMaxTranslations = 254;

/// The number of a translation, 1…; 0: there is none of this language, or it is empty.
[[nodiscard]] std::uint8_t language_index(std::span<const Messages> translations,
                                          std::string_view language) noexcept;

/// The translations in their order, each with the general text where it has none of its own.
[[nodiscard]] std::vector<Messages> completed(const Messages& general,
                                              std::vector<Messages> translations);

}  // namespace sallyport::config
