// Who the gate's users are, and how messages reach them: one row each.

#include <array>

#include "engine/config/checks.h"
#include "engine/config/gate_text.h"
#include "engine/config/http_text.h"
#include "engine/config/rows.h"

namespace sallyport::config {
namespace {

using enum Presence;
using verify::ChannelSettings;
using verify::CommandChannelSettings;
using verify::CommandDirectorySettings;
using verify::FileDirectorySettings;
using verify::LdapDirectorySettings;
using verify::SmtpChannelSettings;
using verify::UrlChannelSettings;
using verify::User;

/// The fields of a draft, so that a row below names its field once.
template <auto Member>
constexpr auto directory = [](Draft& draft) -> auto& { return draft.directory.*Member; };
template <auto Member>
constexpr auto file = [](Draft& draft) -> auto& { return draft.directory.file.*Member; };
template <auto Member>
constexpr auto ldap = [](Draft& draft) -> auto& { return draft.directory.ldap.*Member; };
template <auto Member>
constexpr auto asked = [](Draft& draft) -> auto& { return draft.directory.command.*Member; };
template <auto Member>
constexpr auto user = [](Draft& draft) -> auto& { return draft.user.*Member; };
template <auto Member>
constexpr auto channel = [](Draft& draft) -> auto& { return draft.channel.*Member; };
template <auto Member>
constexpr auto any = [](Draft& draft) -> auto& { return draft.channel.settings.*Member; };
template <auto Member>
constexpr auto smtp = [](Draft& draft) -> auto& { return draft.channel.settings.smtp.*Member; };
template <auto Member>
constexpr auto url = [](Draft& draft) -> auto& { return draft.channel.settings.url.*Member; };
template <auto Member>
constexpr auto run = [](Draft& draft) -> auto& { return draft.channel.settings.command.*Member; };

std::string kind_text(const verify::MessageKind& value) { return text_of(value); }
std::string header_text(const UrlHeader& value) { return text_of(value); }

constexpr std::array<std::string_view, 4> kDirectory = {"list", "file", "ldap", "command"};
constexpr std::array<std::string_view, 3> kChannel = {"smtp", "url", "command"};
constexpr std::array<std::string_view, 4> kSecurity = {"starttls", "tls", "opportunistic", "none"};

constexpr std::uint32_t kMinTimeoutMs = 100;
constexpr std::uint32_t kMinuteMs = 60'000;
constexpr std::uint16_t kMaxWords = 64;
constexpr std::uint16_t kMaxDn = 1'024;
constexpr std::uint16_t kMaxAttribute = 128;

constexpr std::array kDirectorySettings = std::to_array<Setting>({
    {Section::gate_directory, "name", required,
     Text{directory<&DirectoryDraft::name>, 64, check_http_name}, "\"staff\"", "",
     "Names it in logs."},
    {Section::gate_directory, "type", required,
     choice<directory<&DirectoryDraft::type>>(kDirectory), "\"ldap\"", "",
     "Where the users are: in this file as [[gate.directory.user]] (`list`), in a `file` of their "
     "own, in `ldap`, or what a `command` says."},
    {Section::gate_directory, "path", optional,
     File{file<&FileDirectorySettings::path>, File::Kind::readable}, "", "",
     "file: a JSON array of users, `[{\"id\": \"alice\", \"mail\": \"alice@example.net\"}]`, with "
     "the keys of [[gate.directory.user]]. Read again when it changes."},
    {Section::gate_directory, "urls", optional,
     texts<ldap<&LdapDirectorySettings::urls>, add_ldap_url, plain_text>("LDAP URLs", 16),
     "[\"ldaps://ldap.example.net\"]", "",
     "ldap: its servers, tried in their order: `ldap://ldap.example.net:389` or `ldaps://…`."},
    {Section::gate_directory, "start_tls", optional,
     Switch{ldap<&LdapDirectorySettings::start_tls>}, "", "",
     "ldap: StartTLS, before anything else is said. For ldap:// URLs."},
    {Section::gate_directory, "verify_certificate", optional,
     Switch{ldap<&LdapDirectorySettings::verify_certificate>}, "", "",
     "ldap: check the server's certificate."},
    {Section::gate_directory, "ca_file", optional,
     File{ldap<&LdapDirectorySettings::ca_file>, File::Kind::readable}, "", "",
     "ldap: PEM file with the certificate authorities for that. Without it, the system's."},
    {Section::gate_directory, "bind_dn", optional,
     Text{ldap<&LdapDirectorySettings::bind_dn>, kMaxDn, check_one_line},
     "\"cn=sallyport,dc=example,dc=net\"", "",
     "ldap: whom we log in as. Without it, we are anonymous."},
    {Section::gate_directory, "bind_password", optional,
     SecretSource{ldap<&LdapDirectorySettings::bind_password>}, "", "", "ldap: its password."},
    {Section::gate_directory, "search_base", optional,
     Text{ldap<&LdapDirectorySettings::search_base>, kMaxDn, check_one_line},
     "\"ou=people,dc=example,dc=net\"", "", "ldap: users are looked for below this entry."},
    {Section::gate_directory, "user_attribute", optional,
     Text{ldap<&LdapDirectorySettings::user_attribute>, kMaxAttribute, check_attribute}, "", "",
     "ldap: attribute that holds the user id. Exactly one entry must have it."},
    {Section::gate_directory, "filter", optional,
     Text{ldap<&LdapDirectorySettings::filter>, kMaxDn, check_ldap_filter}, "", "",
     "ldap: a further condition, such as `(memberOf=cn=vpn,dc=example,dc=net)`."},
    {Section::gate_directory, "name_attribute", optional,
     Text{ldap<&LdapDirectorySettings::name_attribute>, kMaxAttribute, check_attribute}, "", "",
     "ldap: attribute of the user's name."},
    {Section::gate_directory, "mail_attribute", optional,
     Text{ldap<&LdapDirectorySettings::mail_attribute>, kMaxAttribute, check_attribute}, "", "",
     "ldap: of his mail address."},
    {Section::gate_directory, "mobile_attribute", optional,
     Text{ldap<&LdapDirectorySettings::mobile_attribute>, kMaxAttribute, check_attribute}, "", "",
     "ldap: of his number for short messages."},
    {Section::gate_directory, "telephone_attribute", optional,
     Text{ldap<&LdapDirectorySettings::telephone_attribute>, kMaxAttribute, check_attribute}, "",
     "", "ldap: of the number that is taken where there is no mobile one."},
    {Section::gate_directory, "group_attribute", optional,
     Text{ldap<&LdapDirectorySettings::group_attribute>, kMaxAttribute, check_attribute}, "", "",
     "ldap: of his groups, such as `memberOf`."},
    {Section::gate_directory, "language_attribute", optional,
     Text{ldap<&LdapDirectorySettings::language_attribute>, kMaxAttribute, check_attribute}, "", "",
     "ldap: of the language of his messages."},
    {Section::gate_directory, "connections", optional,
     WholeNumber{ldap<&LdapDirectorySettings::connections>, 1, 64}, "", "",
     "ldap: connections that are kept and used at once."},
    {Section::gate_directory, "command", optional,
     texts<asked<&CommandDirectorySettings::command>, add_argument, plain_text>("words", kMaxWords),
     "", "",
     "command: a program that prints a user as one JSON object, or nothing, with its arguments, by "
     "its absolute path and without a shell."},
    {Section::gate_directory, "use_stdin", optional,
     Switch{asked<&CommandDirectorySettings::use_stdin>}, "", "",
     "command: user ids come on standard input; else as last argument, but none that begins "
     "with -."},
    {Section::gate_directory, "timeout", optional,
     Duration{directory<&DirectoryDraft::timeout_ms>, kMinTimeoutMs, kMinuteMs}, "", "",
     "ldap and command: the longest wait for an answer."},

    {Section::gate_user, "id", required, Text{user<&User::id>, 253, check_user_id}, "\"alice\"", "",
     "What the visitor enters."},
    {Section::gate_user, "name", optional, Text{user<&User::name>, 253, check_one_line},
     "\"Alice Example\"", "", "His name, for messages."},
    {Section::gate_user, "mail", optional, Text{user<&User::mail>, 254, check_mail},
     "\"alice@example.net\"", "", "His mail address."},
    {Section::gate_user, "mobile", optional, Text{user<&User::mobile>, 64, check_one_line},
     "\"+4915100000000\"", "", "His number for short messages."},
    {Section::gate_user, "telephone", optional, Text{user<&User::telephone>, 64, check_one_line},
     "", "", "The number that is taken where there is no mobile one."},
    {Section::gate_user, "language", optional, Text{user<&User::language>, 12, check_language}, "",
     "", "Language of his messages: `de`."},
    {Section::gate_user, "groups", optional,
     texts<user<&User::groups>, add_group, plain_text>("groups", 256), "", "", "His groups."},

    {Section::gate_channel, "name", required,
     Text{any<&ChannelSettings::name>, 64, check_http_name}, "\"mail\"", "",
     "Names it in logs and metrics."},
    {Section::gate_channel, "type", required, choice<any<&ChannelSettings::kind>>(kChannel),
     "\"smtp\"", "",
     "How it sends: by mail (`smtp`), by a request to a service (`url`), or by a `command`."},
    {Section::gate_channel, "carries", optional,
     texts<any<&ChannelSettings::carries>, add_message_kind, kind_text>("kinds of message",
                                                                        verify::kMessageKinds),
     "", "",
     "What it sends: `token`, `link`, `registration` and `changed` (a factor was registered or "
     "removed). Without it, all."},
    {Section::gate_channel, "address", optional,
     HostPort{smtp<&SmtpChannelSettings::host>, channel<&ChannelDraft::port>},
     "\"smtp.example.net\"", "",
     "smtp: the mail server. Without a port, 587, or 465 with security = `tls`."},
    {Section::gate_channel, "security", optional,
     choice<smtp<&SmtpChannelSettings::security>>(kSecurity), "", "",
     "smtp: STARTTLS or nothing is sent (`starttls`), TLS from the first octet (`tls`), STARTTLS "
     "if the server has it (`opportunistic`), or `none`."},
    {Section::gate_channel, "from_mail", optional,
     Text{smtp<&SmtpChannelSettings::from_mail>, 254, check_mail}, "\"gate@example.net\"", "",
     "smtp: the sender's address."},
    {Section::gate_channel, "from_name", optional,
     Text{smtp<&SmtpChannelSettings::from_name>, 128, check_one_line}, "", "", "smtp: and name."},
    {Section::gate_channel, "url", optional,
     Text{url<&UrlChannelSettings::url>, kMaxUrl, check_channel_url, true}, "", "",
     "url: what is asked. As the body, a template: docs/gate.md has the placeholders."},
    {Section::gate_channel, "method", optional,
     Text{url<&UrlChannelSettings::method>, 16, check_token}, "", "", "url: the method."},
    {Section::gate_channel, "body", optional,
     Text{url<&UrlChannelSettings::body>, 16'384, check_body, true}, "", "",
     "url: the request's body. Empty: none."},
    {Section::gate_channel, "content_type", optional,
     Text{url<&UrlChannelSettings::content_type>, 128, check_media_type}, "", "",
     "url: what the body is. Values are escaped for it: JSON or a form."},
    {Section::gate_channel, "headers", optional,
     texts<url<&UrlChannelSettings::headers>, add_url_header, header_text>("headers", 32, true), "",
     "", "url: further headers of the request: `X-Account: 7`."},
    {Section::gate_channel, "bearer", optional, SecretSource{url<&UrlChannelSettings::bearer>}, "",
     "", "url: for `Authorization: Bearer`."},
    {Section::gate_channel, "proxy", optional,
     Text{url<&UrlChannelSettings::proxy>, kMaxUrl, check_proxy_url}, "", "",
     "url: HTTP proxy on the way: `http://proxy.example.net:3128`."},
    {Section::gate_channel, "user", optional,
     Text{channel<&ChannelDraft::user>, 253, check_one_line}, "\"gate\"", "",
     "smtp and url: the user name that we log in with."},
    {Section::gate_channel, "password", optional, SecretSource{channel<&ChannelDraft::password>},
     "", "", "smtp and url: its password."},
    {Section::gate_channel, "verify_certificate", optional,
     Switch{channel<&ChannelDraft::verify_certificate>}, "", "",
     "smtp and url: check the server's certificate."},
    {Section::gate_channel, "ca_file", optional,
     File{channel<&ChannelDraft::ca_file>, File::Kind::readable}, "", "",
     "smtp and url: PEM file with the certificate authorities for that. Without it, the system's."},
    {Section::gate_channel, "command", optional,
     texts<run<&CommandChannelSettings::command>, add_argument, plain_text>("words", kMaxWords), "",
     "",
     "command: a program that sends, with its arguments, by its absolute path and without a shell. "
     "Arguments are templates: docs/gate.md has the placeholders."},
    {Section::gate_channel, "use_stdin", optional, Switch{run<&CommandChannelSettings::use_stdin>},
     "", "", "command: it gets the short text on standard input; else as its last argument."},
    {Section::gate_channel, "timeout", optional,
     Duration{any<&ChannelSettings::timeout_ms>, kMinTimeoutMs, 5 * kMinuteMs}, "", "",
     "Longest attempt."},
    {Section::gate_channel, "attempts", optional,
     WholeNumber{any<&ChannelSettings::attempts>, 1, 10}, "", "",
     "Attempts before the next channel is tried."},
    {Section::gate_channel, "retry", optional,
     Duration{any<&ChannelSettings::retry_ms>, kMinTimeoutMs, kMinuteMs}, "", "",
     "Pause before the second attempt; it doubles."},
});

}  // namespace

std::span<const Setting> directory_rows() noexcept { return kDirectorySettings; }

}  // namespace sallyport::config
