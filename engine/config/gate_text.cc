#include "engine/config/gate_text.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "engine/config/http_endpoint.h"
#include "engine/config/http_text.h"
#include "engine/config/nearest.h"
#include "protocol/ascii.h"
#include "verify/users/directory.h"

namespace sallyport::config {
namespace {

constexpr std::array<std::string_view, verify::kFactors> kFactors = {"token", "otp", "link", "push",
                                                                     "passkey"};
constexpr std::array<std::string_view, verify::kMessageKinds> kMessageKinds = {
    "token", "link", "registration", "changed"};
constexpr std::uint16_t kRedisPort = 6379;
constexpr std::size_t kKeyOctets = 32;

Complaint complaint(std::string_view wrong, std::string_view mend) {
  return {.wrong = std::string(wrong), .mend = std::string(mend)};
}

bool is_hex(char c) { return hex_value(c) >= 0; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/// Adds the enum value that `text` is the word of.
template <class Enum, std::size_t kCount>
Finding add_word(std::string_view text, const std::array<std::string_view, kCount>& words,
                 std::string_view noun, std::vector<Enum>& to) {
  const auto found = std::ranges::find(words, text);
  if (found == words.end()) {
    const std::string_view meant = nearest(text, words);
    std::string all;
    for (const std::string_view word : words) all += (all.empty() ? "" : ", ") + std::string(word);
    return Complaint{.wrong = fmt::format("names no {}", noun),
                     .mend = meant.empty() ? fmt::format("Choose from {}.", all)
                                           : fmt::format("Did you mean \"{}\"?", meant)};
  }
  const auto value = static_cast<Enum>(found - words.begin());
  if (std::ranges::find(to, value) != to.end()) {
    return Complaint{.wrong = fmt::format("names {} a second time", text),
                     .mend = "Write each once."};
  }
  to.push_back(value);
  return std::nullopt;
}

int base64_value(char c) {
  if (is_upper(c)) return c - 'A';
  if (is_lower(c)) return c - 'a' + 26;
  if (is_digit(c)) return c - '0' + 52;
  if (c == '+' || c == '-') return 62;
  if (c == '/' || c == '_') return 63;
  return -1;
}

/// Exactly kKeyOctets, or nothing.
std::optional<Secret> parse_key(std::string_view text) {
  std::array<std::uint8_t, kKeyOctets> key{};
  std::size_t size = 0;
  if (text.size() == 2 * kKeyOctets && std::ranges::all_of(text, is_hex)) {
    for (; size < kKeyOctets; ++size) {
      key[size] =
          static_cast<std::uint8_t>(hex_value(text[2 * size]) * 16 + hex_value(text[2 * size + 1]));
    }
  } else {
    while (text.ends_with('=')) text.remove_suffix(1);
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (const char c : text) {
      const int value = base64_value(c);
      if (value < 0) return std::nullopt;
      bits = (bits << 6U) | static_cast<std::uint32_t>(value);
      count += 6;
      if (count < 8) continue;
      count -= 8;
      if (size == kKeyOctets) return std::nullopt;
      key[size++] = static_cast<std::uint8_t>(bits >> count);
    }
  }
  if (size != kKeyOctets) return std::nullopt;
  Secret out{Octets(key)};
  wipe(key);
  return out;
}

}  // namespace

Finding add_factor(std::string_view text, std::vector<verify::Factor>& to) {
  return add_word(text, kFactors, "factor", to);
}
std::string text_of(verify::Factor factor) {
  return std::string(kFactors[static_cast<std::size_t>(factor)]);
}
Finding add_message_kind(std::string_view text, std::vector<verify::MessageKind>& to) {
  return add_word(text, kMessageKinds, "kind of message", to);
}
std::string text_of(verify::MessageKind kind) {
  return std::string(kMessageKinds[static_cast<std::size_t>(kind)]);
}

Finding add_user_id(std::string_view text, std::vector<std::string>& to) {
  if (Finding finding = check_user_id(text)) return finding;
  to.emplace_back(text);
  return std::nullopt;
}

Finding add_group(std::string_view text, std::vector<std::string>& to) {
  if (text.empty()) return complaint("holds an empty name", "Leave it out.");
  if (Finding finding = check_one_line(text)) return finding;
  to.emplace_back(text);
  return std::nullopt;
}

Finding add_ldap_url(std::string_view text, std::vector<std::string>& to) {
  constexpr std::string_view kMend =
      "Write \"ldap://ldap.example.net\" or \"ldaps://ldap.example.net:636\".";
  const std::string_view scheme = text.starts_with("ldaps://") ? "ldaps://" : "ldap://";
  if (!text.starts_with(scheme)) return complaint("is not a URL of an LDAP server", kMend);
  std::string_view host = text.substr(scheme.size());
  if (host.ends_with('/')) host.remove_suffix(1);
  if (auto parsed = parse_host_port(host); !parsed) {
    return complaint(parsed.error().wrong, kMend);
  }
  to.push_back(std::string(scheme) + std::string(host));
  return std::nullopt;
}

Finding add_url_header(std::string_view text, std::vector<UrlHeader>& to) {
  std::vector<HeaderChange> changes;
  // The same rules as for headers that a route sets: nothing that frames the message.
  if (Finding finding = add_request_header("set " + std::string(text), changes)) {
    if (finding->wrong == "has no value") finding->mend = "Write \"Name: value\".";
    return finding;
  }
  to.emplace_back(std::move(changes.front().name), std::move(changes.front().value));
  return std::nullopt;
}
std::string text_of(const UrlHeader& header) {
  return fmt::format("{}: {}", header.first, header.second);
}

Finding add_redis_server(std::string_view text, std::vector<verify::RedisServer>& to) {
  auto parsed = parse_host_port(text);
  if (!parsed) {
    return complaint(parsed.error().wrong,
                     "Write \"redis.example.net:6379\" or \"[2001:db8::9]:6379\".");
  }
  verify::RedisServer server{.host = std::move(parsed->host),
                             .port = parsed->port.value_or(kRedisPort)};
  if (std::ranges::find(to, server) != to.end()) {
    return complaint("names a server a second time", "Write each server once.");
  }
  to.push_back(std::move(server));
  return std::nullopt;
}
std::string text_of(const verify::RedisServer& server) {
  return server.host.contains(':') ? fmt::format("[{}]:{}", server.host, server.port)
                                   : fmt::format("{}:{}", server.host, server.port);
}

Finding check_user_id(std::string_view text) {
  if (verify::is_user_id(text)) return std::nullopt;
  return complaint("is not a user id",
                   "Write 1 to 253 octets without line ends and without spaces around them.");
}

Finding check_mail(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const auto at = text.rfind('@');
  const bool good = at != std::string_view::npos && at > 0 && at + 1 < text.size() &&
                    text.size() <= 254 && std::ranges::none_of(text, [](char c) {
                      return is_control(c) || std::string_view(" <>,;\"\\").contains(c);
                    });
  if (good) return std::nullopt;
  return complaint("is not the address of a mailbox",
                   "Write \"alice@example.net\"; a name goes into a key of its own.");
}

Finding check_ldap_filter(std::string_view text) {
  if (text.empty()) return std::nullopt;
  if (Finding finding = check_one_line(text)) return finding;
  int depth = 0;
  bool closed_early = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '(') ++depth;
    if (text[i] == ')') --depth;
    closed_early = closed_early || depth < 0 || (depth == 0 && i + 1 < text.size());
  }
  if (text.starts_with('(') && depth == 0 && !closed_early) return std::nullopt;
  return complaint("is not one LDAP filter in parentheses (RFC 4515)",
                   "Write \"(memberOf=cn=vpn,dc=example,dc=net)\" or \"(&(…)(…))\".");
}

