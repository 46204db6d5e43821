// What our Reply-Messages say, in general and in each language: one row each.

#include <array>
#include <utility>

#include "engine/config/gate_text.h"
#include "engine/config/message_texts.h"
#include "engine/config/policy_text.h"
#include "engine/config/rows.h"

namespace sallyport::config {
namespace {

using enum Presence;

template <std::size_t I>
constexpr auto general = [](Draft& draft) -> auto& {
  return draft.config.second_factor.messages.*kMessageTexts[I].text;
};
template <std::size_t I>
constexpr auto translated =
    [](Draft& draft) -> auto& { return draft.messages.*kMessageTexts[I].text; };
constexpr auto language = [](Draft& draft) -> auto& { return draft.messages.language; };

template <std::size_t... Is>
constexpr auto general_rows(std::index_sequence<Is...> /*all*/) {
  return std::to_array<Setting>(
      {{Section::second_factor, kMessageTexts[Is].key, optional,
        Text{general<Is>, kMaxReplyMessage, check_message}, "", "", kMessageTexts[Is].meaning}...});
}

template <std::size_t... Is>
constexpr auto rows_of_a_translation(std::index_sequence<Is...> /*all*/) {
  return std::to_array<Setting>(
      {{Section::second_factor_messages, "language", required, Text{language, 12, check_language},
        "\"de\"", "",
        "Language tag, by which a [[client]], [[radsec.client]] or [[policy]] asks for these "
        "texts: "
        "`de`, `pt-BR`."},
       {Section::second_factor_messages, kMessageTexts[Is].key, optional,
        Text{translated<Is>, kMaxReplyMessage, check_message}, "", "",
        "The same in this language. Empty: the text of [second_factor]."}...});
}

constexpr auto kEach = std::make_index_sequence<kMessageTexts.size()>();
constexpr auto kGeneral = general_rows(kEach);
constexpr auto kTranslations = rows_of_a_translation(kEach);

}  // namespace

std::span<const Setting> message_rows() noexcept { return kGeneral; }
std::span<const Setting> translation_rows() noexcept { return kTranslations; }

}  // namespace sallyport::config
