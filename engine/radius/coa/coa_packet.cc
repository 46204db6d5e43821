#include "engine/radius/coa/coa_packet.h"

#include <algorithm>

#include "protocol/radius/translate.h"

namespace sallyport::radius_door {

using radius::Code;
using radius::PacketView;
using radius::Type;

namespace {

constexpr std::uint8_t kOperatorNasIdentifier = 8;

}  // namespace

bool is_operator_nas_identifier(const radius::Attribute& attribute) noexcept {
  return attribute.type == Type::extended_1 && !attribute.value.empty() &&
         attribute.value[0] == kOperatorNasIdentifier;
}

bool is_request(Code code) { return code == Code::coa_request || code == Code::disconnect_request; }

Code ack_of(std::uint8_t code) {
  return static_cast<Code>(code) == Code::coa_request ? Code::coa_ack : Code::disconnect_ack;
}
Code nak_of(std::uint8_t code) {
  return static_cast<Code>(code) == Code::coa_request ? Code::coa_nak : Code::disconnect_nak;
}

std::uint32_t number_in(Octets value) {
  return std::uint32_t{value[0]} << 24 | std::uint32_t{value[1]} << 16 |
         std::uint32_t{value[2]} << 8 | value[3];
}

bool names_session(const PacketView& packet) {
  constexpr Type kSession[] = {Type::user_name,
                               Type::nas_port,
                               Type::framed_ip_address,
                               Type::vendor_specific,
                               Type::called_station_id,
                               Type::calling_station_id,
                               Type::acct_session_id,
                               Type::acct_multi_session_id,
                               Type::nas_port_id,
                               Type::chargeable_user_identity,
                               Type::originating_line_info,
                               Type::framed_interface_id,
                               Type::framed_ipv6_prefix,
                               Type::delegated_ipv6_prefix,
                               Type::framed_ipv6_address};
  return std::ranges::any_of(kSession, [&](Type type) { return packet.has(type); });
}

std::optional<std::uint32_t> event_time(const PacketView& packet, std::int64_t unix_s,
                                        std::uint32_t window_s) {
  std::uint32_t newest = 0;
  for (const radius::Attribute attribute : packet) {
    if (attribute.type != Type::event_timestamp) continue;
    if (attribute.value.size() != 4) return std::nullopt;
    const std::uint32_t time = number_in(attribute.value);
    const std::int64_t off = std::int64_t{time} - unix_s;
    if (off > std::int64_t{window_s} || off < -std::int64_t{window_s}) return std::nullopt;
    newest = std::max(newest, time);
  }
  return newest;
}

std::vector<std::uint8_t> proxy_states_of(const PacketView& packet) {
  std::vector<std::uint8_t> states(packet.attributes().size());
  states.resize(radius::copy_proxy_states(packet, false, states));
  return states;
}

bool carries(const PacketView& packet, Octets proxy_state) {
  for (const radius::Attribute attribute : packet) {
    if (attribute.type == Type::proxy_state && std::ranges::equal(attribute.value, proxy_state))
      return true;
  }
  return false;
}

std::size_t without_operator_nas_identifier(const PacketView& packet, MutableOctets out) {
  copy_octets(packet.octets().first(radius::kHeaderOctets), out);
  std::size_t used = radius::kHeaderOctets;
  for (const radius::Attribute attribute : packet) {
    if (is_operator_nas_identifier(attribute)) continue;
    copy_octets(attribute.whole, out.subspan(used));
    used += attribute.whole.size();
  }
  out[2] = static_cast<std::uint8_t>(used >> 8);
  out[3] = static_cast<std::uint8_t>(used);
  return used;
}

radius::Authenticator authenticator_in(Octets packet) {
  radius::Authenticator authenticator;
  copy_octets(packet.subspan(4, authenticator.octets.size()), authenticator.octets);
  return authenticator;
}

}  // namespace sallyport::radius_door
