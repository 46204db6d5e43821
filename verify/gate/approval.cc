// The page of a link: who asks, from where, when, with what; yes or no. Whoever has the message may
// answer, from any device and network. The waiting browser does not know this secret, and the
// message not the browser's.

#include "verify/gate/flows.h"

namespace sallyport::verify {
namespace {

constexpr std::size_t kMaxSecret = 128;

struct Asked {
  std::string id;
  Approval approval;
};

/// no_request: answered, too late, or never asked.
Outcome<Asked> asked_approval(const Turn& turn, std::string_view secret) {
  if (const auto may = turn.limit(Limited::approval, {}); !may) {
    return std::unexpected(may.error());
  }
  if (secret.empty() || secret.size() > kMaxSecret) return std::unexpected(GateError::no_request);
  const std::string id = hash_of(secret);
  auto held = turn.core->load<Approval>(approval_key(id));
  if (!held) return std::unexpected(held.error());
  if (!*held || (*held)->record.until_ms <= turn.now_ms()) {
    return std::unexpected(GateError::no_request);
  }
  return Asked{.id = id, .approval = std::move((*held)->record)};
}

bool is_waiting(const Visit& visit, const Asked& asked, std::uint64_t now_ms) {
  return visit.state == VisitState::link && visit.attempt == asked.id && visit.until_ms > now_ms;
}

/// Decides the visit. Of two answers one is the first, and the other finds no request.
Outcome<> decide(const Turn& turn, const Asked& asked, bool yes) {
  const auto decided = change_visit_of_id(*turn.core, asked.approval.visit, turn.now_ms(),
                                          [&](Visit& visit) -> Outcome<> {
                                            if (!is_waiting(visit, asked, turn.now_ms())) {
                                              return std::unexpected(GateError::no_request);
                                            }
                                            if (yes) return approve(visit);
                                            if (!move(visit, VisitState::ended))
                                              return std::unexpected(GateError::no_request);
                                            visit.error = GateError::denied;
                                            return {};
                                          });
  if (decided) return {};
  return std::unexpected(decided.error() == GateError::no_visit ? GateError::no_request
                                                                : decided.error());
}

GateReply approval_page(const Turn& turn, std::string_view secret, const Asked& asked,
                        GateError error) {
  GateReply reply = page(turn, PageId::approve, error);
  View& view = reply.view;
  view.form_token = form_token_of(secret);
  view.approval = secret;
  view.user = asked.approval.user;
  view.address = asked.approval.address.text();
  view.device = asked.approval.device;
  view.at_ms = asked.approval.at_ms;
  view.until_ms = asked.approval.until_ms;
  if (turn.settings->number_matching) view.number = asked.approval.number;
  return reply;
}

}  // namespace

GateReply show_approval(const Turn& turn) {
  const std::string_view secret = turn.query("k");
  const auto asked = asked_approval(turn, secret);
  if (!asked) return message(turn, asked.error());
  const auto held = turn.core->load<Visit>(visit_key(asked->approval.visit));
  if (!held) return message(turn, held.error());
  if (!*held || !is_waiting((*held)->record, *asked, turn.now_ms())) {
    return message(turn, GateError::no_request);
  }
  return approval_page(turn, secret, *asked, GateError::none);
}

GateReply answer_approval(const Turn& turn) {
  const std::string_view secret = turn.form("k");
  const auto asked = asked_approval(turn, secret);
  if (!asked) return message(turn, asked.error());
  if (!has_form_token(turn, form_token_of(secret))) {
    return approval_page(turn, secret, *asked, GateError::not_same_origin);
  }
  const std::string_view answer = turn.form("answer");
  // Nothing but a clear yes is one.
  if (answer != "yes" && answer != "no") {
    return approval_page(turn, secret, *asked, GateError::bad_form);
  }
  const bool yes = answer == "yes";
  if (const auto decided = decide(turn, *asked, yes); !decided) {
    return message(turn, decided.error());
  }
  static_cast<void>(turn.core->world.store.remove(approval_key(asked->id)));
  turn.audit(yes ? "link_approved" : "link_denied", asked->approval.user,
             asked->approval.address.text());
  return page(turn, yes ? PageId::approved : PageId::refused);
}

}  // namespace sallyport::verify
