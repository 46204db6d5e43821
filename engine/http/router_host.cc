#include "engine/http/router_host.h"

#include <algorithm>

#include "protocol/check.h"
#include "protocol/http/field_text.h"
#include "protocol/http/target.h"

namespace sallyport::http_door {

std::optional<HostName> HostName::parse(std::string_view authority) noexcept {
  HostName result;
  if (authority.empty()) return result;
  const auto split = http::split_authority(authority);
  if (!split) return std::nullopt;
  std::string_view host = split->host;
  if (host.ends_with('.')) host.remove_suffix(1);
  CHECK(host.size() <= kMaxOctets);
  std::ranges::transform(host, result.octets_.begin(), http::to_lower);
  result.size_ = static_cast<std::uint8_t>(host.size());
  result.port_ = split->port.value_or(0);
  return result;
}

}  // namespace sallyport::http_door
