// What judgements are called, and what is said about one when a run ends with it.

#include <algorithm>

#include <fmt/format.h>

#include "bench/load/workload/session.h"
#include "bench/load/workload/workload.h"
#include "protocol/radius/packet.h"

namespace sallyport::lab {
namespace {

std::string name_of(radius::Code code) {
  using radius::Code;
  switch (code) {
    case Code::access_request: return "Access-Request";
    case Code::access_accept: return "Access-Accept";
    case Code::access_reject: return "Access-Reject";
    case Code::accounting_request: return "Accounting-Request";
    case Code::accounting_response: return "Accounting-Response";
    case Code::access_challenge: return "Access-Challenge";
    case Code::status_server: return "Status-Server";
    case Code::disconnect_request: return "Disconnect-Request";
    case Code::disconnect_ack: return "Disconnect-ACK";
    case Code::disconnect_nak: return "Disconnect-NAK";
    case Code::coa_request: return "CoA-Request";
    case Code::coa_ack: return "CoA-ACK";
    case Code::coa_nak: return "CoA-NAK";
    case Code::protocol_error: return "Protocol-Error";
  }
  return fmt::format("packet of code {}", static_cast<unsigned>(code));
}

/// What a server sent, safe on a terminal.
std::string printable(Octets octets) {
  std::string text(as_text(octets));
  std::ranges::replace_if(text, [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

/// "Access-Request 17 of user-0000042".
std::string describe_request(const radius::PacketView& request) {
  std::string text = fmt::format("{} {}", name_of(request.code()), request.identifier().value);
  if (const auto user = request.find(radius::Type::user_name))
    text += fmt::format(" of {}", printable(*user));
  return text;
}

std::string why_wrong(Judgement judgement, const radius::PacketView& answer) {
  switch (judgement) {
    case Judgement::next:
    case Judgement::done_accept:
    case Judgement::done_reject: return "is right";
    case Judgement::malformed: return "is no RADIUS packet";
    case Judgement::wrong_identifier:
      return fmt::format("has another Identifier: {}", answer.identifier().value);
    case Judgement::wrong_code: return "has a code that answers no such request";
    case Judgement::wrong_authenticator:
      return "has a wrong Response Authenticator: another shared secret, or another request's";
    case Judgement::no_message_authenticator:
      return "has no Message-Authenticator though the request has one";
    case Judgement::wrong_message_authenticator: return "has a wrong Message-Authenticator";
    case Judgement::wrong_user: return "is for another user";
    case Judgement::wrong_proof:
      return "has no MS-CHAP2-Success that proves knowledge of the password";
    case Judgement::wrong_challenge: return "cannot be gone on with";
    case Judgement::wrong_verdict: return "is not the verdict that was expected";
  }
  return "is wrong";
}

/// Attributes that tell what happened at the server's end.
std::string what_it_says(const radius::PacketView& answer) {
  std::string text;
  if (const auto user = answer.find(radius::Type::user_name))
    text += fmt::format("; User-Name \"{}\"", printable(*user));
  if (const auto message = answer.find(radius::Type::reply_message))
    text += fmt::format("; Reply-Message \"{}\"", printable(*message));
  return text;
}

}  // namespace

std::string Workload::explain(Judgement judgement, const Session& session, Octets request,
                              Octets answer) {
  const auto asked = radius::PacketView::parse(request);
  std::string to = asked ? describe_request(*asked) : "no request";
  if (session.round > 0) to += fmt::format(" (round {})", session.round + 1);
  const auto packet = radius::PacketView::parse(answer);
  if (!packet) {
    return fmt::format("{}: the answer to {} is no RADIUS packet ({}, {} octets)",
                       to_text(judgement), to, radius::to_text(packet.error()), answer.size());
  }
  return fmt::format("{}: the {} to {} {}{}", to_text(judgement), name_of(packet->code()), to,
                     why_wrong(judgement, *packet), what_it_says(*packet));
}

const char* to_text(Judgement judgement) noexcept {
  switch (judgement) {
    case Judgement::next: return "next";
    case Judgement::done_accept: return "done_accept";
    case Judgement::done_reject: return "done_reject";
    case Judgement::malformed: return "malformed";
    case Judgement::wrong_identifier: return "wrong_identifier";
    case Judgement::wrong_code: return "wrong_code";
    case Judgement::wrong_authenticator: return "wrong_authenticator";
    case Judgement::no_message_authenticator: return "no_message_authenticator";
    case Judgement::wrong_message_authenticator: return "wrong_message_authenticator";
    case Judgement::wrong_user: return "wrong_user";
    case Judgement::wrong_proof: return "wrong_proof";
    case Judgement::wrong_challenge: return "wrong_challenge";
    case Judgement::wrong_verdict: return "wrong_verdict";
  }
  return "unknown";
}

const char* to_text(Method method) noexcept {
  switch (method) {
    case Method::pap: return "pap";
    case Method::chap: return "chap";
    case Method::mschapv2: return "mschapv2";
    case Method::eap_md5: return "eap-md5";
    case Method::accounting: return "accounting";
    case Method::coa: return "coa";
    case Method::disconnect: return "disconnect";
    case Method::status_server: return "status-server";
    case Method::replay: return "replay";
  }
  return "unknown";
}

}  // namespace sallyport::lab
