// Whose login needs which second factor, and how often he may be asked: one row each.

#include <array>

#include "engine/config/checks.h"
#include "engine/config/gate_text.h"
#include "engine/config/policy_text.h"
#include "engine/config/rows.h"

namespace sallyport::config {
namespace {

using enum Presence;

template <auto Member>
constexpr auto second_factor =
    [](Draft& draft) -> auto& { return draft.config.second_factor.*Member; };
template <auto Member>
constexpr auto limit =
    [](Draft& draft) -> auto& { return draft.config.second_factor.limits.*Member; };
template <auto Member>
constexpr auto policy = [](Draft& draft) -> auto& { return draft.policy.*Member; };

std::string attribute_text(const AcceptAttribute& value) { return text_of(value); }
std::string hours_text(const Hours& value) { return text_of(value); }

constexpr std::array<std::string_view, 7> kAction = {"push", "exempt", "deny", "otp",
                                                     "ask",  "token",  "link"};
constexpr std::array<std::string_view, 4> kOnUnavailable = {"default", "deny", "allow", "silent"};

constexpr std::uint16_t kMaxNames = 4'096;
constexpr std::uint16_t kMaxHours = 64;
constexpr std::uint32_t kHourMs = 3'600'000;
constexpr std::uint32_t kMaxRememberMs = 30 * 24 * kHourMs;

template <auto Member>
constexpr TextList names(std::string_view what) {
  return texts<policy<Member>, add_name, plain_text>(what, kMaxNames);
}

/// [second_factor], beyond what settings.cc has of it.
constexpr std::array kSecondFactorSettings = std::to_array<Setting>({
    {Section::second_factor, "group_attribute", optional,
     Text{second_factor<&SecondFactor::group_attribute>, 64, check_group_attribute}, "", "",
     "Attribute of the downstream's Access-Accept that holds the user's groups for [[policy]], one "
     "group in each: `Filter-Id`, `Class`, a number, or `26.VENDOR.TYPE` for one of a vendor."},
    {Section::second_factor, "directory_groups", optional,
     Switch{second_factor<&SecondFactor::directory_groups>}, "", "",
     "Whether the user's groups are also those that his [[gate.directory]] says, for `groups` of a "
     "[[policy]]. It is asked where a policy depends on it, after the downstream has accepted; "
     "while it cannot be asked, such logins are rejected. Needs [store]."},
    {Section::second_factor, "remember", optional,
     Duration{second_factor<&SecondFactor::remember_ms>, 60'000, kMaxRememberMs, true}, "", "",
     "How long an approval stays good: the same user, through the same client, with the same "
     "Calling-Station-Id, is let in without a new question; the downstream still checks the "
     "password each time. Without a Calling-Station-Id nothing is remembered; a denial ends it. "
     "Without this setting, every login is asked."},
    {Section::second_factor, "accept_attributes", optional,
     texts<second_factor<&SecondFactor::accept_attributes>, add_accept_attribute, attribute_text>(
         "attributes", 16),
     "", "",
     "Attributes added to the Access-Accept of a login that the user has approved: "
     "`Class = mfa={factor}`, where {factor} is `push`, `otp`, `token` or `link`; `Filter-Id = "
     "{group}` is one for each group that Notakey's answer puts the user into. If they do not fit "
     "into the packet, they are left out and counted."},
    {Section::second_factor, "otp_issuer", optional,
     Text{second_factor<&SecondFactor::otp_issuer>, 64, check_one_line}, "", "",
     "Name of this service in authenticator apps, where there is no [gate]."},
    {Section::second_factor, "otp_ttl", optional,
     Duration{second_factor<&SecondFactor::otp_ttl_ms>, 10'000, 600'000}, "", "",
     "How long an Access-Challenge may be answered; each wrong code begins it anew."},
    {Section::second_factor, "otp_tries", optional,
     WholeNumber{second_factor<&SecondFactor::otp_tries>, 1, 10}, "", "",
     "Codes that may be typed in one login."},
    {Section::second_factor, "appended", optional, Switch{second_factor<&SecondFactor::appended>},
     "", "",
     "Whether a factor may stand behind the password: `password,123456`, or one of the words "
     "`push`, `otp`, `token` and `link`. Only what stands before the last separator goes "
     "downstream, where six digits or one of these words stand behind it; PAP alone."},
    {Section::second_factor, "separator", optional,
     Text{second_factor<&SecondFactor::separator>, 1, check_separator}, "", "",
     "The character between them, for second_factor.appended."},
    {Section::second_factor, "challenge", optional, Switch{second_factor<&SecondFactor::challenge>},
     "", "",
     "false: clients know no Access-Challenge. A code must then stand behind the password, and a "
     "wrong or missing one is an Access-Reject."},
    {Section::second_factor, "number_matching", optional,
     Switch{second_factor<&SecondFactor::number_matching>}, "", "",
     "Whether the user is shown a number of two digits, by Access-Challenge, before his phone is "
     "asked and shows the same. He answers the challenge with anything, or nothing. Needs [store] "
     "and a request with a User-Password; logins with CHAP, MS-CHAP and EAP are asked without."},
    {Section::second_factor, "otp_max_pending", optional,
     WholeNumber{second_factor<&SecondFactor::otp_max_pending>, 16, 65'536}, "", "",
     "Logins that may wait for an answer to an Access-Challenge, or for a user directory, at once, "
     "some 5 KiB each; at most 8 of one user. Beyond, a login is rejected."},
});

constexpr std::array kLimitSettings = std::to_array<Setting>({
    {Section::second_factor_limits, "user", optional,
     RateLimit{limit<&verify::PushLimitSettings::user>}, "", "",
     "Questions to one user: from all places together where he has not approved a login yet, and "
     "from each other place for itself."},
    {Section::second_factor_limits, "user_long", optional,
     RateLimit{limit<&verify::PushLimitSettings::user_long>}, "", "",
     "The same over a longer time."},
    {Section::second_factor_limits, "pair", optional,
     RateLimit{limit<&verify::PushLimitSettings::pair>}, "", "",
     "Questions to one user from one place where he has not approved a login yet."},
    {Section::second_factor_limits, "place", optional,
     RateLimit{limit<&verify::PushLimitSettings::place>}, "", "",
     "Questions to whichever users from one place where they have not approved a login yet. Does "
     "not count for requests without a Calling-Station-Id."},
    {Section::second_factor_limits, "cool_down", optional,
     Duration{limit<&verify::PushLimitSettings::cool_down_ms>, 0, 24 * kHourMs}, "", "",
     "After the user denied a login, he is not asked for so long from that place."},
});

constexpr std::array kPolicySettings = std::to_array<Setting>({
    {Section::policy, "name", required, Text{policy<&Policy::name>, 64, check_client_name},
     "\"service-accounts\"", "", "Names the policy in the audit log."},
    {Section::policy, "clients", optional, names<&Policy::clients>("names of clients"), "", "",
     "Only requests of these [[client]]s."},
    {Section::policy, "networks", optional, PrefixList{policy<&Policy::networks>}, "", "",
     "Only requests that come from these addresses or prefixes: the RADIUS client's source "
     "address."},
    {Section::policy, "users", optional, names<&Policy::users>("user names"), "[\"svc-*\"]", "",
     "Only these users; a `*` at the end stands for any rest. With `exempt` the whole User-Name "
     "must be the same, octet for octet. With every other action the case of letters does not "
     "count, and a name without a realm is that of any realm, so that nobody gets around it by "
     "writing himself in another way."},
    {Section::policy, "realms", optional, names<&Policy::realms>("realms"), "", "",
     "Only users of these realms: what stands behind the last `@` of the User-Name, or before a "
     "`\\`. The case of letters does not count."},
    {Section::policy, "groups", optional, names<&Policy::groups>("groups"), "", "",
     "Only users whom the downstream's Access-Accept puts into one of these groups, by "
     "second_factor.group_attribute, or with second_factor.directory_groups their user directory. "
     "The case of letters does not count."},
    {Section::policy, "nas_port_types", optional,
     texts<policy<&Policy::nas_port_types>, add_nas_port_type, nas_port_type_text>("port types",
                                                                                   256),
     "", "",
     "Only requests with one of these NAS-Port-Types: `Virtual` (mostly VPN), `Ethernet`, "
     "`Wireless-802.11` and the other names of RFC 2865 §5.41, or numbers."},
    {Section::policy, "hours", optional,
     texts<policy<&Policy::hours>, add_hours, hours_text>("times of the week", kMaxHours), "", "",
     "Only at these times, in this machine's time zone: `mon-fri 08:00-18:00`, `sat,sun`, "
     "`22:00-06:00` (which ends on the next morning)."},
    {Section::policy, "action", optional, choice<policy<&Policy::action>>(kAction), "\"exempt\"",
     "",
     "`push`: the user is asked on the phone. `otp`: he is asked by Access-Challenge for a code of "
     "his authenticator app; needs [store], and a request with a User-Password. `token`: the same "
     "for a code that is sent to him; needs [store], [[gate.directory]] and [[gate.channel]]. "
     "`link`: he is sent a link to a page that asks him, and the answer waits for it; needs a "
     "[gate] that he can reach. `ask`: he chooses one of `factors`. `exempt`: the downstream's "
     "Access-Accept is enough; the audit log names the policy, and nobody is exempted while it "
     "cannot be written. `deny`: Access-Reject, whatever the downstream said."},
    {Section::policy, "factors", optional,
     texts<policy<&Policy::factors>, add_login_factor, login_factor_text>("factors",
                                                                          verify::kLoginFactors),
     "[\"push\", \"otp\"]", "",
     "With action = `ask`: what the user may be asked for, `push`, `otp`, `token` or `link`. One: "
     "it "
     "is asked at once. Several: he chooses among those that he has, by a word behind the password "
     "(second_factor.appended) or in answer "
     "to an Access-Challenge."},
    {Section::policy, "on_unavailable", optional,
     choice<policy<&Policy::on_unavailable>>(kOnUnavailable), "", "",
     "The same as second_factor.on_unavailable, for these logins; `default`: what is set there."},
    {Section::policy, "remember", optional,
     Duration{policy<&Policy::remember_ms>, 60'000, kMaxRememberMs, true}, "", "",
     "The same as second_factor.remember, for these logins. Without it, what is set there."},
    {Section::policy, "accept_attributes", optional,
     texts<policy<&Policy::accept_attributes>, add_accept_attribute, attribute_text>("attributes",
                                                                                     16),
     "", "",
     "The same as second_factor.accept_attributes, for these logins. Without it, what is set "
     "there."},
    {Section::policy, "required_groups", optional, names<&Policy::required_groups>("groups"), "",
     "",
     "Once the user has approved: Notakey's answer must put him into one of these groups, or the "
     "login is rejected with policy_denied_message. The case of letters does not count. For "
     "policies that ask by push alone."},
    {Section::policy, "language", optional, Text{policy<&Policy::language>, 12, check_language}, "",
     "",
     "Language of the Reply-Messages for these logins: that of a [[second_factor.messages]]. "
     "Without it, the client's."},
    {Section::policy, "message", optional,
     Text{policy<&Policy::message>, kMaxReplyMessage, check_message}, "", "",
     "Reply-Message of every Access-Reject that sallyport makes for these logins. Empty: the "
     "messages of [second_factor]."},
});

}  // namespace

std::span<const Setting> policy_rows() noexcept {
  static const std::vector<Setting> all = [] {
    std::vector<Setting> rows;
    for (const std::span<const Setting> more :
         {message_rows(), std::span<const Setting>(kSecondFactorSettings),
          std::span<const Setting>(kLimitSettings), translation_rows(),
          std::span<const Setting>(kPolicySettings)})
      rows.insert(rows.end(), more.begin(), more.end());
    return rows;
  }();
  return all;
}

}  // namespace sallyport::config
