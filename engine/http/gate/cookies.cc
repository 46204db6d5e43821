#include "engine/http/gate/cookies.h"

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>

#include "engine/http/pages/pages.h"
#include "protocol/http/field_text.h"

namespace sallyport::http_door {
namespace {

using Name = verify::GateCookie::Name;

constexpr std::array<std::string_view, 3> kHostOnly = {
    "__Host-sallyport-visit", "__Host-sallyport-session", "__Host-sallyport-access"};
constexpr std::array<std::string_view, 3> kPlain = {"sallyport_visit", "sallyport_session",
                                                    "sallyport_access"};
constexpr std::uint32_t kYearS = 31'536'000;

bool is_own(std::string_view name) noexcept {
  return std::ranges::find(kHostOnly, name) != kHostOnly.end() ||
         std::ranges::find(kPlain, name) != kPlain.end() || name == kLanguageCookie;
}

void append_attributes(std::string& out, const CookieRules& rules) {
  out += "; Path=/";
  if (!rules.domain.empty()) out.append("; Domain=").append(rules.domain);
  if (!rules.insecure) out += "; Secure";
  out += "; HttpOnly; SameSite=Lax";
}

/// `value` without ours, into `kept`.
void append_others(std::string_view value, std::string& kept) {
  while (!value.empty()) {
    const std::size_t end = std::min(value.find(';'), value.size());
    const std::string_view pair = http::trim(value.substr(0, end));
    value.remove_prefix(std::min(end + 1, value.size()));
    if (pair.empty() || is_own(pair.substr(0, pair.find('=')))) continue;
    if (!kept.empty()) kept += "; ";
    kept += pair;
  }
}

}  // namespace

std::string_view cookie_name(Name name, const CookieRules& rules) noexcept {
  return (rules.host_only() ? kHostOnly : kPlain)[static_cast<std::size_t>(name)];
}

std::string set_cookie(const verify::GateCookie& cookie, const CookieRules& rules) {
  std::string out = fmt::format("{}={}", cookie_name(cookie.name, rules), cookie.value);
  if (cookie.value.empty()) {
    out += "; Max-Age=0";
  } else if (cookie.max_age_s > 0) {
    out += fmt::format("; Max-Age={}", cookie.max_age_s);
  }
  append_attributes(out, rules);
  return out;
}

std::string set_language_cookie(std::string_view language, const CookieRules& rules) {
  std::string out = fmt::format("{}={}; Max-Age={}", kLanguageCookie, language, kYearS);
  append_attributes(out, rules);
  return out;
}

void remove_own_cookies(http::Fields& fields, std::string& scratch) {
  bool found = false;
  scratch.clear();
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (fields[i].id != http::FieldName::cookie) continue;
    found |= fields[i].value.contains("sallyport");
    append_others(fields[i].value, scratch);
  }
  if (!found) return;
  fields.remove(http::FieldName::cookie);
  if (!scratch.empty()) fields.add(http::FieldName::cookie, "Cookie", scratch);
}

}  // namespace sallyport::http_door
