#include "engine/config/http_text.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "protocol/ascii.h"
#include "protocol/http/field_text.h"

namespace sallyport::config {
namespace {

using http::is_token;
using http::trim;

constexpr std::size_t kMaxMethodOctets = 32;
constexpr std::size_t kMaxFieldOctets = 4096;

Complaint complaint(std::string_view wrong, std::string_view mend) {
  return {.wrong = std::string(wrong), .mend = std::string(mend)};
}

/// RFC 3986 §3.3, but for the semicolon: parameters take no part in the comparison of paths.
bool is_path_char(char c) {
  return is_letter_or_digit(c) || std::string_view("-._~!$&'()*+,=:@/%").contains(c);
}

/// "a/./b", "a//b".
bool has_odd_segment(std::string_view path) {
  if (path.contains("//")) return true;
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const auto slash = path.find('/');
    const std::string_view segment = path.substr(0, slash);
    if (segment == "." || segment == "..") return true;
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash);
  }
  return false;
}

/// Each % stands before two hexadecimal digits, and none makes a control character.
bool has_good_escapes(std::string_view path) {
  for (auto at = path.find('%'); at != std::string_view::npos; at = path.find('%', at + 1)) {
    const std::string_view digits = path.substr(at + 1, 2);
    unsigned value = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (error != std::errc{} || digits.size() != 2 || end != digits.data() + 2) return false;
    if (is_control(static_cast<char>(value))) return false;
  }
  return true;
}

/// "Name: value" or "Name" apart, both trimmed.
struct Field {
  std::string_view name;
  std::string_view value;
  bool has_value = false;
};
std::expected<Field, Complaint> parse_field(std::string_view text, std::string_view mend) {
  if (text.size() > kMaxFieldOctets) {
    return std::unexpected(complaint("is too long", "Keep it below 4096 octets."));
  }
  const auto colon = text.find(':');
  Field field;
  field.name = trim(text.substr(0, colon));
  if (!is_token(field.name)) {
    return std::unexpected(
        complaint("has no header name, or one with characters that no header "
                  "name has",
                  mend));
  }
  if (colon == std::string_view::npos) return field;
  field.has_value = true;
  field.value = trim(text.substr(colon + 1));
  if (Finding finding = check_field_value(field.value)) return std::unexpected(*finding);
  return field;
}

/// What makes or unmakes a message, or a connection: never by hand.
constexpr auto kFraming = std::to_array<std::string_view>(
    {"connection", "content-length", "keep-alive", "proxy-connection", "te", "trailer",
     "transfer-encoding", "upgrade", "http2-settings"});
/// Who the visitor is, which upstreams believe.
constexpr auto kVisitor =
    std::to_array<std::string_view>({"forwarded", "via", "x-forwarded-for", "x-forwarded-proto",
                                     "x-forwarded-host", "x-forwarded-port", "x-real-ip"});

Finding add_change(std::string_view text, std::vector<HeaderChange>& to, bool request) {
  constexpr std::string_view kMend =
      "Write \"set Name: value\", \"add Name: value\" or \"remove Name\".";
  text = trim(text);
  const auto space = text.find(' ');
  const std::string_view verb = text.substr(0, space);
  HeaderChange change;
  if (verb == "set") {
    change.kind = HeaderChange::Kind::set;
  } else if (verb == "add") {
    change.kind = HeaderChange::Kind::add;
  } else if (verb == "remove") {
    change.kind = HeaderChange::Kind::remove;
  } else {
    return complaint("begins with neither set nor add nor remove", kMend);
  }
  const std::string_view rest =
      space == std::string_view::npos ? std::string_view{} : text.substr(space + 1);
  const auto field = parse_field(rest, kMend);
  if (!field) return field.error();
  const bool is_remove = change.kind == HeaderChange::Kind::remove;
  if (is_remove && field->has_value) {
    return complaint("removes a header and gives it a value", "Write \"remove Name\".");
  }
  if (!is_remove && field->value.empty()) {
    return complaint("has no value", "Write \"Name: value\", or \"remove Name\".");
  }
  const std::string name = lower_case(field->name);
  if (std::ranges::find(kFraming, name) != kFraming.end()) {
    return complaint(fmt::format("changes {}, which holds the message together", field->name),
                     "Leave it out: sallyport writes this header itself.");
  }
  if (name == "host" && (is_remove || !request)) {
    return complaint("takes Host out of a request, or puts it into an answer",
                     "Write \"set Host: app.example.net\" in request_headers, or use "
                     "preserve_host = false.");
  }
  if (request && std::ranges::find(kVisitor, name) != kVisitor.end()) {
    return complaint(
        fmt::format("changes {}, which tells the server who the visitor is", field->name),
        "Leave it out: sallyport writes this header itself.");
  }
  change.name = field->name;
  change.value = field->value;
  to.push_back(std::move(change));
  return std::nullopt;
}

}  // namespace

