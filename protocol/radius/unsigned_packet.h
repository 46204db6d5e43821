#pragma once
// A packet written in full but for its authenticators. They come in two steps, since the second
// digest covers the first (RFC 3579 §3.2): so that the packets of a batch take each step together.

#include <cstddef>
#include <cstdint>

#include "protocol/md5/batch.h"
#include "protocol/octets.h"
#include "protocol/radius/authenticator.h"
#include "protocol/radius/hop_key.h"

namespace sallyport::radius {

/// A view: the packet's octets and the key live elsewhere, and longer. The packet holds `header` in
/// the place of its authenticator and zeros as Message-Authenticator, as both digests want it.
class UnsignedPacket {
 public:
  /// What stands in the packet's authenticator field in the end.
  enum class Kind : std::uint8_t {
    final,     ///< the header itself: Access-Request (RFC 2865 §3), a Token (RFC 9765 §4.1)
    computed,  ///< replies, Accounting-Request, CoA-Request, …: MD5 over all and the secret
  };

  UnsignedPacket() = default;
  /// `message_authenticator`: offset of its 16 octets; 0: the packet has none.
  UnsignedPacket(MutableOctets packet, const HopKey& key, Kind kind,
                 std::size_t message_authenticator) noexcept
      : packet_(packet), key_(&key), kind_(kind), message_authenticator_(message_authenticator) {}

  [[nodiscard]] std::size_t size() const noexcept { return packet_.size(); }

  /// First step.
  void add_message_authenticator(md5::Batch& batch) const noexcept;
  /// Second step, after the batch has run. It is signed when the batch has run once more.
  void add_authenticator(md5::Batch& batch) const noexcept;
  /// Both at once, for a packet that has no batch to go with. Returns its length.
  [[nodiscard]] std::size_t sign() const noexcept;

 private:
  MutableOctets packet_;
  const HopKey* key_ = nullptr;
  Kind kind_ = Kind::final;
  std::size_t message_authenticator_ = 0;
};

}  // namespace sallyport::radius
