#pragma once
// Attribute types of RFC 2866, 2869 and 5176 that the generator's requests carry, and the
// Acct-Session-Id that they share.

#include <cstdint>

#include "protocol/octets.h"

namespace sallyport::lab {

struct AccountingType {
  static constexpr std::uint8_t framed_ip_address = 8;
  static constexpr std::uint8_t filter_id = 11;
  static constexpr std::uint8_t session_timeout = 27;
  static constexpr std::uint8_t status_type = 40;
  static constexpr std::uint8_t input_octets = 42;
  static constexpr std::uint8_t output_octets = 43;
  static constexpr std::uint8_t session_id = 44;
  static constexpr std::uint8_t authentic = 45;
  static constexpr std::uint8_t session_time = 46;
  static constexpr std::uint8_t input_packets = 47;
  static constexpr std::uint8_t output_packets = 48;
  static constexpr std::uint8_t terminate_cause = 49;
};

inline constexpr std::size_t kSessionIdOctets = 24;

/// The seed's low half and the session's number as hexadecimal digits: no two sessions of a run,
/// and hardly any of two runs, have the same. `out`: kSessionIdOctets.
void write_session_id(std::uint64_t seed, std::uint64_t number, MutableOctets out) noexcept;

}  // namespace sallyport::lab
