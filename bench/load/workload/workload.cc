#include "bench/load/workload/workload.h"

#include <algorithm>

#include <fmt/format.h>

#include "bench/load/workload/presigned.h"
#include "bench/load/workload/request_source.h"
#include "protocol/check.h"

namespace sallyport::lab {
namespace {

constexpr std::size_t kMaxPasswordOctets = 128;  // RFC 2865 §5.2
constexpr std::uint8_t kClass = 25;              // RFC 2865 §5.25
/// How a Class begins that names the user, as the downstream simulator sends it.
constexpr std::string_view kUserClass = "user:";

MadeSource make_source(const WorkloadSettings& settings, const radius::HopKey& key) {
  switch (settings.method) {
    case Method::pap: return make_pap(settings, key);
    case Method::chap: return make_chap(settings, key);
    case Method::mschapv2: return make_mschapv2(settings, key);
    case Method::eap_md5: return make_eap_md5(settings, key);
    case Method::accounting: return make_accounting(settings, key);
    case Method::coa:
    case Method::disconnect:
    case Method::status_server: return make_order(settings, key);
    case Method::replay: return make_replay(settings, key);
  }
  return std::unexpected("no such method");
}

std::expected<void, std::string> check_presigned(std::size_t presigned,
                                                 const RequestSource& source) {
  if (!source.one_round()) {
    return std::unexpected(
        "signed in advance can be what has one round: PAP, CHAP, MS-CHAPv2, CoA, Disconnect, "
        "Status-Server");
  }
  if (presigned < PresignedRequests::kMin || presigned > PresignedRequests::kMax) {
    return std::unexpected(fmt::format("{} requests signed in advance: {} to {} can be", presigned,
                                       PresignedRequests::kMin, PresignedRequests::kMax));
  }
  return {};
}

/// What a code says by itself. `next`: an Access-Challenge.
Judgement judge_code(radius::Code request, radius::Code answer) {
  using radius::Code;
  const auto one_of = [answer](Code accept, Code reject) {
    return answer == accept   ? Judgement::done_accept
           : answer == reject ? Judgement::done_reject
                              : Judgement::wrong_code;
  };
  switch (request) {
    case Code::access_request:
      return answer == Code::access_challenge ? Judgement::next
                                              : one_of(Code::access_accept, Code::access_reject);
    case Code::accounting_request:
      return answer == Code::accounting_response ? Judgement::done_accept : Judgement::wrong_code;
    case Code::status_server:  // on an accounting port the other one (RFC 5997 §3)
      return answer == Code::access_accept || answer == Code::accounting_response
                 ? Judgement::done_accept
                 : Judgement::wrong_code;
    case Code::coa_request: return one_of(Code::coa_ack, Code::coa_nak);
    case Code::disconnect_request: return one_of(Code::disconnect_ack, Code::disconnect_nak);
    case Code::access_accept:
    case Code::access_reject:
    case Code::accounting_response:
    case Code::access_challenge:
    case Code::disconnect_ack:
    case Code::disconnect_nak:
    case Code::coa_ack:
    case Code::coa_nak:
    case Code::protocol_error: return Judgement::wrong_code;  // no request
  }
  return Judgement::wrong_code;
}

bool is_access_reply(radius::Code code) {
  return code == radius::Code::access_accept || code == radius::Code::access_reject ||
         code == radius::Code::access_challenge;
}

/// The answer's User-Name, and a Class that names a user, name the request's.
bool names_the_user(const radius::PacketView& request, const radius::PacketView& answer) {
  const auto user = request.find(radius::Type::user_name);
  if (!user) return true;
  for (const radius::Attribute attribute : answer) {
    if (attribute.type == radius::Type::user_name && !std::ranges::equal(attribute.value, *user))
      return false;
    if (static_cast<std::uint8_t>(attribute.type) != kClass) continue;
    const std::string_view text = as_text(attribute.value);
    if (text.starts_with(kUserClass) && text.substr(kUserClass.size()) != as_text(*user))
      return false;
  }
  return true;
}

}  // namespace

std::expected<std::unique_ptr<Workload>, std::string> Workload::make(
    const WorkloadSettings& settings) {
  if (settings.secret.empty()) return std::unexpected("the shared secret is empty");
  if (settings.password.size() > kMaxPasswordOctets) {
    return std::unexpected(fmt::format("a password of {} octets: RADIUS carries at most {}",
                                       settings.password.size(), kMaxPasswordOctets));
  }
  std::unique_ptr<Workload> workload(new Workload(settings));
  auto source = make_source(settings, workload->key_);
  if (!source) return std::unexpected(std::move(source.error()));
  workload->source_ = std::move(*source);
  if (settings.presigned != 0) {
    if (auto checked = check_presigned(settings.presigned, *workload->source_); !checked)
      return std::unexpected(std::move(checked.error()));
    workload->presigned_ =
        std::make_unique<PresignedRequests>(*workload->source_, settings.presigned);
  }
  return workload;
}

Workload::Workload(const WorkloadSettings& settings)
    : key_(settings.secret),
      expected_(settings.expected),
      unsigned_answers_(settings.unsigned_answers) {}

Workload::~Workload() = default;

std::uint64_t Workload::sessions() const noexcept { return source_->sessions(); }

std::uint64_t Workload::time_ns(std::uint64_t number) const noexcept {
  return source_->time_ns(number);
}

std::size_t Workload::max_request_octets() const noexcept { return source_->max_request_octets(); }

std::size_t Workload::write(const Session& session, std::uint8_t identifier,
                            MutableOctets out) noexcept {
  return source_->write(session, identifier, out);
}

Judgement Workload::judge(Session& session, Octets request, Octets answer) noexcept {
  const auto packet = radius::PacketView::parse(answer);
  if (!packet) return Judgement::malformed;
  const auto asked = radius::PacketView::parse(request);
  CHECK(asked);
  if (packet->identifier() != asked->identifier()) return Judgement::wrong_identifier;
  const Judgement by_code = judge_code(asked->code(), packet->code());
  if (const Judgement judgement = judge_signatures(*asked, *packet); !is_right(judgement))
    return judgement;
  if (!is_right(by_code)) return by_code;
  if (!names_the_user(*asked, *packet)) return Judgement::wrong_user;

  const Judgement judgement = source_->conclude(
      session, {.request = asked->octets(), .packet = *packet, .by_code = by_code});
  if (judgement == Judgement::next) ++session.round;
  const bool against = (judgement == Judgement::done_accept && expected_ == Verdict::reject) ||
                       (judgement == Judgement::done_reject && expected_ == Verdict::accept);
  return against ? Judgement::wrong_verdict : judgement;
}

Judgement Workload::judge_signatures(const radius::PacketView& request,
                                     const radius::PacketView& answer) const noexcept {
  // Any code's Response Authenticator is computed alike; a request's would not be one.
  if (radius::role_of(answer.code()) != radius::Role::reply) return Judgement::wrong_code;
  switch (radius::verify_response(answer, key_, request.authenticator())) {
    case radius::Authenticity::authentic: break;
    case radius::Authenticity::bad_authenticator: return Judgement::wrong_authenticator;
    case radius::Authenticity::bad_message_authenticator:
      return Judgement::wrong_message_authenticator;
  }
  const bool may_be_unsigned = unsigned_answers_ || !is_access_reply(answer.code()) ||
                               request.message_authenticator_offset() == 0;
  return may_be_unsigned || answer.message_authenticator_offset() != 0
             ? Judgement::next
             : Judgement::no_message_authenticator;
}

bool Workload::answers(const radius::Authenticator& request_authenticator,
                       Octets answer) const noexcept {
  const auto packet = radius::PacketView::parse(answer);
  return packet && radius::verify_response(*packet, key_, request_authenticator) !=
                       radius::Authenticity::bad_authenticator;
}

std::uint32_t Workload::presigned() const noexcept {
  return presigned_ == nullptr ? 0 : presigned_->count();
}

std::uint32_t Workload::presigned_entry(std::uint32_t socket, std::uint8_t identifier,
                                        std::uint32_t turn) const noexcept {
  return presigned_->entry(socket, identifier, turn);
}

Octets Workload::presigned_request(std::uint32_t entry) const noexcept {
  return presigned_->request(entry);
}

Judgement Workload::judge_presigned(std::uint32_t entry, Octets answer) noexcept {
  if (const auto known = presigned_->known(entry, answer)) return *known;
  Session session = begin(entry);
  const Judgement judgement = judge(session, presigned_->request(entry), answer);
  if (judgement == Judgement::next) return Judgement::wrong_challenge;
  if (is_right(judgement)) presigned_->keep(entry, answer, judgement);
  return judgement;
}

}  // namespace sallyport::lab
