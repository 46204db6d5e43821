// Rules of directories and channels: what each kind needs, and what is another kind's.

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>

#include "engine/config/checks.h"
#include "engine/config/gate_rules.h"
#include "engine/config/http_rules.h"
#include "verify/channels/channel.h"
#include "verify/channels/text_template.h"

namespace sallyport::config {
namespace {

/// Keys of one type of element; all others are for every type.
struct KeysOfType {
  std::string_view type;
  std::vector<std::string_view> keys;
  std::vector<std::string_view> required;
};

const std::vector<KeysOfType>& directory_keys() {
  static const std::vector<KeysOfType> keys = {
      {.type = "list", .keys = {}, .required = {}},
      {.type = "file", .keys = {"path"}, .required = {"path"}},
      {.type = "ldap",
       .keys = {"urls", "start_tls", "verify_certificate", "ca_file", "bind_dn", "bind_password",
                "search_base", "user_attribute", "filter", "name_attribute", "mail_attribute",
                "mobile_attribute", "telephone_attribute", "group_attribute", "language_attribute",
                "connections", "timeout"},
       .required = {"urls", "search_base"}},
      {.type = "command", .keys = {"command", "use_stdin", "timeout"}, .required = {"command"}},
  };
  return keys;
}

const std::vector<KeysOfType>& channel_keys() {
  static const std::vector<KeysOfType> keys = {
      {.type = "smtp",
       .keys = {"address", "security", "from_mail", "from_name", "user", "password",
                "verify_certificate", "ca_file"},
       .required = {"address", "from_mail"}},
      {.type = "url",
       .keys = {"url", "method", "body", "content_type", "headers", "bearer", "proxy", "user",
                "password", "verify_certificate", "ca_file"},
       .required = {"url"}},
      {.type = "command", .keys = {"command", "use_stdin"}, .required = {"command"}},
  };
  return keys;
}

bool holds(const std::vector<std::string_view>& keys, std::string_view key) {
  return std::ranges::find(keys, key) != keys.end();
}

/// What the type at `type` lacks, and what is another's.
void check_keys(const std::vector<KeysOfType>& all, std::size_t type, ElementNotes& at) {
  const KeysOfType& own = all[type];
  for (const std::string_view key : own.required) {
    if (at.given(key)) continue;
    at.mistake(key, {.wrong = fmt::format("is missing, and type \"{}\" needs it", own.type),
                     .mend = fmt::format("Add {}.", key)});
  }
  std::set<std::string_view> seen;
  for (const KeysOfType& other : all) {
    for (const std::string_view key : other.keys) {
      if (holds(own.keys, key) || !at.given(key) || !seen.insert(key).second) continue;
      at.mistake(key, {.wrong = fmt::format("is not for type \"{}\"", own.type),
                       .mend = fmt::format("Remove it, or set type = \"{}\".", other.type)});
    }
  }
}

void check_list(const verify::ListDirectorySettings& list, ElementNotes& at) {
  if (list.users.empty()) {
    at.mistake("", {.wrong = "is a list without users",
                    .mend = "Add [[gate.directory.user]] with id and mail below it."});
  }
  std::set<std::string_view> seen;
  for (const verify::User& user : list.users) {
    if (user.id.empty() || seen.insert(user.id).second) continue;
    at.mistake("",
               {.wrong = fmt::format("lists \"{}\" twice", user.id), .mend = "Keep one of them."});
  }
}

void check_ldap(const verify::LdapDirectorySettings& ldap, ElementNotes& at) {
  const bool any_ldaps = std::ranges::any_of(
      ldap.urls, [](const std::string& url) { return url.starts_with("ldaps://"); });
  const bool any_plain = std::ranges::any_of(
      ldap.urls, [](const std::string& url) { return url.starts_with("ldap://"); });
  if (ldap.start_tls && any_ldaps) {
    at.mistake("start_tls", {.wrong = "is for ldap:// URLs, and ldaps:// has TLS already",
                             .mend = "Remove it, or write ldap://."});
  }
  if (ldap.bind_dn.empty() != ldap.bind_password.empty() &&
      at.given("bind_dn") != at.given("bind_password")) {
    at.mistake(ldap.bind_dn.empty() ? "bind_password" : "bind_dn",
               {.wrong = "stands alone",
                .mend = "Give both bind_dn and bind_password, or neither to be anonymous."});
  }
  if (any_plain && !ldap.start_tls) {
    for (const std::string& url : ldap.urls) {
      if (!url.starts_with("ldap://")) continue;
      const auto host = parse_host_port(std::string_view(url).substr(7));
      const auto address = host ? IpAddress::parse(host->host) : std::unexpected(std::string());
      if (host && (host->host == "localhost" || (address && address->is_loopback()))) continue;
      at.warning("urls", {.wrong = "has an ldap:// URL without start_tls: whoever is on the way "
                                   "reads the password and says where messages go",
                          .mend = "Set start_tls = true, or write ldaps://."});
      break;
    }
  }
  if (!ldap.verify_certificate) {
    at.warning("verify_certificate",
               {.wrong = "is off: anybody can be the LDAP server", .mend = "Set ca_file instead."});
  }
}

void check_directories(const Gate& gate, const Places& places, Notes& notes) {
  if (gate.directories.empty()) {
    notes.mistake(places.of("gate.factors"), "gate.directory",
                  {.wrong = "the gate knows no users",
                   .mend = "Add [[gate.directory]] with name and type: list, file, ldap or "
                           "command."});
  }
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < gate.directories.size(); ++i) {
    const GateDirectory& directory = gate.directories[i];
    ElementNotes at(Section::gate_directory, i, places, notes);
    if (!directory.name.empty() && !seen.insert(directory.name).second) {
      at.mistake("name",
                 {.wrong = fmt::format("\"{}\" is the name of two directories", directory.name),
                  .mend = "Give each directory a name of its own."});
    }
    if (!at.given("type")) continue;
    check_keys(directory_keys(), directory.settings.index(), at);
    if (const auto* list = std::get_if<verify::ListDirectorySettings>(&directory.settings)) {
      check_list(*list, at);
    }
    if (const auto* ldap = std::get_if<verify::LdapDirectorySettings>(&directory.settings)) {
      check_ldap(*ldap, at);
    }
  }
}

void check_smtp(const verify::SmtpChannelSettings& smtp, ElementNotes& at) {
  const bool bare = smtp.security == verify::SmtpSecurity::none;
  if (bare && !smtp.password.empty()) {
    at.warning("security", {.wrong = "sends the password without TLS",
                            .mend = "Set security = \"starttls\" or \"tls\"."});
  }
  if (smtp.user.empty() != smtp.password.empty() && at.given("user") != at.given("password")) {
    at.mistake(smtp.user.empty() ? "password" : "user",
               {.wrong = "stands alone", .mend = "Give both user and password, or neither."});
  }
  if (!smtp.verify_certificate && !bare) {
    at.warning("verify_certificate",
               {.wrong = "is off: anybody can be the mail server", .mend = "Set ca_file instead."});
  }
}

/// A template that names only what a message has.
void check_placeholders(std::string_view key, std::string_view text, ElementNotes& at) {
  const auto parsed = verify::TextTemplate::parse(text, verify::channel_placeholders());
  if (parsed) return;
  at.mistake(key, {.wrong = parsed.error(), .mend = "Write {text}, {code} or another of them."});
}

void check_templates(const verify::ChannelSettings& channel, ElementNotes& at) {
  check_placeholders("url", channel.url.url, at);
  check_placeholders("body", channel.url.body, at);
  for (const auto& [name, value] : channel.url.headers) check_placeholders("headers", value, at);
  for (const std::string& word : channel.command.command) check_placeholders("command", word, at);
}

void check_url_channel(const verify::UrlChannelSettings& url, ElementNotes& at) {
  if (!url.body.empty() && url.method == "GET") {
    at.warning("body", {.wrong = "is sent with GET, which has no body",
                        .mend = "Set method = \"POST\", or remove it."});
  }
  if (!url.bearer.empty() && !url.user.empty()) {
    at.mistake("bearer", {.wrong = "stands beside user, and both are for Authorization",
                          .mend = "Keep one of them."});
  }
  if (url.url.starts_with("http://")) {
    const std::string_view host = std::string_view(url.url).substr(7);
    const auto parsed = parse_host_port(host.substr(0, host.find_first_of("/?#")));
    const auto address = parsed ? IpAddress::parse(parsed->host) : std::unexpected(std::string());
    if (!(parsed && (parsed->host == "localhost" || (address && address->is_loopback())))) {
      at.warning("url", {.wrong = "is plain http: whoever is on the way reads the codes",
                         .mend = "Use https://."});
    }
  }
  if (!url.verify_certificate) {
    at.warning("verify_certificate",
               {.wrong = "is off: anybody can be that service", .mend = "Set ca_file instead."});
  }
}

void check_channels(const Gate& gate, const Places& places, Notes& notes) {
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < gate.messenger.channels.size(); ++i) {
    const verify::ChannelSettings& channel = gate.messenger.channels[i];
    ElementNotes at(Section::gate_channel, i, places, notes);
    if (!channel.name.empty() && !seen.insert(channel.name).second) {
      at.mistake("name", {.wrong = fmt::format("\"{}\" is the name of two channels", channel.name),
                          .mend = "Give each channel a name of its own."});
    }
    if (!at.given("type")) continue;
    check_keys(channel_keys(), static_cast<std::size_t>(channel.kind), at);
    check_templates(channel, at);
    if (channel.kind == verify::ChannelSettings::Kind::smtp) check_smtp(channel.smtp, at);
    if (channel.kind == verify::ChannelSettings::Kind::url) check_url_channel(channel.url, at);
  }
}

}  // namespace

void check_gate_elements(const Config& config, const Places& places, Notes& notes) {
  check_directories(config.gate, places, notes);
  check_channels(config.gate, places, notes);
}

}  // namespace sallyport::config
