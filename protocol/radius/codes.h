#pragma once
// RADIUS packet codes and the attribute types that a proxy must know by name. All else passes
// untouched.

#include <cstdint>

namespace sallyport::radius {

/// How RADIUS is spoken on a hop.
enum class Version : std::uint8_t {
  v1_0,  ///< RFC 2865: an Identifier, authenticators, hidden attributes
  v1_1,  ///< RFC 9765, over TLS only: a Token instead; nothing is signed, nothing hidden
};

/// Packet codes (RFC 2865 §3, 2866 §3, 5176 §2.3, 5997). Others are dropped and counted.
enum class Code : std::uint8_t {
  access_request = 1,
  access_accept = 2,
  access_reject = 3,
  accounting_request = 4,
  accounting_response = 5,
  access_challenge = 11,
  status_server = 12,
  disconnect_request = 40,
  disconnect_ack = 41,
  disconnect_nak = 42,
  coa_request = 43,
  coa_ack = 44,
  coa_nak = 45,
  protocol_error = 52,
};

/// What a packet of a code is on its hop, and so how it proves itself.
enum class Role : std::uint8_t {
  access_request,  ///< random authenticator: proved by its Message-Authenticator alone
  status_server,   ///< the same, and ends at the hop (RFC 5997 §2)
  signed_request,  ///< authenticator computed over the packet: accounting, CoA, Disconnect
  reply,           ///< authenticator computed over the packet and its request's authenticator
};
[[nodiscard]] constexpr Role role_of(Code code) noexcept {
  switch (code) {
    case Code::access_request: return Role::access_request;
    case Code::status_server: return Role::status_server;
    case Code::accounting_request:
    case Code::disconnect_request:
    case Code::coa_request: return Role::signed_request;
    case Code::access_accept:
    case Code::access_reject:
    case Code::accounting_response:
    case Code::access_challenge:
    case Code::disconnect_ack:
    case Code::disconnect_nak:
    case Code::coa_ack:
    case Code::coa_nak:
    case Code::protocol_error: return Role::reply;
  }
  return Role::reply;
}

/// Attribute types (RFC 2865 §5, 2868, 2869, 3162, 3579, 5176, 6929).
enum class Type : std::uint8_t {
  user_name = 1,
  user_password = 2,
  chap_password = 3,
  nas_ip_address = 4,
  nas_port = 5,
  service_type = 6,
  framed_ip_address = 8,
  reply_message = 18,
  state = 24,
  session_timeout = 27,
  vendor_specific = 26,
  called_station_id = 30,
  calling_station_id = 31,
  nas_identifier = 32,
  proxy_state = 33,
  acct_delay_time = 41,
  acct_session_id = 44,
  acct_multi_session_id = 50,
  event_timestamp = 55,
  chap_challenge = 60,
  nas_port_type = 61,
  tunnel_password = 69,
  eap_message = 79,
  message_authenticator = 80,
  nas_port_id = 87,
  chargeable_user_identity = 89,
  originating_line_info = 94,
  nas_ipv6_address = 95,
  framed_interface_id = 96,
  framed_ipv6_prefix = 97,
  error_cause = 101,
  delegated_ipv6_prefix = 123,
  framed_ipv6_address = 168,
  extended_1 = 241,
};

/// Of Error-Cause: why a CoA-Request or Disconnect-Request failed (RFC 5176 §3.5).
enum class ErrorCause : std::uint32_t {
  none = 0,  ///< no such attribute
  missing_attribute = 402,
  nas_identification_mismatch = 403,
  invalid_attribute_value = 407,
  request_not_routable = 502,
  other_proxy_processing_error = 505,
  resources_unavailable = 506,
};

inline constexpr std::size_t kHeaderOctets = 20;
inline constexpr std::size_t kMinPacketOctets = 20;
inline constexpr std::size_t kMaxPacketOctets = 4096;  ///< RFC 2865 §3
inline constexpr std::size_t kMaxAttributeValueOctets = 253;

}  // namespace sallyport::radius
