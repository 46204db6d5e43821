#pragma once
// A factor is asked: what the visit gets for it, and the message or push that goes out. The page is
// the same and as quick whether there is such a user; who he is and how he is reached is found out
// by a job afterwards. Any thread.

#include <string>
#include <string_view>
#include <vector>

#include "verify/gate/core.h"
#include "verify/gate/visits.h"

namespace sallyport::verify {

/// The factors of the route that can be asked at all.
[[nodiscard]] std::vector<Factor> usable_factors(const Turn& turn);

/// One asking. Its secrets are made before the visit is written, and go out after.
class Asking {
 public:
  Asking(const Turn& turn, Factor factor);

  /// Whether limits let it go out.
  [[nodiscard]] Outcome<> limit(std::string_view user) const;
  /// Puts the approval of a link into the store: before the visit and the message, so that no click
  /// is too fast. `secret`: the visit's.
  [[nodiscard]] Outcome<> prepare(const Visit& visit, std::string_view secret) const;
  /// The visit waits for this factor from now on.
  [[nodiscard]] Outcome<> write_into(Visit& visit, std::string_view secret) const;
  /// Looks the user up and sends, later.
  void send(const Present& present) const;

 private:
  [[nodiscard]] bool sends() const noexcept {
    return factor_ != Factor::otp && factor_ != Factor::passkey;
  }

  const Turn& turn_;
  const Factor factor_;
  std::string code_;       ///< token
  std::string approval_;   ///< link: the secret in the message
  std::string attempt_;    ///< link: hash of that; token, push: random
  std::string number_;     ///< link, push
  std::string challenge_;  ///< passkey
};

/// All of it: the visit of this cookie waits for the factor, under a new secret.
[[nodiscard]] Outcome<Present> ask_factor(const Turn& turn, const Present& present, Factor factor);

}  // namespace sallyport::verify
