#pragma once
// What a message says: subject, text, HTML and short text in the user's language, built in (English
// and German) or from an operator's folder. Immutable; any thread.

#include <array>
#include <cstdint>
#include <expected>
#include <map>
#include <string>
#include <string_view>

#include "verify/channels/messenger.h"
#include "verify/channels/text_template.h"

namespace sallyport::verify {

struct MessageText {
  std::string subject;  ///< one line
  std::string text;
  std::string html;   ///< a whole document
  std::string brief;  ///< for short messages; one line
};

class MessageTexts {
 public:
  /// `settings.template_folder` has folders by language ("de"), in them files by kind and part:
  /// token.subject.txt, token.text.txt, token.html, token.short.txt. What is not there is as built
  /// in; a language that is not built in needs all four of each kind. An error is one line.
  [[nodiscard]] static std::expected<MessageTexts, std::string> make(
      const MessengerSettings& settings);

  [[nodiscard]] MessageText render(const Message& message) const;
  [[nodiscard]] bool has(std::string_view language) const { return languages_.contains(language); }

 private:
  struct Templates {
    TextTemplate subject;
    TextTemplate text;
    TextTemplate html;
    TextTemplate brief;
  };
  using ByKind = std::array<Templates, kMessageKinds>;

  using Languages = std::map<std::string, ByKind, std::less<>>;
  using Language = Languages::value_type;

  [[nodiscard]] const Language& language_of(const Message& message) const;

  Languages languages_;
  std::string default_language_;
  std::string issuer_;
  std::string imprint_url_;
  std::string privacy_policy_url_;
};

}  // namespace sallyport::verify