Finding check_attribute(std::string_view text) {
  const bool good = std::ranges::all_of(
      text, [](char c) { return is_letter_or_digit(c) || std::string_view("-.;_").contains(c); });
  if (good) return std::nullopt;
  return complaint("is not the name of an LDAP attribute", "Write \"mail\" or the like.");
}

Finding check_spacing(std::string_view text) {
  const std::size_t characters = static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
  if (characters <= 1 && std::ranges::none_of(text, is_control)) return std::nullopt;
  return complaint("is longer than one character", "Write \"-\", \" \" or the like.");
}

Finding check_accent(std::string_view text) {
  if (text.empty()) return std::nullopt;
  if (text.size() == 7 && text[0] == '#' && std::ranges::all_of(text.substr(1), is_hex)) {
    return std::nullopt;
  }
  return complaint("is not a colour", "Write # and six hexadecimal digits: \"#0b57d0\".");
}

Finding check_language(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const std::string_view base = text.substr(0, text.find('-'));
  const bool good =
      (base.size() == 2 || base.size() == 3) && text.size() <= 12 &&
      std::ranges::all_of(base, is_letter) && !text.ends_with('-') &&
      std::ranges::all_of(text, [](char c) { return is_letter_or_digit(c) || c == '-'; });
  if (good) return std::nullopt;
  return complaint("is not the tag of a language (RFC 5646)", "Write \"en\", \"de\" or \"pt-BR\".");
}

