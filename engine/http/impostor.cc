#include "engine/http/impostor.h"

#include <algorithm>
#include <string>

#include "protocol/http/field_text.h"

namespace sallyport::http_door {
namespace {

constexpr std::string_view kForwarded = "x-forwarded-";

}  // namespace

bool is_impostor(std::string_view name, const FieldPlan& rules) {
  if (http::equal_ignoring_case(name, "proxy")) return true;
  if (http::equal_ignoring_case(name, "http2-settings")) return true;
  if (!name.contains('_')) return false;
  std::string taken_for(name);
  std::ranges::replace(taken_for, '_', '-');
  return http::field_name(taken_for) != http::FieldName::other ||
         http::starts_ignoring_case(taken_for, kForwarded) || rules.writes(taken_for);
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
