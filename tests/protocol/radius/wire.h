#pragma once
// Packets for tests, octet by octet, and the formulae of RFC 2865, 2868 and 3579 as they are
// printed: slow, on whole copies, and sharing nothing with the code under test.

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/radius/packet.h"
#include "protocol/random.h"

namespace sallyport::radius::wire {

using Bytes = std::vector<std::uint8_t>;

/// "01 0a ff" or "010aff".
Bytes hex(std::string_view digits);
Bytes text(std::string_view characters);
Bytes join(std::initializer_list<Bytes> parts);
Bytes zeros(std::size_t octets);
Bytes filled(std::size_t octets, std::uint8_t value);

Bytes attribute(Type type, const Bytes& value);
Bytes attribute(int type, const Bytes& value);
/// Vendor-Specific; `value` stands behind the Vendor-Id.
Bytes vendor_specific(std::uint32_t vendor, const Bytes& value);
/// With its Length and no authenticator of any sense.
Bytes packet(Code code, std::uint8_t identifier, const Authenticator& authenticator,
             std::initializer_list<Bytes> attributes);
Bytes packet(Code code, std::uint8_t identifier, const Authenticator& authenticator,
             std::span<const Bytes> attributes);

/// Type, length and value of each attribute, in order.
std::vector<Bytes> attributes_of(const Bytes& packet);
std::vector<Bytes> attributes_of(const PacketView& view);
PacketView parsed(const Bytes& datagram);

Authenticator authenticator_of(std::uint8_t first);  ///< first, first + 1, ...
Authenticator md5(const Bytes& octets);
Authenticator hmac_md5(std::string_view secret, const Bytes& octets);

/// Fills in the Message-Authenticator (if any) and the authenticator of a request or reply.
/// `header`: as RFC 3579 §3.2 has it for this code.
void sign_computed(Bytes& packet, std::string_view secret, const Authenticator& header);
/// Fills in the Message-Authenticator of an Access-Request or Status-Server.
void sign_random(Bytes& packet, std::string_view secret);

/// RFC 2865 §5.2; `clear` is padded with zeros.
Bytes hide_password(const Bytes& clear, std::string_view secret, const Authenticator& authenticator,
                    const Bytes& salt = {});
Bytes reveal_password(const Bytes& hidden, std::string_view secret,
                      const Authenticator& authenticator, const Bytes& salt = {});
/// RFC 2868 §3.5 without the Tag: salt and hidden octets.
Bytes hide_salted(const Bytes& clear, const Bytes& salt, std::string_view secret,
                  const Authenticator& authenticator);
Bytes reveal_salted(const Bytes& value, std::string_view secret,
                    const Authenticator& authenticator);
/// 16 octets; hides and reveals.
Bytes ascend_secret(const Bytes& value, std::string_view secret,
                    const Authenticator& authenticator);

/// Octets from a seed: the same in every run.
class SeededRandom final : public RandomSource {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  void fill(MutableOctets out) noexcept override;
  std::uint64_t next() noexcept;
  /// In 0..bound-1.
  std::size_t below(std::size_t bound) noexcept { return next() % bound; }
  Bytes bytes(std::size_t octets);

 private:
  std::uint64_t state_;
};

}  // namespace sallyport::radius::wire
