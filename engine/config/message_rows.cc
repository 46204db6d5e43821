// What our Reply-Messages say, in general and in each language: one row each.

#include <array>

#include "engine/config/gate_text.h"
#include "engine/config/policy_text.h"
#include "engine/config/rows.h"

namespace sallyport::config {
namespace {

template <auto Member>
constexpr auto general =
    [](Draft& draft) -> auto& { return draft.config.second_factor.messages.*Member; };
template <auto Member>
constexpr auto translated = [](Draft& draft) -> auto& { return draft.messages.*Member; };

template <auto Member>
constexpr Setting message(std::string_view key, std::string_view meaning) {
  return {Section::second_factor,
          key,
          Presence::optional,
          Text{general<Member>, kMaxReplyMessage, check_message},
          "",
          "",
          meaning};
}
template <auto Member>
constexpr Setting translation(std::string_view key) {
  return {Section::second_factor_messages,
          key,
          Presence::optional,
          Text{translated<Member>, kMaxReplyMessage, check_message},
          "",
          "",
          "The same in this language. Empty: the text of [second_factor]."};
}

constexpr std::array kGeneral = std::to_array<Setting>({
    message<&Messages::denied_message>(
        "denied_message",
        "Reply-Message of the Access-Reject when the user said no. May hold {user}, {client}, "
        "{calling_station} and {nas}. Empty: none. This and the other texts in more languages: "
        "[[second_factor.messages]]."),
    message<&Messages::expired_message>("expired_message",
                                        "The same when the user did not answer in time."),
    message<&Messages::unknown_user_message>(
        "unknown_user_message",
        "The same when Notakey does not know the user, or he has no phone there."),
    message<&Messages::unavailable_message>("unavailable_message",
                                            "The same when the second factor could not be asked."),
    message<&Messages::policy_denied_message>(
        "policy_denied_message",
        "Reply-Message where a [[policy]] with action = `deny` has no message of its own."),
    message<&Messages::limited_message>(
        "limited_message",
        "Reply-Message when the user is not asked because of [second_factor.limits]."),
    message<&Messages::otp_prompt>(
        "otp_prompt",
        "Reply-Message of the Access-Challenge that asks for a code, for policies with action = "
        "`otp`."),
    message<&Messages::otp_retry_prompt>("otp_retry_prompt", "The same after a wrong code."),
    message<&Messages::otp_denied_message>(
        "otp_denied_message", "Reply-Message of the Access-Reject after the last wrong code."),
    message<&Messages::otp_expired_message>(
        "otp_expired_message",
        "Reply-Message of the Access-Reject for an answer to an Access-Challenge that comes too "
        "late, or a second time, or after a restart."),
    message<&Messages::token_prompt>(
        "token_prompt",
        "Reply-Message of the Access-Challenge that asks for a code that was sent, for policies "
        "with action = `token`. How long it is good: gate.token_duration."),
    message<&Messages::token_retry_prompt>("token_retry_prompt", "The same after a wrong code."),
    message<&Messages::link_denied_message>(
        "link_denied_message",
        "Reply-Message of the Access-Reject when the user said no on the page of a link."),
    message<&Messages::link_expired_message>(
        "link_expired_message", "The same when he said nothing within gate.token_duration."),
    message<&Messages::menu_prompt>(
        "menu_prompt",
        "Reply-Message of the Access-Challenge that lets the user choose, for policies with action "
        "= `ask` and several factors. He answers `1` or `push`, `2` or `otp`, `3` or `token`, `4` "
        "or `link`, or with a code of his app at once. Empty: made of the four texts below, of "
        "what he can choose."),
    message<&Messages::menu_push>("menu_push",
                                  "What it says of `push`; each stands behind its number."),
    message<&Messages::menu_otp>("menu_otp", "What it says of `otp`."),
    message<&Messages::menu_token>("menu_token", "What it says of `token`."),
    message<&Messages::menu_link>("menu_link", "What it says of `link`."),
    message<&Messages::code_missing_message>(
        "code_missing_message",
        "Reply-Message of the Access-Reject when no code stands behind the password, and "
        "second_factor.challenge is false."),
    message<&Messages::number_prompt>(
        "number_prompt",
        "Reply-Message of the Access-Challenge that shows the {number}, with "
        "second_factor.number_matching."),
});

constexpr std::array kTranslations = std::to_array<Setting>({
    {Section::second_factor_messages, "language", Presence::required,
     Text{translated<&Messages::language>, 12, check_language}, "\"de\"", "",
     "Language tag, by which a [[client]], [[radsec.client]] or [[policy]] asks for these texts: "
     "`de`, `pt-BR`."},
    translation<&Messages::denied_message>("denied_message"),
    translation<&Messages::expired_message>("expired_message"),
    translation<&Messages::unknown_user_message>("unknown_user_message"),
    translation<&Messages::unavailable_message>("unavailable_message"),
    translation<&Messages::policy_denied_message>("policy_denied_message"),
    translation<&Messages::limited_message>("limited_message"),
    translation<&Messages::otp_prompt>("otp_prompt"),
    translation<&Messages::otp_retry_prompt>("otp_retry_prompt"),
    translation<&Messages::otp_denied_message>("otp_denied_message"),
    translation<&Messages::otp_expired_message>("otp_expired_message"),
    translation<&Messages::token_prompt>("token_prompt"),
    translation<&Messages::token_retry_prompt>("token_retry_prompt"),
    translation<&Messages::link_denied_message>("link_denied_message"),
    translation<&Messages::link_expired_message>("link_expired_message"),
    translation<&Messages::menu_prompt>("menu_prompt"),
    translation<&Messages::menu_push>("menu_push"),
    translation<&Messages::menu_otp>("menu_otp"),
    translation<&Messages::menu_token>("menu_token"),
    translation<&Messages::menu_link>("menu_link"),
    translation<&Messages::code_missing_message>("code_missing_message"),
    translation<&Messages::number_prompt>("number_prompt"),
});

}  // namespace

std::span<const Setting> message_rows() noexcept { return kGeneral; }
std::span<const Setting> translation_rows() noexcept { return kTranslations; }

}  // namespace sallyport::config
