#pragma once
// One accounting record of the spool: what tells it from others, and how it is written for the
// accounting server. Pure.

#include <array>
#include <cstdint>
#include <expected>

#include "protocol/ip_address.h"
#include "protocol/octets.h"
#include "protocol/radius/hop_key.h"
#include "protocol/radius/packet.h"
#include "protocol/radius/translate.h"

namespace sallyport::radius_door {

using RecordFingerprint = std::array<std::uint8_t, 16>;

struct RecordNames {
  /// Of client, NAS and Acct-Session-Id: records of one session go one after the other. A hash: two
  /// sessions that share it wait for each other, and no more.
  std::uint64_t session;
  /// Of client address, Identifier and Request Authenticator: the same when the request is sent
  /// again, be it after a restart of ours, and from another port.
  RecordFingerprint fingerprint;
};
/// `request`: an authentic Accounting-Request from the address `client`.
[[nodiscard]] RecordNames names_of(const IpAddress& client, const radius::PacketView& request);

/// How a record goes to the accounting server.
struct DeliveryHop {
  const radius::HopKey& client;  ///< that it came with; the server's where the client is no more
  const radius::HopKey& server;
  radius::Identifier identifier;
  Octets proxy_state;          ///< ours
  std::uint32_t waited_s = 0;  ///< in the spool
};
/// Octets that waiting may add to a record: Acct-Delay-Time.
inline constexpr std::size_t kDelayTimeOctets = 6;

/// Writes the record, which is the request as it came, signed for the server into `out` (4096
/// octets), and returns its length. Acct-Delay-Time grows by what it has waited (RFC 2866 §5.2), or
/// is added; Event-Timestamp stays. Whether it can be written does not depend on the keys.
[[nodiscard]] std::expected<std::size_t, radius::Untranslatable> write_delivery(
    const radius::PacketView& record, const DeliveryHop& hop, MutableOctets out) noexcept;

}  // namespace sallyport::radius_door
