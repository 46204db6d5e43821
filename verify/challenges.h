#pragma once
// Logins that the downstream has accepted, and whose user has still to type something: RADIUS
// answers the first request with an Access-Challenge, and the code comes in a request of its own
// (RFC 2865 §2.1, §4.4), perhaps on another shard. So what is held belongs to no shard. Values of
// fixed size; shards reach it without a lock and without the heap.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "protocol/ip_address.h"
#include "protocol/octets.h"
#include "protocol/random.h"
#include "verify/group_names.h"
#include "verify/login_factor.h"
#include "verify/short_text.h"
#include "verify/verification.h"

namespace sallyport::verify {

/// The State of an Access-Challenge of ours (RFC 2865 §5.24): a mark, the generation of the process
/// that holds the login, the place where it does, and 128 random bits that nobody can guess. Each
/// is good for one answer.
inline constexpr std::string_view kStateMark = "sallyotp";
inline constexpr std::size_t kStateMarkOctets = kStateMark.size();
inline constexpr std::size_t kStateGenerationOctets = 1;
inline constexpr std::size_t kStatePlaceOctets = 3;
inline constexpr std::size_t kStateRandomOctets = 16;
inline constexpr std::size_t kStateOctets =
    kStateMarkOctets + kStateGenerationOctets + kStatePlaceOctets + kStateRandomOctets;
using ChallengeState = std::array<std::uint8_t, kStateOctets>;

/// Whether a State bears our mark: what is behind it may be long over, or of another life of ours.
[[nodiscard]] bool is_our_state(Octets state) noexcept;
/// Processes that take over from one another count: a State of another generation is another's.
[[nodiscard]] std::uint8_t generation_of(const ChallengeState& state) noexcept;

/// An accepted login that waits for its code.
struct HeldLogin {
  static constexpr std::size_t kMaxAcceptOctets = 4'096;

  ShortText<253> login;           ///< User-Name of the request: an answer must bear the same
  ShortText<253> user;            ///< whose code is asked
  ShortText<64> client;           ///< our name of it: an answer must come from the same
  ShortText<64> calling_station;  ///< with the client, where wrong codes are counted
  ShortText<64> called_station;   ///< for a push or link
  ShortText<64> policy;           ///< for the audit log
  IpAddress address;              ///< of the client
  std::uint64_t user_hash = 0;    ///< bounds what one user can hold
  std::uint32_t ttl_ms = 60'000;  ///< how long a State is good
  std::uint32_t tries = 3;        ///< codes that may be typed, at least 1
  std::uint32_t remember_ms = 0;  ///< an approval on the phone stays good so long
  std::uint8_t number = 0;        ///< Question::number, should the phone be asked
  /// What the user may be asked for. Several: he chooses (a menu). A push alone: he has been shown
  /// the number, and whatever he answers says that he has seen it.
  LoginFactors factors = {LoginFactor::otp};
  /// Not null: nothing is asked yet, since it depends on which of these the user is in.
  std::shared_ptr<const GroupNames> wanted_groups;
  FoundGroups groups;                          ///< those
  std::optional<std::uint32_t> nas_port_type;  ///< of the request, for who decides then
  bool has_password = true;                    ///< the request had a User-Password
  std::uint16_t accept_octets = 0;
  /// The downstream's Access-Accept as RADIUS/1.1 has it (RFC 9765 §5): nothing in it is hidden or
  /// signed, so it can be hidden and signed for whichever request brings the code. Wiped when the
  /// place is given up.
  std::array<std::uint8_t, kMaxAcceptOctets> accept;
};

/// A request that bears a State of ours, or has just got one.
struct TypedCode {
  Ticket ticket;
  ChallengeState state{};
  ShortText<253> login;
  ShortText<64> client;
  ShortText<64> code;   ///< empty: there was none, or one that is too long to be one
  bool begins = false;  ///< the login has just been held, and nothing was typed: which groups is
                        ///< he in, or what can the user be asked for, and a code is sent where it
                        ///< is one that is sent
};

/// What the answer to a menu chooses: "1" or "push", "2" or "otp", "3" or "token", "4" or "link".
/// Empty: it is no choice, so it has to be a code.
[[nodiscard]] std::optional<LoginFactor> choice_of(std::string_view text) noexcept;

enum class CodeVerdict : std::uint8_t {
  approved,      ///< the code is right and used up; `place` holds the login
  again,         ///< wrong; `next` is the State for another try
  denied,        ///< wrong, and it was the last try; `place` holds the login
  expired,       ///< no such challenge: too late, answered before, or of somebody else
  limited,       ///< too many wrong codes: not looked at; `place` holds the login
  unavailable,   ///< what it takes is not there, `detail` says what; `place` may hold the login
  chose_push,    ///< nothing is approved yet, the phone has to be asked; `place` holds the login
  chose_otp,     ///< `next` is the State for the code
  chose_token,   ///< a code has been sent; `next` is the State for it
  chose_link,    ///< nothing is approved yet, a link has to be sent; `place` holds the login
  offered,       ///< several `factors` are possible: `next` is the State for the choice
  unknown_user,  ///< no directory knows him, so nothing can be sent; `place` holds the login
  groups_known,  ///< nothing is asked yet; `place` holds the login and what was found
};
inline constexpr std::size_t kCodeVerdicts = 13;
[[nodiscard]] const char* to_text(CodeVerdict verdict) noexcept;  ///< "approved", "again", …

struct CodeAnswer {
  static constexpr std::uint32_t kNoPlace = 0xffff'ffff;

  Ticket ticket;
  CodeVerdict verdict = CodeVerdict::unavailable;
  std::uint32_t place = kNoPlace;  ///< whoever gets the answer lets it go
  ChallengeState next{};
  std::uint32_t next_ms = 0;              ///< how long `next` is good
  LoginFactor factor = LoginFactor::otp;  ///< that it is about
  LoginFactors factors = {};              ///< offered
  const char* detail = nullptr;           ///< for the audit log; a literal, or none
};

/// Where answers go. Called on the threads that check codes, several at once.
class CodeSink {
 public:
  virtual ~CodeSink() = default;
  /// False: no room now, the same answer is delivered again later. Never blocks.
  [[nodiscard]] virtual bool deliver(const CodeAnswer& answer) noexcept = 0;
};

/// Shards: neither locks nor waits, no allocation.
class Challenges {
 public:
  virtual ~Challenges() = default;
  /// Keeps a copy. Empty: too many are held, by this user or in all.
  [[nodiscard]] virtual std::optional<ChallengeState> hold(const HeldLogin& login,
                                                           RandomSource& random) noexcept = 0;
  /// False: too many wait to be checked.
  [[nodiscard]] virtual bool redeem(const TypedCode& typed) noexcept = 0;
  /// What CodeAnswer::place names, until it is let go.
  [[nodiscard]] virtual const HeldLogin& held(std::uint32_t place) const noexcept = 0;
  virtual void let_go(std::uint32_t place) noexcept = 0;
  /// Whether any login is held.
  [[nodiscard]] virtual bool any_held() const noexcept { return false; }
  /// Of the States that hold() gives.
  [[nodiscard]] virtual std::uint8_t generation() const noexcept { return 0; }
};

}  // namespace sallyport::verify
