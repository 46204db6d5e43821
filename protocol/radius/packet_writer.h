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

namespace sallyport::radius {

class PacketWriter {
 public:
  /// `out` holds kMaxPacketOctets and outlives the writer.
  PacketWriter(MutableOctets out, Code code, Identifier identifier) noexcept;

  /// Octets in attributes, types and lengths included.
  [[nodiscard]] bool fits(std::size_t octets, std::size_t attributes) const noexcept {
    return octets <= out_.size() - used_ && attributes <= kMaxAttributes - attributes_;
  }
  /// Copies one attribute, type and length included. The copy; empty when it does not fit.
  [[nodiscard]] MutableOctets copy(Octets whole) noexcept;
  /// Copies any number of them, one behind the other. False: they do not fit.
  [[nodiscard]] bool copy_all(Octets wholes) noexcept;
  /// `value`: at most 253 octets. False: does not fit.
  [[nodiscard]] bool add(Type type, Octets value) noexcept;
  /// Sixteen zeros that sign_*() fills in. At most one in a packet. False: does not fit.
  [[nodiscard]] bool add_message_authenticator() noexcept;

  /// Access-Request: `authenticator` is random. Returns the packet's length.
  [[nodiscard]] std::size_t sign_access_request(const HopKey& key,
                                                const Authenticator& authenticator) noexcept;
  /// Replies (`header`: the request's authenticator) and requests whose own authenticator is
  /// computed (`header`: zeros). Returns the packet's length.
  [[nodiscard]] std::size_t sign(const HopKey& key, const Authenticator& header) noexcept;

 private:
  [[nodiscard]] Octets written() const noexcept { return out_.first(used_); }
  void fill_length() noexcept;
  void fill_message_authenticator(const HopKey& key, const Authenticator& header) noexcept;
  void fill_authenticator(const Authenticator& authenticator) noexcept;

  MutableOctets out_;
  std::size_t used_ = kHeaderOctets;
  std::size_t attributes_ = 0;
  std::size_t message_authenticator_ = 0;  ///< offset of its value; 0: none
};

}  // namespace sallyport::radius
