#pragma once
// Judges one Access-Request's credentials: PAP, CHAP, MS-CHAPv2 and EAP-MD5. Pure: nothing is kept
// between the rounds of an EAP login, its State carries the challenge.

#include <array>
#include <cstdint>
#include <string_view>

#include "bench/load/workload/fast_random.h"
#include "bench/simulators/user_directory.h"
#include "protocol/octets.h"
#include "protocol/radius/hop_key.h"
#include "protocol/radius/packet.h"

namespace sallyport::lab {

enum class LoginOutcome : std::uint8_t { accept, reject, challenge };

/// A verdict and the attributes that belong to its method: EAP-Message, State, MS-CHAP2-Success.
class LoginAnswer {
 public:
  LoginOutcome outcome = LoginOutcome::reject;

  /// `value`: the answer's attributes fit into kMaxOctets.
  void add(radius::Type type, Octets value) noexcept;
  [[nodiscard]] Octets attributes() const noexcept { return Octets(octets_).first(used_); }

 private:
  static constexpr std::size_t kMaxOctets = 128;
  std::array<std::uint8_t, kMaxOctets> octets_;
  std::size_t used_ = 0;
};

/// A login to be judged.
struct Login {
  const radius::PacketView& request;
  std::string_view user;
  const radius::HopKey& key;         ///< of the request's hop
  const radius::Authenticator& pad;  ///< of User-Password's first block, where there is one
};

/// `reject`: whoever is right is rejected all the same. `random`: for an EAP challenge.
[[nodiscard]] LoginAnswer judge_login(const Login& login, const UserDirectory& users, bool reject,
                                      FastRandom& random);

}  // namespace sallyport::lab
