#pragma once
// What the load generator keeps for one login, accounting session or other dialogue, and the words
// for how an answer was judged.

#include <array>
#include <cstdint>

namespace sallyport::lab {

/// What is sent. Each session is one dialogue of this kind.
enum class Method : std::uint8_t {
  pap,            ///< Access-Request with User-Password (RFC 2865 §5.2)
  chap,           ///< Access-Request with CHAP-Password and CHAP-Challenge (RFC 2865 §5.3)
  mschapv2,       ///< Access-Request with MS-CHAP2-Response (RFC 2548 §2.3.2, RFC 2759)
  eap_md5,        ///< EAP identity, then the MD5-Challenge (RFC 3748 §5.4, RFC 3579)
  accounting,     ///< Accounting-Requests: Start, Interim-Updates, Stop (RFC 2866)
  coa,            ///< CoA-Request to a dynamic authorization server (RFC 5176)
  disconnect,     ///< Disconnect-Request (RFC 5176)
  status_server,  ///< Status-Server (RFC 5997)
  replay,         ///< the requests of a capture, signed anew
};
[[nodiscard]] const char* to_text(Method method) noexcept;  ///< "eap-md5"

/// How a session shall end. ACK counts as accept, NAK as reject.
enum class Verdict : std::uint8_t { accept, reject, any };

/// One dialogue's state; the engine keeps it by value until the dialogue has ended. Its members are
/// the workload's, but `number`. Methods of one round touch its first 16 octets only.
struct Session {
  static constexpr std::size_t kMaxStateOctets = 88;

  std::uint64_t number = 0;  ///< as given to Workload::begin()
  std::uint16_t round = 0;   ///< requests answered so far
  std::uint8_t state_octets = 0;
  std::uint8_t eap_identifier = 0;
  std::uint8_t eap_method = 0;  ///< the type our next EAP-Response has; 0: Identity comes first
  std::array<std::uint8_t, 16> eap_digest{};          ///< MD5-Challenge's answer
  std::array<std::uint8_t, kMaxStateOctets> state{};  ///< the server's State, to send back
};
static_assert(sizeof(Session) <= 128);

/// What an answer is worth. The first three are right answers; each other one fails the run.
enum class Judgement : std::uint8_t {
  next,                      ///< right, and the session goes on with another write()
  done_accept,               ///< right, and the session has ended: Accept, Accounting-Response, ACK
  done_reject,               ///< right, and the session has ended: Reject, NAK
  malformed,                 ///< no RADIUS packet
  wrong_identifier,          ///< another Identifier than the request's
  wrong_code,                ///< a code that never answers such a request
  wrong_authenticator,       ///< Response Authenticator (RFC 2865 §3); also: a late answer
  no_message_authenticator,  ///< none in an access reply though the request had one
  wrong_message_authenticator,  ///< RFC 3579 §3.2
  wrong_user,                   ///< User-Name or Class name somebody else
  wrong_proof,                  ///< MS-CHAP2-Success does not prove the server (RFC 2759 §8.7)
  wrong_challenge,              ///< an Access-Challenge that the method cannot go on with
  wrong_verdict,                ///< Accept where Reject was expected, or the other way
};
[[nodiscard]] constexpr bool is_right(Judgement judgement) noexcept {
  return judgement <= Judgement::done_reject;
}
[[nodiscard]] const char* to_text(Judgement judgement) noexcept;  ///< "wrong_user"

}  // namespace sallyport::lab
