#include "protocol/http/same_origin.h"

#include <optional>

#include "protocol/http/field_text.h"
#include "protocol/http/return_url.h"

namespace sallyport::http {
namespace {

struct Sole {
  std::size_t count = 0;
  std::string_view value;
};

Sole sole(const Fields& fields, std::string_view name) noexcept {
  Sole found;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (!equal_ignoring_case(fields[i].name, name)) continue;
    ++found.count;
    found.value = fields[i].value;
  }
  return found;
}

/// Browsers leave the scheme's own port out of an origin; a Host may have it.
std::string_view without_default_port(std::string_view authority, bool https) noexcept {
  const std::string_view port = https ? ":443" : ":80";
  if (authority.ends_with(port)) authority.remove_suffix(port.size());
  return authority;
}

bool names(std::string_view url, bool https, std::string_view authority) noexcept {
  const auto read = read_whole_url(url);
  return read && read->https == https && !authority.empty() &&
         equal_ignoring_case(without_default_port(read->authority, https),
                             without_default_port(authority, https));
}

}  // namespace

bool is_same_origin(const RequestHead& head, bool https, std::string_view authority) noexcept {
  if (const Sole site = sole(head.fields, "sec-fetch-site"); site.count > 0) {
    return site.count == 1 && site.value == "same-origin";
  }
  if (const Sole origin = sole(head.fields, "origin"); origin.count > 0) {
    return origin.count == 1 && names(origin.value, https, authority);
  }
  const Sole referer = sole(head.fields, "referer");
  if (referer.count != 1) return false;
  // A browser leaves the fragment out, and may send what is no URL to us: only its origin counts.
  return names(referer.value, https, authority);
}

}  // namespace sallyport::http
