#include "bench/load/workload/user_fields.h"

#include <array>

#include <fmt/format.h>

namespace sallyport::lab {
namespace {

/// EAP's Identity of this length still fits into one EAP-Message (RFC 3579 §3.1).
constexpr std::size_t kMaxNameOctets = radius::kMaxAttributeValueOctets - 5;
constexpr std::array<std::uint8_t, 4> kNasAddress{192, 0, 2, 1};  // RFC 5737
/// A locally administered address (RFC 3580 §3.21 gives the form); the user's number ends it.
constexpr std::string_view kStation = "02-00-00-00-00-00";
constexpr std::string_view kHexDigits = "0123456789ABCDEF";

/// "XX-XX-XX-XX" into `out`, its last 11 octets.
void write_station(std::uint32_t number, MutableOctets out) {
  for (std::size_t at = out.size(); at-- > 0;) {
    if (at % 3 == 2) continue;  // a dash
    out[at] = static_cast<std::uint8_t>(kHexDigits[number & 15]);
    number >>= 4;
  }
}

}  // namespace

std::expected<UserFields, std::string> UserFields::make(const WorkloadSettings& settings) {
  auto name = NumberedText::parse(settings.user_pattern);
  if (!name) return std::unexpected(std::move(name.error()));
  if (name->octets() == 0 || name->octets() > kMaxNameOctets) {
    return std::unexpected(fmt::format("pattern '{}': a User-Name has 1 to {} octets",
                                       settings.user_pattern, kMaxNameOctets));
  }
  if (settings.users == 0 || settings.users > name->count()) {
    return std::unexpected(fmt::format("{} users: pattern '{}' names 1 to {}", settings.users,
                                       settings.user_pattern, name->count()));
  }
  return UserFields(std::move(*name), settings.users);
}

void UserFields::add_to(RequestTemplate& request) {
  name_offset_ = request.add(radius::Type::user_name,
                             std::vector<std::uint8_t>(name_.octets(), std::uint8_t{'?'}));
  name_.write(0, request.text(name_offset_, name_.octets()));
  request.add(radius::Type::nas_ip_address, kNasAddress);
  port_offset_ = request.add_number(static_cast<std::uint8_t>(radius::Type::nas_port), 0);
  station_offset_ = request.add(radius::Type::calling_station_id, as_octets(kStation));
}

void UserFields::fill(RequestCopy& request, const Session& session) const noexcept {
  const std::uint64_t user = session.number % users_;
  name_.renumber(user, request.at(name_offset_, name_.octets()));
  request.put_number(port_offset_, static_cast<std::uint32_t>(user));
  constexpr std::size_t kVarying = 11;
  write_station(static_cast<std::uint32_t>(user),
                request.at(station_offset_ + kStation.size() - kVarying, kVarying));
}

}  // namespace sallyport::lab
