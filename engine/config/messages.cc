#include "engine/config/messages.h"

#include <algorithm>

#include "engine/config/message_texts.h"
#include "protocol/ascii.h"
#include "protocol/check.h"

namespace sallyport::config {

Messages english_messages() {
  Messages messages;
  for (const MessageText& each : kMessageTexts) messages.*each.text = each.english;
  return messages;
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
    for (const MessageText& each : kMessageTexts)
      if ((messages.*each.text).empty()) messages.*each.text = general.*each.text;
  }
  return translations;
}

}  // namespace sallyport::config
