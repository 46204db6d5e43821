#include "bench/simulators/radius_login.h"

#include <algorithm>
#include <optional>

#include "bench/load/workload/chap.h"
#include "protocol/check.h"
#include "protocol/radius/translate.h"

namespace sallyport::lab {
namespace {

using radius::Type;

constexpr std::size_t kDigestOctets = 16;
constexpr std::size_t kMaxPasswordOctets = 128;  // RFC 2865 §5.2

// RFC 3748 §4 and §5.
enum EapCode : std::uint8_t { kEapRequest = 1, kEapResponse = 2, kEapSuccess = 3, kEapFailure = 4 };
enum EapType : std::uint8_t { kIdentity = 1, kMd5Challenge = 4 };
constexpr std::size_t kEapHeaderOctets = 4;  // Code, Identifier, Length; the type comes after

// RFC 2548 §2.1.5, §2.2 and §2.3: types within Vendor-Specific, and where the parts of
// MS-CHAP2-Response stand.
constexpr std::uint8_t kMsChapError = 2;
constexpr std::uint8_t kMsChapChallenge = 11;
constexpr std::uint8_t kMsChap2Response = 25;
constexpr std::uint8_t kMsChap2Success = 26;
constexpr std::size_t kPeerChallengeAt = 2;
constexpr std::size_t kNtResponseAt = 26;
constexpr std::size_t kMsChap2ResponseOctets = 50;
constexpr std::string_view kWrongPassword = "E=691 R=0 V=3";  // RFC 2759 §6

template <std::size_t N>
std::array<std::uint8_t, N> array_at(Octets octets, std::size_t offset) {
  std::array<std::uint8_t, N> out;
  std::ranges::copy(octets.subspan(offset, N), out.begin());
  return out;
}

bool good_pap(const Login& login, Octets hidden, Octets password) {
  std::array<std::uint8_t, kMaxPasswordOctets> clear;
  std::optional<std::size_t> length;
  if (hidden.size() == kDigestOctets) {
    // One block, as nearly always: its pad was computed with those of other requests.
    length = kDigestOctets;
    for (std::size_t i = 0; i < kDigestOctets; ++i)
      clear[i] = static_cast<std::uint8_t>(hidden[i] ^ login.pad.octets[i]);
    while (*length > 0 && clear[*length - 1] == 0) --*length;
  } else {
    length = radius::reveal_user_password(hidden, login.key, login.request.authenticator(), clear);
  }
  const bool good = length && equal_constant_time(Octets(clear).first(*length), password);
  wipe(clear);
  return good;
}

bool good_chap(const Login& login, Octets chap, Octets password) {
  if (chap.size() != 1 + kDigestOctets) return false;
  const radius::Authenticator authenticator = login.request.authenticator();
  const Octets challenge =
      login.request.find(Type::chap_challenge).value_or(Octets(authenticator.octets));
  return equal_constant_time(chap.subspan(1), chap_response(chap[0], password, challenge));
}

/// A vendor's attribute; empty: there is none (RFC 2865 §5.26).
Octets find_microsoft(const radius::PacketView& request, std::uint8_t type) {
  constexpr std::size_t kHeadOctets = 6;  // Vendor-Id, type, length
  constexpr std::array<std::uint8_t, 4> kVendor{0, 0, kMicrosoft >> 8, kMicrosoft & 0xff};
  for (const radius::Attribute attribute : request) {
    const Octets value = attribute.value;
    if (attribute.type != Type::vendor_specific || value.size() < kHeadOctets) continue;
    if (!std::ranges::equal(value.first(4), kVendor) || value[4] != type) continue;
    if (value[5] < 2 || std::size_t{value[5]} + 4 > value.size()) continue;
    return value.subspan(kHeadOctets, value[5] - 2U);
  }
  return {};
}

/// `ident`: of the response that it answers; the text comes after it.
void add_microsoft(LoginAnswer& answer, std::uint8_t type, std::uint8_t ident, Octets text) {
  std::array<std::uint8_t, 64> value{0, 0, kMicrosoft >> 8, kMicrosoft & 0xff, type};
  CHECK(7 + text.size() <= value.size());
  value[5] = static_cast<std::uint8_t>(3 + text.size());
  value[6] = ident;
  std::ranges::copy(text, value.begin() + 7);
  answer.add(Type::vendor_specific, Octets(value).first(7 + text.size()));
}

LoginAnswer judge_mschap(const Login& login, Octets response, const UserDirectory& users,
                         bool reject) {
  LoginAnswer answer;
  const Octets challenge = find_microsoft(login.request, kMsChapChallenge);
  if (response.size() != kMsChap2ResponseOctets || challenge.size() != kDigestOctets) return answer;
  // RFC 2759 §4: a domain before the name is not hashed.
  const std::string_view name = login.user.substr(login.user.rfind('\\') + 1);
  const auto hash = mschap_challenge_hash(array_at<kDigestOctets>(response, kPeerChallengeAt),
                                          array_at<kDigestOctets>(challenge, 0), as_octets(name));
  const auto given = array_at<std::tuple_size_v<MsChapResponse>>(response, kNtResponseAt);
  const auto key = users.mschap_key_of(login.user);
  if (!key || reject || !equal_constant_time(given, key->response(hash))) {
    add_microsoft(answer, kMsChapError, response[0], as_octets(kWrongPassword));
    return answer;
  }
  answer.outcome = LoginOutcome::accept;
  add_microsoft(answer, kMsChap2Success, response[0], key->proof(given, hash));
  return answer;
}

/// The EAP packet, put together from the EAP-Message attributes (RFC 3579 §3.1), as long as its
/// Length says. 0: there is no such packet.
std::size_t read_eap(const radius::PacketView& request,
                     std::array<std::uint8_t, radius::kMaxPacketOctets>& out) {
  std::size_t used = 0;
  for (const radius::Attribute attribute : request) {
    if (attribute.type != Type::eap_message) continue;
    std::ranges::copy(attribute.value, out.begin() + static_cast<std::ptrdiff_t>(used));
    used += attribute.value.size();
  }
  if (used <= kEapHeaderOctets) return 0;
  const std::size_t length = std::size_t{out[2]} << 8 | out[3];
  return length > kEapHeaderOctets && length <= used ? length : 0;
}

void end_eap(LoginAnswer& answer, bool accept, std::uint8_t identifier) {
  answer.outcome = accept ? LoginOutcome::accept : LoginOutcome::reject;
  const std::array<std::uint8_t, kEapHeaderOctets> end{accept ? kEapSuccess : kEapFailure,
                                                       identifier, 0, kEapHeaderOctets};
  answer.add(Type::eap_message, end);
}

void challenge_eap(LoginAnswer& answer, std::uint8_t identifier, FastRandom& random) {
  answer.outcome = LoginOutcome::challenge;
  const auto challenge = random.next16();
  std::array<std::uint8_t, kEapHeaderOctets + 2 + kDigestOctets> eap{
      kEapRequest,   identifier,   0, kEapHeaderOctets + 2 + kDigestOctets,
      kMd5Challenge, kDigestOctets};
  std::ranges::copy(challenge, eap.begin() + kEapHeaderOctets + 2);
  answer.add(Type::eap_message, eap);
  answer.add(Type::state, challenge);
}

LoginAnswer judge_eap(const Login& login, const UserDirectory& users, bool reject,
                      FastRandom& random) {
  LoginAnswer answer;
  std::array<std::uint8_t, radius::kMaxPacketOctets> octets;
  const Octets eap = Octets(octets).first(read_eap(login.request, octets));
  if (eap.empty() || eap[0] != kEapResponse) return answer;
  if (eap[kEapHeaderOctets] == kIdentity) {
    challenge_eap(answer, static_cast<std::uint8_t>(eap[1] + 1), random);
    return answer;
  }
  // Type, Value-Size, Value (RFC 3748 §5.4). All else is a Nak, which leaves us no method.
  const Octets challenge = login.request.find(Type::state).value_or(Octets{});
  const Secret* const password = users.password_of(login.user);
  const bool good = eap[kEapHeaderOctets] == kMd5Challenge &&
                    eap.size() >= kEapHeaderOctets + 2 + kDigestOctets &&
                    eap[kEapHeaderOctets + 1] == kDigestOctets &&
                    challenge.size() == kDigestOctets && password != nullptr &&
                    equal_constant_time(eap.subspan(kEapHeaderOctets + 2, kDigestOctets),
                                        chap_response(eap[1], password->reveal(), challenge));
  end_eap(answer, good && !reject, eap[1]);
  return answer;
}

}  // namespace

void LoginAnswer::add(radius::Type type, Octets value) noexcept {
  CHECK(used_ + 2 + value.size() <= octets_.size());
  octets_[used_] = static_cast<std::uint8_t>(type);
  octets_[used_ + 1] = static_cast<std::uint8_t>(2 + value.size());
  std::ranges::copy(value, octets_.begin() + static_cast<std::ptrdiff_t>(used_ + 2));
  used_ += 2 + value.size();
}

LoginAnswer judge_login(const Login& login, const UserDirectory& users, bool reject,
                        FastRandom& random) {
  if (login.request.has(Type::eap_message)) return judge_eap(login, users, reject, random);
  LoginAnswer answer;
  bool good = false;
  const Secret* const password = users.password_of(login.user);
  if (const auto hidden = login.request.find(Type::user_password)) {
    good = password != nullptr && good_pap(login, *hidden, password->reveal());
  } else if (const auto chap = login.request.find(Type::chap_password)) {
    good = password != nullptr && good_chap(login, *chap, password->reveal());
  } else if (const Octets response = find_microsoft(login.request, kMsChap2Response);
             !response.empty()) {
    return judge_mschap(login, response, users, reject);
  }
  answer.outcome = good && !reject ? LoginOutcome::accept : LoginOutcome::reject;
  return answer;
}

}  // namespace sallyport::lab
