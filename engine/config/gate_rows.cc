// What the gate asks of visitors, how often, and how its pages look: one row each.

#include <array>

#include "engine/config/checks.h"
#include "engine/config/gate_text.h"
#include "engine/config/http_text.h"
#include "engine/config/rows.h"

namespace sallyport::config {
namespace {

using enum Presence;
using verify::GateSettings;
using verify::Limited;
using verify::LimitRates;

/// The fields of a draft, so that a row below names its field once.
template <auto Member>
constexpr auto gate = [](Draft& draft) -> auto& { return draft.config.gate.*Member; };
template <auto Member>
constexpr auto asks = [](Draft& draft) -> auto& { return draft.config.gate.settings.*Member; };
template <auto Member>
constexpr auto messenger =
    [](Draft& draft) -> auto& { return draft.config.gate.messenger.*Member; };
template <auto Member>
constexpr auto theme = [](Draft& draft) -> auto& { return draft.config.gate.theme.*Member; };
template <Limited What, auto Member>
constexpr RateLimit limit{[](Draft& draft) -> verify::Rate& {
  return draft.config.gate.settings.limits[static_cast<std::size_t>(What)].*Member;
}};

std::string factor_text(const verify::Factor& factor) { return text_of(factor); }

constexpr std::array<std::string_view, 3> kCaptcha = {"off", "math", "full"};
constexpr std::array<std::string_view, 3> kBind = {"address", "cookie", "both"};

constexpr std::uint32_t kMinuteMs = 60'000;
constexpr std::uint32_t kHourMs = 60 * kMinuteMs;
constexpr std::uint32_t kDayMs = 24 * kHourMs;

constexpr std::array kGateSettings = std::to_array<Setting>({
    {Section::gate, "factors", optional,
     texts<asks<&GateSettings::factors>, add_factor, factor_text>("factors", verify::kFactors), "",
     "",
     "How visitors may confirm who they are: `token` (a code by message), `otp` (an authenticator "
     "app), `link` (a link by message), `push` (Notakey asks the phone), `passkey`. With several, "
     "they choose. A route may have others."},
    {Section::gate, "issuer", optional, Text{asks<&GateSettings::issuer>, 64, check_one_line}, "",
     "",
     "The service's name on pages, in messages and in authenticator apps. Without it, the host of "
     "the gate's pages."},
    {Section::gate, "url", optional, Text{asks<&GateSettings::gate_url>, kMaxUrl, check_web_url},
     "\"https://auth.example.net\"", "",
     "Scheme and host that links in messages lead to. Without it, http.auth_url. Links need one "
     "of the two: a link cannot go by the Host of whoever asked for it."},
    {Section::gate, "captcha", optional, choice<asks<&GateSettings::captcha>>(kCaptcha), "", "",
     "A picture with a sum (`math`) or with characters (`full`) before any message is sent. "
     "Whoever "
     "cannot see it lets the browser work instead."},
    {Section::gate, "spacing", optional, Text{asks<&GateSettings::spacing>, 4, check_spacing}, "",
     "", "Put between the digits of a token in short messages: `-` makes it 1-2-3-4-5-6."},
    {Section::gate, "token_digits", optional, WholeNumber{asks<&GateSettings::token_digits>, 6, 10},
     "", "", "Digits of a token."},
    {Section::gate, "token_duration", optional,
     Duration{asks<&GateSettings::token_duration_ms>, 10'000, kHourMs}, "", "",
     "How long a token, a link or a push may be answered."},
    {Section::gate, "registration_duration", optional,
     Duration{asks<&GateSettings::registration_duration_ms>, kMinuteMs, kDayMs}, "", "",
     "How long the link of a registration message is good."},
    {Section::gate, "session_duration", optional,
     Duration{asks<&GateSettings::session_duration_ms>, kMinuteMs, 49 * kDayMs}, "", "",
     "How long a browser is known after a confirmation, for \"My access\" and renew_silently."},
    {Section::gate, "sliding", optional, Switch{asks<&GateSettings::sliding>}, "", "",
     "Each use makes a grant last http.access_duration from then on."},
    {Section::gate, "max_access", optional,
     Duration{asks<&GateSettings::max_access_ms>, 0, 49 * kDayMs}, "", "",
     "How long a sliding grant lasts at most from its confirmation. 0s: seven days."},
    {Section::gate, "max_grants_per_user", optional,
     WholeNumber{asks<&GateSettings::max_grants_per_user>, 1, 10'000}, "", "",
     "Addresses that one user may have open at once."},
    {Section::gate, "evict_oldest", optional, Switch{asks<&GateSettings::evict_oldest>}, "", "",
     "At that number, the user's oldest grant ends for a new one; else no more are opened."},
    {Section::gate, "renew_silently", optional, Switch{asks<&GateSettings::renew_silently>}, "", "",
     "A known browser opens a new address of its device without a factor."},
    {Section::gate, "bind", optional, choice<asks<&GateSettings::bind>>(kBind), "", "",
     "What is let in: the visitor's `address`, with all programs behind it; his browser by a "
     "`cookie`, from anywhere; or that browser from that address (`both`)."},
    {Section::gate, "tries", optional, WholeNumber{asks<&GateSettings::tries>, 1, 100}, "", "",
     "Wrong codes after which a visitor begins anew."},
    {Section::gate, "lock_after", optional, WholeNumber{asks<&GateSettings::lock_after>, 1, 10'000},
     "", "", "Wrong answers for a user from one address prefix that lock him for that prefix."},
    {Section::gate, "lock_duration", optional,
     Duration{asks<&GateSettings::lock_ms>, 1'000, 7 * kDayMs}, "", "", "For how long."},
    {Section::gate, "guard_after", optional,
     WholeNumber{asks<&GateSettings::guard_after>, 1, 1'000'000}, "", "",
     "Wrong answers for a user in an hour from anywhere, after which only addresses and devices "
     "that he has come from before may try: an attacker cannot lock him out."},
    {Section::gate, "denied_users", optional,
     texts<asks<&GateSettings::denied_users>, add_user_id, plain_text>("user ids", 10'000), "", "",
     "Users who are never let in."},
    {Section::gate, "denied_addresses", optional, PrefixList{asks<&GateSettings::denied_addresses>},
     "", "", "Addresses from which nobody is let in by the gate."},
    {Section::gate, "otp_registration", optional, Switch{asks<&GateSettings::otp_registration>}, "",
     "", "Users may register an authenticator app by a link in a message."},
    {Section::gate, "passkey_registration", optional,
     Switch{asks<&GateSettings::passkey_registration>}, "", "", "The same for passkeys."},
    {Section::gate, "relying_party", optional,
     Text{asks<&GateSettings::relying_party>, 253, check_domain}, "", "",
     "Domain that passkeys belong to: the gate's host, or a domain above it. Without it, the host "
     "that was asked for. Changing it makes all passkeys useless."},
    {Section::gate, "number_matching", optional, Switch{asks<&GateSettings::number_matching>}, "",
     "", "Links and pushes show two digits that must be those on the waiting page."},
    {Section::gate, "pair_v4_url", optional,
     Text{asks<&GateSettings::pair_v4_url>, kMaxUrl, check_web_url}, "", "",
     "Scheme and host of this door by a name that has an IPv4 address only, so that a device on "
     "IPv6 can open its IPv4 address as well."},
    {Section::gate, "pair_v6_url", optional,
     Text{asks<&GateSettings::pair_v6_url>, kMaxUrl, check_web_url}, "", "",
     "The same by a name that has an IPv6 address only."},
    {Section::gate, "cookie_domain", optional, Text{gate<&Gate::cookie_domain>, 253, check_domain},
     "", "",
     "Domain of the gate's cookies. Without it, the host that was asked for alone gets them."},
    {Section::gate, "insecure_cookie", optional, Switch{gate<&Gate::insecure_cookie>}, "", "",
     "Set cookies without Secure, for tests without https."},
    {Section::gate, "cookie_keys", optional, KeysSource{gate<&Gate::cookie_keys>}, "", "",
     "Keys of the cookies, 32 octets each in base64 or hexadecimal, newest first, with spaces or "
     "line ends between them. Without them, they are made, kept in the store and changed by the "
     "gate itself."},
    {Section::gate, "threads", optional, WholeNumber{gate<&Gate::threads>, 1, 256}, "", "",
     "Threads that answer visitors of the gate and look up users. Those who are let in wait for "
     "none of them."},
    {Section::gate, "template_folder", optional,
     File{messenger<&verify::MessengerSettings::template_folder>, File::Kind::folder}, "", "",
     "Folder with own texts of messages: `de/token.subject.txt`. What it lacks is built in."},
    {Section::gate, "message_queue", optional,
     WholeNumber{messenger<&verify::MessengerSettings::queue>, 1, 1'000'000}, "", "",
     "Messages that may wait to be sent; one more is refused."},
    {Section::gate, "message_threads", optional,
     WholeNumber{messenger<&verify::MessengerSettings::threads>, 1, 64}, "", "",
     "Threads that send them."},

    {Section::gate_limits, "start_per_address", optional,
     limit<Limited::start, &LimitRates::address>, "", "",
     "User ids given, from one address: an IPv4 address or an IPv6 prefix of http.ipv6_prefix. As "
     "all limits here `20/1m`, which is 20 in any minute, or `off`."},
    {Section::gate_limits, "start_per_user", optional, limit<Limited::start, &LimitRates::user>, "",
     "", "The same for one user from anywhere. Who is beyond is told to wait, not locked."},
    {Section::gate_limits, "start_per_pair", optional, limit<Limited::start, &LimitRates::pair>, "",
     "", "The same for one user from one address."},
    {Section::gate_limits, "start_in_all", optional, limit<Limited::start, &LimitRates::global>, "",
     "", "The same in all."},
    {Section::gate_limits, "send_per_address", optional, limit<Limited::send, &LimitRates::address>,
     "", "", "Messages and pushes sent, for visitors from one address."},
    {Section::gate_limits, "send_per_user", optional, limit<Limited::send, &LimitRates::user>, "",
     "", "The same to one user."},
    {Section::gate_limits, "send_per_pair", optional, limit<Limited::send, &LimitRates::pair>, "",
     "", "The same to one user for one address."},
    {Section::gate_limits, "send_in_all", optional, limit<Limited::send, &LimitRates::global>, "",
     "", "The same in all."},
    {Section::gate_limits, "check_per_address", optional,
     limit<Limited::check, &LimitRates::address>, "", "",
     "Codes and passkeys checked, from one address."},
    {Section::gate_limits, "check_per_user", optional, limit<Limited::check, &LimitRates::user>, "",
     "", "The same for one user."},
    {Section::gate_limits, "check_per_pair", optional, limit<Limited::check, &LimitRates::pair>, "",
     "", "The same for one user from one address."},
    {Section::gate_limits, "check_in_all", optional, limit<Limited::check, &LimitRates::global>, "",
     "", "The same in all."},
    {Section::gate_limits, "captcha_per_address", optional,
     limit<Limited::captcha, &LimitRates::address>, "", "",
     "Captchas made and answered, from one address."},
    {Section::gate_limits, "captcha_in_all", optional, limit<Limited::captcha, &LimitRates::global>,
     "", "", "The same in all."},
    {Section::gate_limits, "registration_per_address", optional,
     limit<Limited::registration, &LimitRates::address>, "", "",
     "Registrations begun and confirmed, from one address."},
    {Section::gate_limits, "registration_per_user", optional,
     limit<Limited::registration, &LimitRates::user>, "", "", "The same for one user."},
    {Section::gate_limits, "registration_per_pair", optional,
     limit<Limited::registration, &LimitRates::pair>, "", "",
     "The same for one user from one address."},
    {Section::gate_limits, "registration_in_all", optional,
     limit<Limited::registration, &LimitRates::global>, "", "", "The same in all."},
    {Section::gate_limits, "approval_per_address", optional,
     limit<Limited::approval, &LimitRates::address>, "", "",
     "Links of messages opened and answered, from one address."},
    {Section::gate_limits, "approval_in_all", optional,
     limit<Limited::approval, &LimitRates::global>, "", "", "The same in all."},

    {Section::gate_theme, "title", optional, Text{theme<&GateTheme::title>, 128, check_one_line},
     "", "", "Title of the gate's pages. Without it, the issuer."},
    {Section::gate_theme, "logo_file", optional,
     File{theme<&GateTheme::logo_file>, File::Kind::readable}, "", "",
     "SVG or PNG file of a logo."},
    {Section::gate_theme, "accent", optional, Text{theme<&GateTheme::accent>, 7, check_accent}, "",
     "", "Colour of buttons and links: `#0b57d0`."},
    {Section::gate_theme, "folder", optional, File{theme<&GateTheme::folder>, File::Kind::folder},
     "", "",
     "Folder with texts of pages (`de.toml`) and a `style.css`, both put after the built-in ones."},
    {Section::gate_theme, "imprint_url", optional,
     Text{theme<&GateTheme::imprint_url>, kMaxUrl, check_link_url}, "", "",
     "Linked from all pages and messages."},
    {Section::gate_theme, "privacy_policy_url", optional,
     Text{theme<&GateTheme::privacy_policy_url>, kMaxUrl, check_link_url}, "", "",
     "Linked from all pages and messages."},
    {Section::gate_theme, "default_language", optional,
     Text{theme<&GateTheme::default_language>, 12, check_language}, "", "",
     "Language of those whose own is not known or has no texts."},
});

}  // namespace

std::span<const Setting> gate_rows() noexcept { return kGateSettings; }

}  // namespace sallyport::config
