// The device's other address joins what it is let in by.

#include <algorithm>
#include <charconv>

#include "protocol/base64url.h"
#include "verify/gate/flows.h"
#include "verify/gate/pairing.h"
#include "verify/store/fields.h"

namespace sallyport::verify {
namespace {

constexpr std::size_t kMaxToken = 2'048;

/// What a token says.
struct PairToken {
  std::string user;
  std::string session;  ///< id
  std::uint64_t until_ms = 0;
  std::uint64_t v4 = 0;  ///< 1: an IPv4 address may join, 0: an IPv6
};

/// What a token is sealed for: nothing that is stored can be taken for one.
RecordKey sealed_for() { return registration_key("pair"); }
/// Marks one that was used.
RecordKey used_key(std::string_view token) { return approval_key("pair " + hash_of(token)); }

std::string sealed_token(const Turn& turn, const PairToken& token) {
  const std::string plain = FieldWriter{}
                                .text(1, token.user)
                                .text(2, token.session)
                                .number(3, token.until_ms)
                                .number(4, token.v4)
                                .take();
  return base64url(as_octets(turn.core->world.sealer.seal(sealed_for(), plain, thread_random())));
}

std::optional<PairToken> read_token(const Turn& turn, std::string_view text) {
  if (text.empty() || text.size() > kMaxToken) return std::nullopt;
  const auto sealed = from_base64url(text);
  if (!sealed) return std::nullopt;
  const auto plain = turn.core->world.sealer.open(sealed_for(), *sealed);
  if (!plain) return std::nullopt;
  PairToken token;
  FieldReader reader(*plain);
  while (const auto field = reader.next()) {
    if (field->number == 1) token.user = field->octets;
    if (field->number == 2) token.session = field->octets;
    if (field->number == 3) token.until_ms = field->as_number().value_or(0);
    if (field->number == 4) token.v4 = field->as_number().value_or(0);
  }
  return token;
}

/// A token that is good here and now, with its session.
struct Pairing {
  PairToken token;
  Session session;
  std::uint64_t until_ms = 0;  ///< the end of what the session has opened so far
};

/// Until when the session's longest grant is open; 0: none is.
std::uint64_t open_until(const Turn& turn, const PairToken& token) {
  std::uint64_t until_ms = 0;
  for (const Grant& grant : turn.core->world.grants.of_user(token.user)) {
    if (grant.session == token.session) until_ms = std::max(until_ms, grant.until_ms);
  }
  return until_ms;
}

Outcome<Pairing> good_pairing(const Turn& turn, std::string_view text) {
  if (const auto may = turn.limit(Limited::approval, {}); !may) {
    return std::unexpected(may.error());
  }
  const auto token = read_token(turn, text);
  const bool v4 = turn.request.visitor.is_v4();
  if (!token || token->until_ms <= turn.now_ms() || (token->v4 != 0) != v4) {
    return std::unexpected(GateError::no_request);
  }
  const auto used = turn.core->checked(turn.core->world.store.get(used_key(text)));
  if (!used) return std::unexpected(used.error());
  auto session = turn.core->load<Session>(session_key(token->user, token->session));
  if (!session) return std::unexpected(session.error());
  Pairing pairing{.token = *token, .session = {}, .until_ms = open_until(turn, *token)};
  if (*used || !*session || pairing.until_ms <= turn.now_ms()) {
    return std::unexpected(GateError::no_request);
  }
  pairing.session = std::move((*session)->record);
  return pairing;
}

GateReply pair_page(const Turn& turn, std::string_view text, const Pairing& pairing) {
  GateReply reply = page(turn, PageId::pair);
  reply.view.pair_token = text;
  reply.view.user = pairing.token.user;
  reply.view.address = turn.request.visitor.text();
  return reply;
}

}  // namespace

std::string pair_url_of(const Turn& turn, const SignedIn& who) {
  // An address adds nothing where the cookie alone opens, or may not be anywhere else.
  if (turn.settings->bind == Bind::cookie) return {};
  const bool is_v4 = turn.request.visitor.is_v4();
  const std::string& other = is_v4 ? turn.settings->pair_v6_url : turn.settings->pair_v4_url;
  if (other.empty()) return {};
  PairToken token;
  token.user = who.user;
  token.session = who.id;
  token.until_ms = turn.now_ms() + kPairMs;
  token.v4 = is_v4 ? 0 : 1;
  return other + "/pair?t=" + sealed_token(turn, token);
}

GateReply show_pair(const Turn& turn) {
  const auto pairing = good_pairing(turn, turn.query("t"));
  if (!pairing) return message(turn, pairing.error());
  return pair_page(turn, turn.query("t"), *pairing);
}

GateReply answer_pair(const Turn& turn) {
  const std::string_view text = turn.form("t");
  const auto pairing = good_pairing(turn, text);
  if (!pairing) return message(turn, pairing.error());
  const PairToken& token = pairing->token;
  if (is_denied_user(*turn.settings, token.user)) return message(turn, GateError::not_allowed);
  const auto first =
      turn.core->checked(turn.core->world.store.add(used_key(text), "", token.until_ms));
  if (!first) return message(turn, first.error());
  if (!*first) return message(turn, GateError::no_request);
  Opening opening;
  opening.user = token.user;
  opening.by = pairing->session.by;
  opening.address = turn.request.visitor;
  opening.until_ms = pairing->until_ms;
  opening.session = token.session;
  opening.reason = "paired";
  const auto grant = open_grant(turn, opening);
  if (!grant) return message(turn, grant.error());
  turn.audit("paired", token.user);
  GateReply reply = page(turn, PageId::done);
  reply.view.user = token.user;
  return reply;
}

}  // namespace sallyport::verify
