#include "bench/simulators/radius_responder.h"

#include <algorithm>

#include "bench/simulators/clock.h"
#include "protocol/check.h"

namespace sallyport::lab {
namespace {

using radius::Code;
using radius::PacketView;
using radius::PacketWriter;
using radius::Type;
using radius::UnsignedPacket;

constexpr Type kClass{25};        // RFC 2865 §5.25
constexpr Type kErrorCause{101};  // RFC 5176 §3.5
constexpr std::string_view kUserClass = "user:";
constexpr std::string_view kRejected = "Wrong name or password.";
constexpr std::array<std::uint8_t, 4> kNoSuchSession{0, 0, 503 >> 8, 503 & 0xff};
constexpr std::array<std::uint8_t, 4> kProhibited{0, 0, 501 >> 8, 501 & 0xff};

std::string_view user_of(const PacketView& request) {
  return as_text(request.find(Type::user_name).value_or(Octets{}));
}

void add_class(PacketWriter& writer, std::string_view user) {
  std::array<std::uint8_t, radius::kMaxAttributeValueOctets> value;
  const std::size_t octets = kUserClass.size() + user.size();
  if (octets > value.size()) return;
  std::ranges::copy(kUserClass, value.begin());
  std::ranges::copy(user, value.begin() + kUserClass.size());
  static_cast<void>(writer.add(kClass, Octets(value).first(octets)));
}

}  // namespace

RadiusResponder::RadiusResponder(const RadiusBehaviour& behaviour, const UserDirectory& users,
                                 const radius::HopKey& key, std::uint64_t seed,
                                 RadiusCounts& counts)
    : behaviour_(behaviour), users_(users), key_(key), random_(seed), counts_(counts) {}

bool RadiusResponder::happens(double share) noexcept {
  constexpr double kTwoTo53 = 9007199254740992.0;
  return share > 0 && static_cast<double>(random_.next() >> 11) / kTwoTo53 < share;
}

void RadiusResponder::respond(std::span<const Octets> datagrams) {
  CHECK(datagrams.size() <= kMaxRequests);
  for (std::size_t i = 0; i < datagrams.size(); ++i) take(exchanges_[i], datagrams[i]);
  batch_.run();
  for (std::size_t i = 0; i < datagrams.size(); ++i) {
    Exchange& exchange = exchanges_[i];
    exchange.answer =
        exchange.request ? decide(*exchange.request, exchange, out_[i]) : UnsignedPacket();
    if (exchange.answer.size() > 0) exchange.answer.add_message_authenticator(batch_);
  }
  batch_.run();
  for (const Exchange& exchange : std::span(exchanges_).first(datagrams.size())) {
    if (exchange.answer.size() > 0) exchange.answer.add_authenticator(batch_);
  }
  batch_.run();
}

void RadiusResponder::take(Exchange& exchange, Octets datagram) {
  counts_.add(RadiusCount::received);
  exchange.request.reset();
  const auto request = PacketView::parse(datagram);
  if (!request) return counts_.add(RadiusCount::malformed);
  exchange.request = *request;
  if (!behaviour_.unchecked) radius::add_request_proof(*request, key_, batch_, exchange.proof);
  if (request->has(Type::user_password))
    key_.add_pad(batch_, request->authenticator().octets, exchange.pad);
}

UnsignedPacket RadiusResponder::decide(const PacketView& request, const Exchange& exchange,
                                       MutableOctets out) {
  const bool authentic = behaviour_.unchecked || radius::judge_request(request, exchange.proof) ==
                                                     radius::Authenticity::authentic;
  if (radius::role_of(request.code()) == radius::Role::reply) {
    counts_.add(RadiusCount::malformed);
    return {};
  }
  if (!authentic) {
    counts_.add(RadiusCount::bad_authenticator);
    return {};
  }
  if (request.code() == Code::status_server) {
    counts_.add(RadiusCount::status_server);
    PacketWriter writer(out, Code::access_accept, request.identifier());
    CHECK(writer.add_message_authenticator());
    return finish(request, writer);
  }
  if (happens(behaviour_.loss)) {
    counts_.add(RadiusCount::lost);
    return {};
  }
  if (request.code() == Code::access_request) return log_in(request, exchange.pad, out);
  if (request.code() != Code::accounting_request) return change_session(request, out);
  counts_.add(RadiusCount::accounting);
  PacketWriter writer(out, Code::accounting_response, request.identifier());
  return finish(request, writer);
}

UnsignedPacket RadiusResponder::log_in(const PacketView& request, const radius::Authenticator& pad,
                                       MutableOctets out) {
  const std::string_view user = user_of(request);
  const LoginAnswer login = judge_login({.request = request, .user = user, .key = key_, .pad = pad},
                                        users_, happens(behaviour_.reject_share), random_);
  Code code = Code::access_reject;
  switch (login.outcome) {
    case LoginOutcome::accept:
      code = Code::access_accept;
      counts_.add(RadiusCount::accepted);
      break;
    case LoginOutcome::reject: counts_.add(RadiusCount::rejected); break;
    case LoginOutcome::challenge:
      code = Code::access_challenge;
      counts_.add(RadiusCount::challenged);
      break;
  }
  if (behaviour_.on_event && login.outcome != LoginOutcome::challenge) {
    behaviour_.on_event({.user = std::string(user),
                         .accepted = login.outcome == LoginOutcome::accept,
                         .unix_ms = unix_ms()});
  }
  PacketWriter writer(out, code, request.identifier());
  CHECK(writer.add_message_authenticator());
  CHECK(writer.copy_all(login.attributes()));
  if (code == Code::access_reject) CHECK(writer.add(Type::reply_message, as_octets(kRejected)));
  if (code == Code::access_accept && behaviour_.echo_user) add_class(writer, user);
  return finish(request, writer);
}

UnsignedPacket RadiusResponder::change_session(const PacketView& request, MutableOctets out) {
  // As the NAS: it has a session of every user that it knows.
  const bool known = users_.password_of(user_of(request)) != nullptr;
  const bool acknowledged = known && !happens(behaviour_.reject_share);
  counts_.add(acknowledged ? RadiusCount::acknowledged : RadiusCount::refused);
  const bool coa = request.code() == Code::coa_request;
  const Code ack = coa ? Code::coa_ack : Code::disconnect_ack;
  const Code nak = coa ? Code::coa_nak : Code::disconnect_nak;
  PacketWriter writer(out, acknowledged ? ack : nak, request.identifier());
  if (request.has(Type::message_authenticator)) CHECK(writer.add_message_authenticator());
  if (!acknowledged) CHECK(writer.add(kErrorCause, known ? kProhibited : kNoSuchSession));
  return finish(request, writer);
}

/// Proxy-States return unchanged and in their order (RFC 2865 §5.33).
UnsignedPacket RadiusResponder::finish(const PacketView& request, PacketWriter& writer) {
  if (request.has(Type::proxy_state)) {
    for (const radius::Attribute attribute : request) {
      if (attribute.type != Type::proxy_state) continue;
      // No room for what a client has filled a whole packet with: no answer is better than a
      // wrong one.
      if (writer.copy(attribute.whole).empty()) return {};
    }
  }
  return writer.finish(key_, request.authenticator());
}

}  // namespace sallyport::lab
