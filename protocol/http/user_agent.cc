#include "protocol/http/user_agent.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "protocol/ascii.h"

namespace sallyport::http {
namespace {

/// What the User-Agent contains, and what that is called. The first that fits counts: browsers name
/// those that they want to be taken for, too.
struct Word {
  std::string_view mark;
  std::string_view name;
};

constexpr Word kBrowsers[] = {
    {"Edg/", "Edge"},
    {"EdgA/", "Edge"},
    {"EdgiOS/", "Edge"},
    {"OPR/", "Opera"},
    {"SamsungBrowser/", "Samsung Internet"},
    {"Vivaldi/", "Vivaldi"},
    {"YaBrowser/", "Yandex Browser"},
    {"DuckDuckGo/", "DuckDuckGo"},
    {"FxiOS/", "Firefox"},
    {"Firefox/", "Firefox"},
    {"CriOS/", "Chrome"},
    {"HeadlessChrome/", "Chrome"},
    {"Chrome/", "Chrome"},
    {"Version/", "Safari"},  // with Safari/ behind it, which all of the above have as well
};

constexpr Word kSystems[] = {
    {"iPhone", "iPhone"},   {"iPad", "iPad"},       {"Android", "Android"}, {"CrOS", "ChromeOS"},
    {"Windows", "Windows"}, {"Macintosh", "macOS"}, {"Mac OS X", "macOS"},  {"Linux", "Linux"},
    {"FreeBSD", "FreeBSD"}, {"OpenBSD", "OpenBSD"},
};

template <std::size_t kSize>
std::string_view find_word(const Word (&words)[kSize], std::string_view text) noexcept {
  const auto found =
      std::ranges::find_if(words, [&](const Word& word) { return text.contains(word.mark); });
  return found == std::end(words) ? std::string_view() : found->name;
}

bool is_product_character(char c) noexcept {
  return is_letter_or_digit(c) || c == '-' || c == '.' || c == '_';
}

/// "curl" of "curl/8.1": whatever a program is called that is no browser.
std::string_view product(std::string_view text) noexcept {
  const auto* const end = std::ranges::find_if_not(text, is_product_character);
  return text.substr(
      0, std::min<std::size_t>(static_cast<std::size_t>(end - text.begin()), kMaxDeviceName));
}

}  // namespace

std::string device_name(std::string_view user_agent) {
  std::string_view browser;
  if (user_agent.starts_with("Mozilla/")) {
    browser = find_word(kBrowsers, user_agent);
  } else {
    browser = product(user_agent);
  }
  const std::string_view system = find_word(kSystems, user_agent);
  std::string name(browser);
  constexpr std::string_view kOn = " on ";
  if (!system.empty() && name.size() + kOn.size() + system.size() <= kMaxDeviceName) {
    if (!name.empty()) name += kOn;
    name += system;
  }
  return name.empty() ? "Unknown device" : name;
}

}  // namespace sallyport::http