Finding check_path_prefix(std::string_view text) {
  if (text.empty() || text == "/") return std::nullopt;
  if (!text.starts_with('/')) return complaint("does not begin with /", "Begin it with /.");
  if (!std::ranges::all_of(text, is_path_char)) {
    return complaint("holds a character that no path has",
                     "Write letters, digits and -._~!$&'()*+,=:@ between slashes, others as %20.");
  }
  if (!has_good_escapes(text)) {
    return complaint("holds a % without two hexadecimal digits, or an encoded control character",
                     "Write %20 for a space, %25 for the sign itself.");
  }
  if (has_odd_segment(text)) {
    return complaint("holds //, /./ or /../",
                     "Write the path without them: requests lose them "
                     "before they are compared.");
  }
  if (text.ends_with('/')) {
    return complaint("ends with a slash",
                     fmt::format("Write \"{}\": it means that path and all below it.",
                                 text.substr(0, text.size() - 1)));
  }
  return std::nullopt;
}

Finding check_gate_path(std::string_view text) {
  if (text.empty() || text == "/") {
    return complaint("would take every path", "Choose a path like \"/.sallyport\".");
  }
  if (Finding finding = check_path_prefix(text)) return finding;
  if (text == "/.well-known" || text.starts_with("/.well-known/")) {
    return complaint("lies where others look for their files (RFC 8615)",
                     "Choose a path like \"/.sallyport\".");
  }
  return std::nullopt;
}

Finding check_target(std::string_view text) {
  if (text.empty()) return std::nullopt;
  if (!text.starts_with('/')) return complaint("does not begin with /", "Begin it with /.");
  if (!std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f && c != '#'; })) {
    return complaint("holds a space, a # or a character beyond ASCII",
                     "Write it percent-encoded: %20 for a space.");
  }
  return std::nullopt;
}

Finding check_web_url(std::string_view text) {
  if (text.empty()) return std::nullopt;
  return check_url(text);
}

Finding check_redirect(std::string_view text) {
  if (text.empty()) return std::nullopt;
  constexpr std::string_view kMend =
      "Write \"https://new.example.net{uri}\", \"https://{host}{uri}\" or \"/path\".";
  std::string plain(text);
  for (const std::string_view placeholder : {"{host}", "{uri}"}) {
    for (auto at = plain.find(placeholder); at != std::string::npos; at = plain.find(placeholder)) {
      plain.replace(at, placeholder.size(), placeholder == "{host}" ? "h" : "/u");
    }
  }
  if (plain.find_first_of("{}") != std::string::npos) {
    return complaint("holds a { or } that is no placeholder", "Known are {host} and {uri}.");
  }
  if (!std::ranges::all_of(plain, [](char c) { return c > 0x20 && c < 0x7f && c != '\\'; })) {
    return complaint("holds a space, a backslash or a character beyond ASCII", kMend);
  }
  // "//host" would leave this host as well.
  if (plain.starts_with('/') && !plain.starts_with("//")) return std::nullopt;
  if (!plain.starts_with("https://") && !plain.starts_with("http://")) {
    return complaint("is neither a URL nor a path", kMend);
  }
  return check_url(std::string_view(plain).substr(0, plain.find_first_of("?#")));
}

