// EAP-MD5 carried in RADIUS: the Identity, a Nak where the server begins with another method, and
// the answer to the MD5-Challenge (RFC 3748 §5, RFC 3579 §2).

#include <algorithm>
#include <array>
#include <optional>

#include "bench/load/workload/chap.h"
#include "bench/load/workload/fast_random.h"
#include "bench/load/workload/request_source.h"
#include "bench/load/workload/request_template.h"
#include "bench/load/workload/user_fields.h"

namespace sallyport::lab {
namespace {

constexpr std::size_t kHeaderOctets = 4;  // Code, Identifier, Length (RFC 3748 §4)
constexpr std::size_t kTypeOffset = 4;
constexpr std::size_t kDigestOctets = 16;

enum EapCode : std::uint8_t { request = 1, response = 2, success = 3, failure = 4 };
enum EapType : std::uint8_t { identity = 1, nak = 3, md5_challenge = 4 };

/// One EAP packet, put together from the EAP-Message attributes (RFC 3579 §3.1).
class EapPacket {
 public:
  /// Nothing: there is none, or its Length is not that of what was carried.
  [[nodiscard]] static std::optional<EapPacket> of(const radius::PacketView& packet) {
    EapPacket eap;
    for (const radius::Attribute attribute : packet) {
      if (attribute.type != radius::Type::eap_message) continue;
      std::ranges::copy(attribute.value,
                        eap.octets_.begin() + static_cast<std::ptrdiff_t>(eap.size_));
      eap.size_ += attribute.value.size();
    }
    if (eap.size_ < kHeaderOctets) return std::nullopt;
    const std::size_t length = std::size_t{eap.octets_[2]} << 8 | eap.octets_[3];
    if (length != eap.size_) return std::nullopt;
    return eap;
  }

  [[nodiscard]] std::uint8_t code() const { return octets_[0]; }
  [[nodiscard]] std::uint8_t identifier() const { return octets_[1]; }
  /// Of a request: the type, and its data.
  [[nodiscard]] Octets body() const { return Octets(octets_).first(size_).subspan(kHeaderOctets); }

 private:
  std::array<std::uint8_t, radius::kMaxPacketOctets> octets_;
  std::size_t size_ = 0;
};

/// An EAP-Response, begun.
template <std::size_t N>
void begin_response(std::array<std::uint8_t, N>& out, std::uint8_t identifier, EapType type,
                    std::size_t octets) {
  out[0] = EapCode::response;
  out[1] = identifier;
  out[2] = static_cast<std::uint8_t>(octets >> 8);
  out[3] = static_cast<std::uint8_t>(octets);
  out[kTypeOffset] = type;
}

class EapMd5 final : public RequestSource {
 public:
  EapMd5(const WorkloadSettings& settings, const radius::HopKey& key, UserFields user)
      : key_(key),
        password_(settings.password),
        user_(std::move(user)),
        template_(radius::Code::access_request, true),  // RFC 3579 §3.2
        random_(settings.seed) {
    user_.add_to(template_);
    template_.add_nas_identifier();
  }
  [[nodiscard]] std::expected<void, std::string> finish(std::size_t request_octets) {
    return template_.pad(request_octets, 2 + kTypeOffset + 1 + user_.name_octets());
  }

  [[nodiscard]] std::size_t max_request_octets() const noexcept override {
    return template_.octets() + kMaxAppendedOctets;
  }
  [[nodiscard]] bool one_round() const noexcept override { return false; }

  std::size_t write(const Session& session, std::uint8_t identifier,
                    MutableOctets out) noexcept override {
    RequestCopy request(template_, identifier, out);
    user_.fill(request, session);
    request.set_authenticator({random_.next16()});
    switch (session.eap_method) {
      case EapType::md5_challenge: append_digest(request, session); break;
      case EapType::nak: append_nak(request, session); break;
      default: append_identity(request, session); break;  // not an enum: an octet of the wire
    }
    if (session.state_octets != 0)
      request.append(radius::Type::state, Octets(session.state).first(session.state_octets));
    return request.sign_access(key_);
  }

  Judgement conclude(Session& session, const Answer& answer) noexcept override {
    const auto eap = EapPacket::of(answer.packet);
    if (answer.by_code != Judgement::next) {
      // RFC 3579 §2.6.3: an Accept or Reject that carries EAP carries the matching end of it.
      if (!answer.packet.has(radius::Type::eap_message)) return answer.by_code;
      const bool accept = answer.by_code == Judgement::done_accept;
      const bool fits = eap && eap->code() == (accept ? EapCode::success : EapCode::failure);
      return fits ? answer.by_code : Judgement::wrong_challenge;
    }
    if (!eap || eap->code() != EapCode::request || eap->body().empty() ||
        session.round >= kMaxRounds || !keep_state(session, answer.packet)) {
      return Judgement::wrong_challenge;
    }
    return take_challenge(session, *eap) ? Judgement::next : Judgement::wrong_challenge;
  }

 private:
  /// What the next response will be. False: a challenge without a challenge in it.
  [[nodiscard]] bool take_challenge(Session& session, const EapPacket& eap) const {
    session.eap_identifier = eap.identifier();
    const Octets body = eap.body();
    if (body[0] != EapType::md5_challenge) {
      session.eap_method = EapType::nak;
      return true;
    }
    // Value-Size, Value, Name (RFC 3748 §5.4).
    if (body.size() < 2 || body[1] == 0 || body[1] > body.size() - 2) return false;
    session.eap_method = EapType::md5_challenge;
    session.eap_digest =
        chap_response(eap.identifier(), password_.reveal(), body.subspan(2, body[1]));
    return true;
  }

  void append_identity(RequestCopy& request, const Session& session) const {
    std::array<std::uint8_t, radius::kMaxAttributeValueOctets> eap;
    const Octets name = user_.name(request);
    const std::size_t octets = kTypeOffset + 1 + name.size();
    begin_response(eap, session.eap_identifier, EapType::identity, octets);
    std::ranges::copy(name, eap.begin() + kTypeOffset + 1);
    request.append(radius::Type::eap_message, Octets(eap).first(octets));
  }
  static void append_nak(RequestCopy& request, const Session& session) {
    std::array<std::uint8_t, kTypeOffset + 2> eap;
    begin_response(eap, session.eap_identifier, EapType::nak, eap.size());
    eap[kTypeOffset + 1] = EapType::md5_challenge;  // what we want instead (RFC 3748 §5.3.1)
    request.append(radius::Type::eap_message, eap);
  }
  static void append_digest(RequestCopy& request, const Session& session) {
    std::array<std::uint8_t, kTypeOffset + 2 + kDigestOctets> eap;
    begin_response(eap, session.eap_identifier, EapType::md5_challenge, eap.size());
    eap[kTypeOffset + 1] = kDigestOctets;
    std::ranges::copy(session.eap_digest, eap.begin() + kTypeOffset + 2);
    request.append(radius::Type::eap_message, eap);
  }

  const radius::HopKey& key_;
  Secret password_;
  UserFields user_;
  RequestTemplate template_;
  FastRandom random_;
};

}  // namespace

MadeSource make_eap_md5(const WorkloadSettings& settings, const radius::HopKey& key) {
  auto user = UserFields::make(settings);
  if (!user) return std::unexpected(std::move(user.error()));
  auto source = std::make_unique<EapMd5>(settings, key, std::move(*user));
  if (auto finished = source->finish(settings.request_octets); !finished)
    return std::unexpected(std::move(finished.error()));
  return source;
}

}  // namespace sallyport::lab
