#include "engine/http/impostor.h"

#include <algorithm>
#include <string>

#include "protocol/ascii.h"
#include "protocol/http/field_text.h"
#include "protocol/http/scan.h"

namespace sallyport::http_door {
namespace {

constexpr std::string_view kForwarded = "x-forwarded-";

/// What most names are made of.
constexpr http::OctetSet kPlainOctets = [] {
  http::OctetSet set{};
  for (std::size_t c = 0; c < set.size(); ++c) {
    const char octet = static_cast<char>(c);
    set[c] = is_letter_or_digit(octet) || octet == '-';
  }
  return set;
}();

}  // namespace

bool is_impostor(std::string_view name, const FieldPlan& rules) {
  if (http::equal_ignoring_case(name, "proxy")) return true;
  if (http::equal_ignoring_case(name, "http2-settings")) return true;
  if (rules.imitated_by(name)) return true;
  if (http::count_leading(kPlainOctets, name) == name.size()) return false;
  std::string taken_for(name);
  std::ranges::replace_if(taken_for, [](char c) { return !http::is_in(kPlainOctets, c); }, '-');
  return http::field_name(taken_for) != http::FieldName::other ||
         http::starts_ignoring_case(taken_for, kForwarded);
}

bool has_impostor(const http::Fields& trailers, const FieldPlan& rules) {
  if (rules.writes_any(trailers)) return true;
  for (std::size_t i = 0; i < trailers.size(); ++i) {
    const std::string_view name = trailers[i].name;
    if (is_impostor(name, rules) || http::starts_ignoring_case(name, kForwarded)) return true;
  }
  return false;
}

}  // namespace sallyport::http_door
