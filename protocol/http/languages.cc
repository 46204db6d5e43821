#include "protocol/http/languages.h"

#include <algorithm>
#include <cstddef>

#include "protocol/http/field_text.h"

namespace sallyport::http {
namespace {

constexpr std::size_t kMaxRanges = 32;

/// "q=0.8" in thousandths; 1000 when there is none, 0 when it is malformed.
int weight(std::string_view parameters) noexcept {
  const std::string_view text = trim(parameters);
  if (text.empty()) return 1'000;
  if (text.size() < 3 || to_lower(text[0]) != 'q' || text[1] != '=') return 0;
  const std::string_view number = text.substr(2);
  if (number[0] == '1') return 1'000;
  if (number[0] != '0' || (number.size() > 1 && number[1] != '.')) return 0;
  int value = 0;
  for (std::size_t i = 2; i < 5; ++i) {
    const char c = i < number.size() ? number[i] : '0';
    if (c < '0' || c > '9') return 0;
    value = value * 10 + (c - '0');
  }
  return value;
}

}  // namespace

std::string_view named_language(std::string_view text, std::span<const std::string> ours) noexcept {
  for (const std::string_view name : {text, text.substr(0, text.find('-'))}) {
    for (const std::string& language : ours) {
      if (equal_ignoring_case(name, language)) return language;
    }
  }
  return {};
}

std::string_view accepted_language(std::string_view accept_language,
                                   std::span<const std::string> ours) noexcept {
  std::string_view best;
  int best_weight = 0;
  for (std::size_t ranges = 0; ranges < kMaxRanges && !accept_language.empty(); ++ranges) {
    const std::size_t comma = std::min(accept_language.find(','), accept_language.size());
    const std::string_view range = accept_language.substr(0, comma);
    accept_language.remove_prefix(std::min(comma + 1, accept_language.size()));
    const std::size_t semicolon = std::min(range.find(';'), range.size());
    const std::string_view language = named_language(trim(range.substr(0, semicolon)), ours);
    const int q = weight(range.substr(std::min(semicolon + 1, range.size())));
    if (language.empty() || q <= best_weight) continue;
    best = language;
    best_weight = q;
  }
  return best;
}

}  // namespace sallyport::http
