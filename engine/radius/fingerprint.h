#pragma once
// Who is logging in, and whether two requests are one login. Reads the request that was sent
// downstream. What comes out is keyed with a random of this process: nobody can compute it outside,
// and nothing of the password can be learned from it.

#include <array>
#include <cstdint>
#include <string_view>

#include "engine/radius/client_table.h"
#include "protocol/ip_address.h"
#include "protocol/radius/hop_key.h"
#include "protocol/radius/packet.h"
#include "verify/verification.h"

namespace sallyport::radius_door {

/// One login as the door sees it.
struct Login {
  std::string_view user;  ///< whose approval is asked
  const ClientEntry& client;
  const IpAddress& client_address;
  const radius::PacketView& request;     ///< as sent downstream
  const radius::HopKey& downstream_key;  ///< its passwords are hidden with this
  const radius::Authenticator& client_authenticator;
};

class Fingerprint {
 public:
  explicit Fingerprint(const std::array<std::uint8_t, 16>& instance) noexcept;
  ~Fingerprint();

  /// Equal for requests with the same user, client, Calling-Station-Id and credentials. A request
  /// without credentials that we know has a key of its own, equal to none.
  [[nodiscard]] verify::JoinKey join_key(const Login& login) const noexcept;
  /// Of a login that is asked about once its owner has chosen so in answer to a challenge: of no
  /// other, since its State is good for one answer.
  [[nodiscard]] verify::JoinKey join_key(Octets state, std::string_view user) const noexcept;
  /// Spreads users over verify's threads. Neither the case of ASCII letters counts nor the
  /// blanks around (verify::PlainName): however a name is written, one thread sees how often its
  /// user is asked.
  [[nodiscard]] std::uint64_t user_hash(std::string_view user) const noexcept;

 private:
  std::array<std::uint8_t, 32> key_;
};

}  // namespace sallyport::radius_door
