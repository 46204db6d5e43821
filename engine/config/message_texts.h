#pragma once
// All texts of Messages: the one table of their keys, of what they say when nothing is configured,
// and of what the reference tells about each.

#include <array>
#include <string>
#include <string_view>

#include "engine/config/messages.h"

namespace sallyport::config {

struct MessageText {
  std::string Messages::* text;
  std::string_view key;
  std::string_view english;  ///< empty: nothing is said
  std::string_view meaning;
};

inline constexpr std::array kMessageTexts = std::to_array<MessageText>({
    {&Messages::denied_message, "denied_message", "Login denied on the phone.",
     "Reply-Message of the Access-Reject when the user said no. May hold {user}, {client}, "
     "{calling_station} and {nas}. Empty: none. This and the other texts in more languages: "
     "[[second_factor.messages]]."},
    {&Messages::expired_message, "expired_message", "No answer from the phone in time.",
     "The same when the user did not answer in time."},
    {&Messages::unknown_user_message, "unknown_user_message", "Login not confirmed.",
     "The same when Notakey does not know the user, or he has no phone there."},
    {&Messages::unavailable_message, "unavailable_message",
     "The second factor is not available. Try again later.",
     "The same when the second factor could not be asked."},
    {&Messages::policy_denied_message, "policy_denied_message", "This login is not allowed.",
     "Reply-Message where a [[policy]] with action = `deny` has no message of its own."},
    {&Messages::limited_message, "limited_message", "Too many login attempts. Wait a few minutes.",
     "Reply-Message when the user is not asked because of [second_factor.limits]."},
    {&Messages::otp_prompt, "otp_prompt", "Code from your authenticator app:",
     "Reply-Message of the Access-Challenge that asks for a code, for policies with action = "
     "`otp`."},
    {&Messages::otp_retry_prompt, "otp_retry_prompt",
     "That code is wrong. Code from your authenticator app:", "The same after a wrong code."},
    {&Messages::otp_denied_message, "otp_denied_message", "Login not confirmed: wrong code.",
     "Reply-Message of the Access-Reject after the last wrong code."},
    {&Messages::otp_expired_message, "otp_expired_message", "That took too long. Log in again.",
     "Reply-Message of the Access-Reject for an answer to an Access-Challenge that comes too "
     "late, or a second time, or after a restart."},
    {&Messages::token_prompt, "token_prompt", "Code that was sent to you:",
     "Reply-Message of the Access-Challenge that asks for a code that was sent, for policies "
     "with action = `token`. How long it is good: gate.token_duration."},
    {&Messages::token_retry_prompt, "token_retry_prompt",
     "That code is wrong. Code that was sent to you:", "The same after a wrong code."},
    {&Messages::link_denied_message, "link_denied_message", "Login denied.",
     "Reply-Message of the Access-Reject when the user said no on the page of a link."},
    {&Messages::link_expired_message, "link_expired_message", "Login not confirmed in time.",
     "The same when he said nothing within gate.token_duration."},
    {&Messages::menu_prompt, "menu_prompt", "",
     "Reply-Message of the Access-Challenge that lets the user choose, for policies with action "
     "= `ask` and several factors. He answers `1` or `push`, `2` or `otp`, `3` or `token`, `4` "
     "or `link`, or with a code of his app at once. Empty: made of the four texts below, of "
     "what he can choose."},
    {&Messages::menu_push, "menu_push", "confirm on the phone",
     "What it says of `push`; each stands behind its number."},
    {&Messages::menu_otp, "menu_otp", "code from your authenticator app", "What it says of `otp`."},
    {&Messages::menu_token, "menu_token", "code by message", "What it says of `token`."},
    {&Messages::menu_link, "menu_link", "link by message", "What it says of `link`."},
    {&Messages::code_missing_message, "code_missing_message",
     "Type your password, a comma, and the code of your app.",
     "Reply-Message of the Access-Reject when no code stands behind the password, and "
     "second_factor.challenge is false."},
    {&Messages::number_prompt, "number_prompt",
     "Your number is {number}. Press Enter, and confirm on the phone that shows it.",
     "Reply-Message of the Access-Challenge that shows the {number}, with "
     "second_factor.number_matching."},
});

}  // namespace sallyport::config
