// PAP, CHAP and MS-CHAPv2: Access-Requests that carry all there is to prove in one round.

#include <algorithm>

#include <fmt/format.h>

#include "bench/load/workload/chap.h"
#include "bench/load/workload/fast_random.h"
#include "bench/load/workload/mschap.h"
#include "bench/load/workload/request_source.h"
#include "bench/load/workload/request_template.h"
#include "bench/load/workload/user_fields.h"

namespace sallyport::lab {
namespace {

constexpr std::size_t kChallengeOctets = 16;
constexpr std::uint8_t kMsChapChallenge = 11;  // RFC 2548 §2.1.2
constexpr std::uint8_t kMsChap2Response = 25;  // RFC 2548 §2.3.2
constexpr std::uint8_t kMsChap2Success = 26;   // RFC 2548 §2.3.3

/// What the three have in common.
class Login : public RequestSource {
 public:
  [[nodiscard]] std::size_t max_request_octets() const noexcept override {
    return std::min(template_.octets() + 2 + Session::kMaxStateOctets, radius::kMaxPacketOctets);
  }
  [[nodiscard]] bool one_round() const noexcept override { return true; }

 protected:
  Login(const WorkloadSettings& settings, const radius::HopKey& key, UserFields user)
      : key_(key),
        password_(settings.password),
        user_(std::move(user)),
        template_(radius::Code::access_request, settings.message_authenticator),
        random_(settings.seed) {
    user_.add_to(template_);
  }
  /// The last step of construction.
  [[nodiscard]] std::expected<void, std::string> finish(const WorkloadSettings& settings) {
    template_.add_nas_identifier();
    return template_.pad(settings.request_octets);
  }
  [[nodiscard]] static std::vector<std::uint8_t> blank(std::size_t octets) {
    return std::vector<std::uint8_t>(octets, 0);
  }

  const radius::HopKey& key_;
  Secret password_;
  UserFields user_;
  RequestTemplate template_;
  FastRandom random_;
};

class Pap final : public Login {
 public:
  Pap(const WorkloadSettings& settings, const radius::HopKey& key, UserFields user)
      : Login(settings, key, std::move(user)),
        hidden_octets_(hidden_password_octets(settings.password.size())),
        hidden_offset_(template_.add(radius::Type::user_password, blank(hidden_octets_))) {}
  using Login::finish;

  std::size_t write(const Session& session, std::uint8_t identifier,
                    MutableOctets out) noexcept override {
    RequestCopy request(template_, identifier, out);
    user_.fill(request, session);
    const radius::Authenticator authenticator{random_.next16()};
    request.set_authenticator(authenticator);
    hide_password(password_.reveal(), key_, authenticator,
                  request.at(hidden_offset_, hidden_octets_));
    if (session.state_octets != 0)
      request.append(radius::Type::state, Octets(session.state).first(session.state_octets));
    return request.sign_access(key_);
  }

  /// A challenge is answered with the password again.
  Judgement conclude(Session& session, const Answer& answer) noexcept override {
    if (answer.by_code != Judgement::next) return answer.by_code;
    if (session.round >= kMaxRounds || !keep_state(session, answer.packet))
      return Judgement::wrong_challenge;
    return Judgement::next;
  }

 private:
  std::size_t hidden_octets_;
  std::size_t hidden_offset_;
};

class Chap final : public Login {
 public:
  Chap(const WorkloadSettings& settings, const radius::HopKey& key, UserFields user)
      : Login(settings, key, std::move(user)),
        password_offset_(template_.add(radius::Type::chap_password, blank(1 + kChallengeOctets))),
        challenge_offset_(template_.add(radius::Type::chap_challenge, blank(kChallengeOctets))) {}
  using Login::finish;

  std::size_t write(const Session& session, std::uint8_t identifier,
                    MutableOctets out) noexcept override {
    RequestCopy request(template_, identifier, out);
    user_.fill(request, session);
    request.set_authenticator({random_.next16()});
    const auto challenge = random_.next16();
    std::ranges::copy(challenge, request.at(challenge_offset_, kChallengeOctets).begin());
    const auto ident = static_cast<std::uint8_t>(session.number);
    const MutableOctets chap = request.at(password_offset_, 1 + kChallengeOctets);
    chap[0] = ident;
    std::ranges::copy(chap_response(ident, password_.reveal(), challenge), chap.begin() + 1);
    return request.sign_access(key_);
  }