Finding check_token(std::string_view text) {
  if (is_token(text)) return std::nullopt;
  return complaint("is not one word of letters, digits and !#$%&'*+-.^_`|~", "Choose such a name.");
}

Finding check_field_value(std::string_view text) {
  if (std::ranges::all_of(text, [](char c) { return !is_control(c) || c == '\t'; })) {
    return std::nullopt;
  }
  return complaint("holds a line end or another control character", "Keep it on one line.");
}

Finding check_media_type(std::string_view text) {
  if (Finding finding = check_field_value(text)) return finding;
  const std::string_view type = trim(text.substr(0, text.find(';')));
  const auto slash = type.find('/');
  if (slash != std::string_view::npos && is_token(type.substr(0, slash)) &&
      is_token(type.substr(slash + 1))) {
    return std::nullopt;
  }
  return complaint("is not a media type", "Write \"text/html; charset=utf-8\" or the like.");
}

Finding check_body(std::string_view text) {
  const auto allowed = [](char c) { return !is_control(c) || c == '\n' || c == '\r' || c == '\t'; };
  if (std::ranges::all_of(text, allowed)) return std::nullopt;
  return complaint("holds a control character other than tabs and line ends", "Remove it.");
}

Finding add_method(std::string_view text, std::vector<std::string>& to) {
  constexpr std::string_view kMend = "Write \"GET\", \"POST\" or the like.";
  if (!is_token(text) || text.size() > kMaxMethodOctets) {
    return complaint("is not the name of a method", kMend);
  }
  if (std::ranges::any_of(text, is_lower)) {
    return complaint(fmt::format("holds lower-case letters, and case counts: {}", text), kMend);
  }
  if (std::ranges::find(to, text) != to.end()) {
    return complaint(fmt::format("names {} a second time", text), "Write each method once.");
  }
  to.emplace_back(text);
  return std::nullopt;
}

Finding add_header_match(std::string_view text, std::vector<HeaderMatch>& to) {
  const auto field =
      parse_field(text, "Write \"Name: value\", or \"Name\" where any value will do.");
  if (!field) return field.error();
  if (field->has_value && field->value.empty()) {
    return complaint("has no value", "Write \"Name\" alone where any value will do.");
  }
  if (lower_case(field->name) == "host") {
    return complaint("asks for a Host", "Use hosts = [\"…\"].");
  }
  to.push_back({.name = lower_case(field->name), .value = std::string(field->value)});
  return std::nullopt;
}

std::string text_of(const HeaderMatch& match) {
  return match.value.empty() ? match.name : fmt::format("{}: {}", match.name, match.value);
}

Finding add_request_header(std::string_view text, std::vector<HeaderChange>& to) {
  return add_change(text, to, true);
}

Finding add_response_header(std::string_view text, std::vector<HeaderChange>& to) {
  return add_change(text, to, false);
}

std::string text_of(const HeaderChange& change) {
  switch (change.kind) {
    case HeaderChange::Kind::add: return fmt::format("add {}: {}", change.name, change.value);
    case HeaderChange::Kind::set: return fmt::format("set {}: {}", change.name, change.value);
    case HeaderChange::Kind::remove: return fmt::format("remove {}", change.name);
  }
  return {};
}

Finding add_argument(std::string_view text, std::vector<std::string>& to) {
  if (text.contains('\0')) return complaint("holds a NUL", "Remove it.");
  if (to.empty() && !text.starts_with('/')) {
    return complaint("begins with a program that has no absolute path",
                     "Write [\"/usr/local/bin/program\", \"argument\"].");
  }
  to.emplace_back(text);
  return std::nullopt;
}

std::string text_of(const std::string& text) { return text; }

}  // namespace sallyport::config