Finding check_domain(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const bool good = !text.contains(':') && !IpAddress::parse(text) && !check_server_name(text);
  if (good) return std::nullopt;
  return complaint("is not a domain", "Write \"example.net\", without scheme and port.");
}

Finding check_link_url(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const bool known = text.starts_with("https://") || text.starts_with("http://") ||
                     (text.starts_with('/') && !text.starts_with("//"));
  const bool good = known && std::ranges::none_of(text, [](char c) {
                      return is_control(c) || std::string_view(" \"<>\\").contains(c);
                    });
  if (good) return std::nullopt;
  return complaint("is not a link", "Write \"https://www.example.net/imprint\" or a path.");
}

Finding check_channel_url(std::string_view text) {
  if (text.empty()) return std::nullopt;
  if (!text.starts_with("https://") && !text.starts_with("http://")) {
    return complaint("begins with neither https:// nor http://", "Begin it with https://.");
  }
  if (std::ranges::any_of(text, [](char c) { return is_control(c) || c == ' '; })) {
    return complaint("holds a space or a control character", "Write %20 for a space.");
  }
  const std::string_view host = text.substr(text.find("://") + 3);
  if (host.substr(0, host.find_first_of("/?#")).contains('@')) {
    return complaint("holds a user name or a password", "Use user and password.");
  }
  if (host.empty() || std::string_view("/?#").contains(host.front())) {
    return complaint("names no host", "Write \"https://sms.example.net/send\".");
  }
  return std::nullopt;
}

std::expected<std::vector<Secret>, Complaint> parse_keys(const Secret& text) {
  std::vector<Secret> keys;
  std::string_view rest = as_text(text.reveal());
  while (!rest.empty()) {
    const auto end = static_cast<std::size_t>(std::ranges::find_if(rest, is_space) - rest.begin());
    if (end > 0) {
      auto key = parse_key(rest.substr(0, end));
      if (!key) {
        return std::unexpected(
            complaint("holds something other than keys of 32 octets in base64 or hexadecimal",
                      "Make one: openssl rand -base64 32"));
      }
      keys.push_back(std::move(*key));
    }
    rest.remove_prefix(std::min(rest.size(), end + 1));
  }
  if (keys.empty()) {
    return std::unexpected(complaint("holds no key", "Make one: openssl rand -base64 32"));
  }
  return keys;
}

}  // namespace sallyport::config
