#pragma once
// What the audit line says of a request's sender. Read from the request while that is kept, and
// carried in front of the parked Access-Accept while the user is asked.

#include <cstdint>
#include <string_view>

#include "engine/radius/packet_store.h"
#include "protocol/octets.h"
#include "protocol/radius/packet.h"
#include "verify/short_text.h"

namespace sallyport::radius_door {

struct SenderNote {
  verify::ShortText<253> user;
  verify::ShortText<64> calling_station;
  verify::ShortText<64> nas;  ///< NAS-Identifier, else NAS-IP-Address, else NAS-IPv6-Address

  static constexpr std::size_t kMaxOctets = 3 + 253 + 64 + 64;
  static_assert(kMaxOctets <= PacketStore::kNoteOctets);

  [[nodiscard]] static SenderNote of(const radius::PacketView& request,
                                     std::string_view user) noexcept;
  /// Each text with its length before it. `out` has room for kMaxOctets; returns the octets used.
  [[nodiscard]] std::size_t write(MutableOctets out) const noexcept;
  /// `octets`: begins with what write() has written.
  [[nodiscard]] static SenderNote read(Octets octets) noexcept;
};

}  // namespace sallyport::radius_door