 private:
  std::size_t password_offset_;
  std::size_t challenge_offset_;
};

/// Where the parts of MS-CHAP2-Response stand (RFC 2548 §2.3.2).
struct Response {
  static constexpr std::size_t kIdent = 0;
  static constexpr std::size_t kPeerChallenge = 2;
  static constexpr std::size_t kNtResponse = 26;
  static constexpr std::size_t kOctets = 50;
};

/// RFC 2759 §4: a domain before the name is not hashed.
Octets without_domain(Octets name) {
  const std::size_t slash = as_text(name).rfind('\\');
  return slash == std::string_view::npos ? name : name.subspan(slash + 1);
}

template <std::size_t N>
std::array<std::uint8_t, N> array_at(Octets octets, std::size_t offset) {
  std::array<std::uint8_t, N> out;
  std::ranges::copy(octets.subspan(offset, N), out.begin());
  return out;
}

class MsChapV2 final : public Login {
 public:
  MsChapV2(const WorkloadSettings& settings, const radius::HopKey& key, UserFields user,
           const MsChapKey& password)
      : Login(settings, key, std::move(user)),
        password_key_(password),
        challenge_offset_(
            template_.add_vendor(kMicrosoft, kMsChapChallenge, blank(kChallengeOctets))),
        response_offset_(
            template_.add_vendor(kMicrosoft, kMsChap2Response, blank(Response::kOctets))) {}
  using Login::finish;

  std::size_t write(const Session& session, std::uint8_t identifier,
                    MutableOctets out) noexcept override {
    RequestCopy request(template_, identifier, out);
    user_.fill(request, session);
    request.set_authenticator({random_.next16()});
    const MsChapChallenge challenge = random_.next16();
    const MsChapChallenge peer = random_.next16();
    const auto hash = mschap_challenge_hash(peer, challenge, without_domain(user_.name(request)));
    std::ranges::copy(challenge, request.at(challenge_offset_, kChallengeOctets).begin());
    const MutableOctets response = request.at(response_offset_, Response::kOctets);
    response[Response::kIdent] = static_cast<std::uint8_t>(session.number);
    std::ranges::copy(peer, response.begin() + Response::kPeerChallenge);
    std::ranges::copy(password_key_.response(hash), response.begin() + Response::kNtResponse);
    return request.sign_access(key_);
  }

  Judgement conclude(Session&, const Answer& answer) noexcept override {
    if (answer.by_code == Judgement::next) return Judgement::wrong_challenge;
    if (answer.by_code != Judgement::done_accept) return answer.by_code;
    return proven(answer) ? Judgement::done_accept : Judgement::wrong_proof;
  }

 private:
  [[nodiscard]] bool proven(const Answer& answer) const noexcept {
    const Octets response = answer.request.subspan(response_offset_, Response::kOctets);
    const auto request = radius::PacketView::parse(answer.request);
    const Octets name = without_domain(request->find(radius::Type::user_name).value_or(Octets{}));
    const auto hash =
        mschap_challenge_hash(array_at<kChallengeOctets>(response, Response::kPeerChallenge),
                              array_at<kChallengeOctets>(answer.request, challenge_offset_), name);
    const MsChapProof proof = password_key_.proof(
        array_at<std::tuple_size_v<MsChapResponse>>(response, Response::kNtResponse), hash);

    // Vendor-Id, type, length, Ident, then "S=..." and perhaps a message.
    const std::array<std::uint8_t, 5> head{0, 0, kMicrosoft >> 8, kMicrosoft & 255,
                                           kMsChap2Success};
    for (const radius::Attribute attribute : answer.packet) {
      if (attribute.type != radius::Type::vendor_specific) continue;
      if (attribute.value.size() < head.size() + 2 + proof.size()) continue;
      if (!std::ranges::equal(attribute.value.first(head.size()), head)) continue;
      return attribute.value[head.size() + 1] == response[Response::kIdent] &&
             std::ranges::equal(attribute.value.subspan(head.size() + 2, proof.size()), proof);
    }
    return false;
  }

  MsChapKey password_key_;
  std::size_t challenge_offset_;
  std::size_t response_offset_;
};

/// Makes a source of class T, whose own arguments stand last.
template <typename T, typename... More>
MadeSource make_login(const WorkloadSettings& settings, const radius::HopKey& key,
                      const More&... more) {
  auto user = UserFields::make(settings);
  if (!user) return std::unexpected(std::move(user.error()));
  auto login = std::make_unique<T>(settings, key, std::move(*user), more...);
  if (auto finished = login->finish(settings); !finished)
    return std::unexpected(std::move(finished.error()));
  return login;
}

}  // namespace

MadeSource make_pap(const WorkloadSettings& settings, const radius::HopKey& key) {
  return make_login<Pap>(settings, key);
}

MadeSource make_chap(const WorkloadSettings& settings, const radius::HopKey& key) {
  return make_login<Chap>(settings, key);
}

MadeSource make_mschapv2(const WorkloadSettings& settings, const radius::HopKey& key) {
  const auto password = MsChapKey::make(settings.password.reveal());
  if (!password) return std::unexpected(password.error());
  return make_login<MsChapV2>(settings, key, *password);
}

bool keep_state(Session& session, const radius::PacketView& answer) noexcept {
  const Octets state = answer.find(radius::Type::state).value_or(Octets{});
  if (state.size() > session.state.size()) return false;
  std::ranges::copy(state, session.state.begin());
  session.state_octets = static_cast<std::uint8_t>(state.size());
  return true;
}

}  // namespace sallyport::lab
