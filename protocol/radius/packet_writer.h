#pragma once
// Writes one RADIUS packet from front to back. It cannot exceed 4096 octets or kMaxAttributes
// attributes: what does not fit is refused, and what was written before stays a right packet. So
// PacketView::parse takes whatever was written here. Signing is the last step.

#include <cstddef>
#include <cstdint>

#include "protocol/octets.h"
#include "protocol/radius/authenticator.h"
#include "protocol/radius/codes.h"
#include "protocol/radius/hop_key.h"
#include "protocol/radius/packet.h"
#include "protocol/radius/unsigned_packet.h"

namespace sallyport::radius {

class PacketWriter {
 public:
  /// `out`: room for the header at least; it outlives the writer. No packet becomes longer than it,
  /// or than kMaxPacketOctets.
  PacketWriter(MutableOctets out, Code code, Identifier identifier) noexcept;

  /// Octets in attributes, types and lengths included.
  [[nodiscard]] bool fits(std::size_t octets, std::size_t attributes) const noexcept {
    return octets <= out_.size() - used_ && attributes <= kMaxAttributes - attributes_;
  }
  /// Copies `count` attributes that stand one behind the other, types and lengths included. The
  /// copy; empty when it does not fit.
  [[nodiscard]] MutableOctets copy(Octets wholes, std::size_t count = 1) noexcept;
  /// Copies any number of them, one behind the other. False: they do not fit.
  [[nodiscard]] bool copy_all(Octets wholes) noexcept;
  /// `value`: at most 253 octets. False: does not fit.
  [[nodiscard]] bool add(Type type, Octets value) noexcept;
  /// Sixteen zeros that sign_*() fills in. At most one in a packet. False: does not fit.
  [[nodiscard]] bool add_message_authenticator() noexcept;

  /// The last step. Access-Request and Status-Server: `authenticator` is random.
  [[nodiscard]] UnsignedPacket finish_access_request(const HopKey& key,
                                                     const Authenticator& authenticator) noexcept;
  /// The last step. Replies (`header`: the request's authenticator) and requests whose own
  /// authenticator is computed (`header`: zeros).
  [[nodiscard]] UnsignedPacket finish(const HopKey& key, const Authenticator& header) noexcept;

  /// The last step on a hop of RADIUS/1.1: nothing is left to sign. `token`: its first 4 octets,
  /// and zeros (RFC 9765 §4.1); the packet's identifier is 0.
  [[nodiscard]] UnsignedPacket finish_with_token(const Authenticator& token) noexcept;

  /// The same, and signed at once. Return the packet's length.
  [[nodiscard]] std::size_t sign_access_request(const HopKey& key,
                                                const Authenticator& authenticator) noexcept {
    return finish_access_request(key, authenticator).sign();
  }
  [[nodiscard]] std::size_t sign(const HopKey& key, const Authenticator& header) noexcept {
    return finish(key, header).sign();
  }

 private:
  [[nodiscard]] UnsignedPacket finish(const HopKey& key, const Authenticator& header,
                                      UnsignedPacket::Kind kind) noexcept;

  MutableOctets out_;
  std::size_t used_ = kHeaderOctets;
  std::size_t attributes_ = 0;
  std::size_t message_authenticator_ = 0;  ///< offset of its value; 0: none
};

}  // namespace sallyport::radius
