#pragma once
// What a page of the gate shows: which page, and the values on it. No HTML here (engine/http/gate
// has the pages), no text in any language: texts are keys of the message catalogue.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::verify {

/// How a visitor confirms.
enum class Factor : std::uint8_t { token, otp, link, push, passkey };
inline constexpr std::size_t kFactors = 5;
[[nodiscard]] const char* to_text(Factor factor) noexcept;  ///< "token", …
[[nodiscard]] std::optional<Factor> read_factor(std::string_view text) noexcept;

enum class PageId : std::uint8_t {
  start,             ///< asks for the user id
  captcha,           ///< asks for the captcha's answer
  choose,            ///< which factor
  token,             ///< a code is on its way: asks for it
  otp,               ///< asks for the app's code, or a recovery code
  link,              ///< a link is on its way: waits
  push,              ///< the phone has been asked: waits
  passkey,           ///< asks the browser for a passkey
  register_sent,     ///< a registration message is on its way, if there is such a user
  register_otp,      ///< QR code and secret; asks for the first code
  register_passkey,  ///< asks the browser to make one
  recovery_codes,    ///< shown once
  approve,           ///< the link's page: who, from where, when, what device; Yes and No
  approved,          ///< to whoever said yes
  refused,           ///< to whoever said no
  done,              ///< let in: goes on to the page first asked for
  ended,             ///< the visit ended without: denied, expired, locked …: `error` says why
  access,            ///< My access
  pair,              ///< asks whether this address joins (the device's IPv4 or IPv6)
  message,           ///< `error` only: not found, unavailable, too often
};

/// Why something did not go; the page's text is the catalogue's "error.NAME". None that tells
/// whether a user exists.
enum class GateError : std::uint8_t {
  none,
  bad_user,  ///< no text that can be a user id
  bad_captcha,
  bad_code,  ///< wrong, used, or of an unknown user
  bad_passkey,
  too_often,        ///< a limit; Retry-After says when
  locked,           ///< too many wrong answers from here
  denied,           ///< the user said no
  expired,          ///< no answer in time; or the code's or link's time is over
  no_request,       ///< the link's request is answered already, or never was
  no_visit,         ///< the cookie names no visit: start again
  not_same_origin,  ///< the form was not sent by a page of ours
  not_allowed,      ///< the user or address is on a deny list
  too_many_grants,
  unavailable,  ///< the store or a directory cannot be asked now
  busy,         ///< more than can be done
  not_found,    ///< no such page
  cookies_off,  ///< the browser did not bring the cookie back
  bad_form,     ///< a field is missing or too long
};
inline constexpr std::size_t kGateErrors = 19;
[[nodiscard]] const char* to_text(GateError error) noexcept;  ///< "bad_user", …

/// A grant or session as "My access" lists it.
struct AccessLine {
  std::string id;       ///< for the form that ends it
  std::string address;  ///< of a grant
  std::string device;   ///< of a session: "Firefox on Linux"
  std::string by;       ///< factor, or "operator"
  std::uint64_t since_ms = 0;
  std::uint64_t until_ms = 0;
  bool this_one = false;  ///< the address or session of this request
};
struct PasskeyLine {
  std::string id;  ///< for the form that removes it
  std::string name;
  std::uint64_t since_ms = 0;
};

struct View {
  PageId page = PageId::start;
  GateError error = GateError::none;  ///< shown above the page's form
  std::string language = "en";
  std::string form_token;       ///< hidden in each form of the page (cross-site request forgery)
  std::string user;             ///< as typed; escaped by the page like all texts here
  std::string return_url;       ///< start: carried along; done: where to go on to
  std::vector<Factor> factors;  ///< choose; and "another way" on the pages of factors
  std::uint64_t until_ms = 0;   ///< the countdown's end; 0: none
  std::uint64_t begun_ms = 0;   ///< the countdown's beginning
  std::uint64_t now_ms = 0;     ///< when the page was made: visitors' clocks are wrong
  bool can_renew = false;       ///< start: signed in; the form opens this address without a factor
  /// access, register_*: what changes factors also takes current_code, the app's or a recovery code
  bool asks_current_code = false;
  bool can_register_otp = false;  ///< otp: offers to send a registration message
  bool can_register_passkey = false;
  bool can_send_again = false;
  std::string captcha_image;    ///< captcha: path of the PNG, below gate_path
  std::string proof_challenge;  ///< captcha: for the script's proof of work
  unsigned proof_bits = 0;
  std::string secret_text;   ///< register_otp: base32 in groups of four
  std::string otpauth_url;   ///< register_otp
  std::string registration;  ///< register_*: the message's secret, for the form
  std::vector<std::string> recovery_codes;
  std::string approval;               ///< approve: the message's secret, for the form
  std::string address;                ///< approve: of the waiting browser; pair: of this one
  std::string device;                 ///< approve: "Firefox on Linux"
  std::uint64_t at_ms = 0;            ///< approve: when it was asked
  std::string number;                 ///< push, approve: two digits that both must show
  std::vector<AccessLine> grants;     ///< access
  std::vector<AccessLine> sessions;   ///< access
  std::vector<PasskeyLine> passkeys;  ///< access
  bool has_otp = false;               ///< access
  std::uint32_t recovery_left = 0;    ///< access
  std::string pair_url;    ///< access: where the device's other address joins; with token
  std::string pair_token;  ///< pair: for the form
  std::string challenge;   ///< passkey pages: base64url
  std::string relying_party;
  std::string user_handle;  ///< register_passkey: base64url
  bool reload = false;      ///< script: the visit has moved on, load /visit
};

}  // namespace sallyport::verify
