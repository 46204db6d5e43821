#include "verify/notakey/dialogue.h"

#include <algorithm>
#include <utility>

#include "protocol/check.h"

namespace sallyport::verify::notakey {
namespace {

constexpr std::uint8_t bit(EventKind kind) {
  return static_cast<std::uint8_t>(1u << std::to_underlying(kind));
}

/// Which events each state allows.
constexpr std::array<std::uint8_t, kDialogueStates> kAllowed = {
    /* fresh       */ bit(EventKind::begin),
    /* needs_token */ bit(EventKind::due) | bit(EventKind::token_ready) |
        bit(EventKind::token_failed),
    /* creating    */ bit(EventKind::due) | bit(EventKind::answered) | bit(EventKind::failed),
    /* backing_off */ bit(EventKind::due),
    /* waiting     */ bit(EventKind::due),
    /* polling     */ bit(EventKind::due) | bit(EventKind::answered) | bit(EventKind::failed),
    /* decided     */ 0,
};

constexpr bool success(std::uint16_t http_status) {
  return http_status >= 200 && http_status < 300;
}

/// The service asks us to come later; the request was not taken.
std::optional<std::uint32_t> told_to_wait_ms(const Event& event) {
  if (event.http_status == 429) return event.retry_after_ms.value_or(event.next_poll_ms);
  if (event.http_status == 503) return event.retry_after_ms;
  return std::nullopt;
}

Fault http_fault(std::uint16_t status) { return {.kind = FaultKind::http, .http_status = status}; }

}  // namespace

Dialogue::Dialogue(api::ApiVersion version, std::uint64_t begin_ms,
                   std::uint64_t deadline_ms) noexcept
    : begin_ms_(begin_ms), deadline_ms_(deadline_ms), version_(version) {}

std::uint64_t Dialogue::wake_at_ms() const noexcept {
  switch (state_) {
    case DialogueState::fresh:
    case DialogueState::needs_token:
    case DialogueState::creating:
    case DialogueState::polling: return deadline_ms_;
    case DialogueState::backing_off:
    case DialogueState::waiting: return std::min(next_ms_, deadline_ms_);
    case DialogueState::decided: return UINT64_MAX;
  }
  return deadline_ms_;
}

Action Dialogue::step(const Event& event) noexcept {
  CHECK(kAllowed[std::to_underlying(state_)] & bit(event.kind));
  switch (event.kind) {
    case EventKind::begin: return request(event.now_ms, false);
    case EventKind::due: return on_due(event);
    case EventKind::token_ready: return on_token(event);
    case EventKind::token_failed: return on_token_failed(event);
    case EventKind::answered:
      return state_ == DialogueState::creating ? on_create_answer(event) : on_poll_answer(event);
    case EventKind::failed:
      return state_ == DialogueState::creating ? on_create_failed(event)
                                               : poll_fault(event, event.fault);
  }
  return decide(Verdict::unavailable);
}

/// The next request to the service: a create while there is no push, else a poll. v3 needs a token
/// for either.
Action Dialogue::request(std::uint64_t now_ms, bool token_refused) noexcept {
  if (now_ms >= deadline_ms_) return at_deadline();
  if (version_ == api::ApiVersion::v3) {
    state_ = DialogueState::needs_token;
    return {.kind = ActionKind::get_token, .token_refused = token_refused};
  }
  state_ = push_out_ ? DialogueState::polling : DialogueState::creating;
  return {.kind = push_out_ ? ActionKind::poll : ActionKind::create};
}

Action Dialogue::on_token(const Event& event) noexcept {
  if (event.now_ms >= deadline_ms_) return at_deadline();
  state_ = push_out_ ? DialogueState::polling : DialogueState::creating;
  return {.kind = push_out_ ? ActionKind::poll : ActionKind::create};
}

Action Dialogue::on_token_failed(const Event& event) noexcept {
  if (push_out_) return poll_fault(event, event.fault);
  return decide(Verdict::unavailable, event.fault);
}

Action Dialogue::on_due(const Event& event) noexcept {
  if (event.now_ms < deadline_ms_) {
    if (state_ == DialogueState::backing_off || state_ == DialogueState::waiting) {
      if (event.now_ms >= next_ms_) return request(event.now_ms, false);
    }
    return {};  // woken too early
  }
  if (state_ == DialogueState::creating) push_out_ = event.may_have_left;
  return at_deadline();
}

Action Dialogue::at_deadline() noexcept {
  if (uuid_.empty()) return decide(Verdict::unavailable, {.kind = FaultKind::timeout});
  // Polls that failed to the end say nothing about the user.
  if (last_fault_.kind != FaultKind::none) return decide(Verdict::unavailable, last_fault_);
  return decide(Verdict::expired);
}

bool Dialogue::token_refused(std::uint16_t http_status) const noexcept {
  return version_ == api::ApiVersion::v3 && (http_status == 401 || http_status == 403);
}

Action Dialogue::on_create_answer(const Event& event) noexcept {
  const std::uint16_t status = event.http_status;
  if (success(status)) {
    push_out_ = true;  // taken, whatever the body says
    renewed_ = false;
    if (!event.created) return decide(Verdict::unavailable, {.kind = FaultKind::malformed});
    uuid_.assign(event.created->uuid);
    return poll_again(event);
  }
  if (token_refused(status) && !std::exchange(renewed_, true)) return request(event.now_ms, true);
  const bool no_such_user = version_ == api::ApiVersion::v3
                                ? (status == 404 || status == 422) && event.names_errors
                                : status == 404 || status == 422;
  if (no_such_user) return decide(Verdict::unknown_user, http_fault(status));
  if (const auto wait_ms = told_to_wait_ms(event)) {
    // Only as long as the user keeps half of the time to answer; later the login is better refused.
    const std::uint64_t latest_ms = begin_ms_ + (deadline_ms_ - begin_ms_) / 2;
    next_ms_ = event.now_ms + *wait_ms;
    if (next_ms_ <= latest_ms) {
      state_ = DialogueState::backing_off;
      return {};
    }
  }
  // A gateway that waited in vain does not know whether the service behind it took the request.
  if (status == 504) push_out_ = true;
  return decide(Verdict::unavailable, http_fault(status));
}

Action Dialogue::on_create_failed(const Event& event) noexcept {
  push_out_ = event.may_have_left;
  // Nothing is wrong with the service: there cannot be a user of this name there. Were he taken for
  // one who cannot be asked, whoever logs in could choose that by the way that he writes a name.
  if (event.fault.kind == FaultKind::unsendable) return decide(Verdict::unknown_user, event.fault);
  return decide(Verdict::unavailable, event.fault);
}

Action Dialogue::on_poll_answer(const Event& event) noexcept {
  const std::uint16_t status = event.http_status;
  if (success(status)) {
    renewed_ = false;
    not_found_ = 0;
    return event.result ? on_result(event) : poll_fault(event, {.kind = FaultKind::malformed});
  }
  if (token_refused(status)) {
    if (!std::exchange(renewed_, true)) return request(event.now_ms, true);
    return decide(Verdict::unavailable, http_fault(status));
  }
  const bool gone = status == 404 || status == 410;
  not_found_ = gone ? static_cast<std::uint8_t>(not_found_ + 1) : 0;
  if (not_found_ >= kMaxNotFound) return decide(Verdict::unavailable, http_fault(status));
  return poll_fault(event, http_fault(status));
}

/// A well-formed result. The response is looked at before `expired`: an answered request may have
/// run out since.
Action Dialogue::on_result(const Event& event) noexcept {
  const api::Result& result = *event.result;
  errors_ = 0;
  last_fault_ = {};
  if (event.now_ms >= deadline_ms_) return decide(Verdict::expired);
  if (result.uuid != uuid_.view())
    return decide(Verdict::unavailable, {.kind = FaultKind::other_user});
  switch (result.response) {
    case api::Response::approve:
      if (result.username != event.user)
        return decide(Verdict::unavailable, {.kind = FaultKind::other_user});
      return decide(Verdict::approved);
    case api::Response::deny: return decide(Verdict::denied);
    case api::Response::none:
    case api::Response::unknown: break;  // perhaps a step on the way to an answer: wait for one
  }
  return result.expired ? decide(Verdict::expired) : poll_again(event);
}

Action Dialogue::poll_again(const Event& event) noexcept {
  state_ = DialogueState::waiting;
  next_ms_ = event.now_ms + event.next_poll_ms;
  if (next_ms_ >= deadline_ms_ && event.now_ms + kLastPollMs < deadline_ms_)
    next_ms_ = deadline_ms_ - kLastPollMs;
  return {};
}

/// The push is out and a poll failed: the next one later, until the deadline.
Action Dialogue::poll_fault(const Event& event, Fault fault) noexcept {
  last_fault_ = fault;
  const unsigned doublings = std::min<unsigned>(errors_, 8);
  if (errors_ < UINT8_MAX) ++errors_;
  const std::uint64_t back_off_ms = std::min<std::uint64_t>(
      std::uint64_t{std::max(event.next_poll_ms, 1u)} << doublings, kMaxBackOffMs);
  Event later = event;
  later.next_poll_ms = static_cast<std::uint32_t>(back_off_ms);
  if (event.kind == EventKind::answered)
    later.next_poll_ms = std::max(later.next_poll_ms, told_to_wait_ms(event).value_or(0));
  return poll_again(later);
}

Action Dialogue::decide(Verdict verdict, Fault fault) noexcept {
  state_ = DialogueState::decided;
  return {.kind = ActionKind::decide, .verdict = verdict, .push_out = push_out_, .fault = fault};
}

}  // namespace sallyport::verify::notakey
