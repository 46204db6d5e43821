// The calls of a verify thread that belong to no verification: access tokens and the health check.

#include <utility>

#include <spdlog/spdlog.h>

#include "protocol/check.h"
#include "verify/clock.h"
#include "verify/worker.h"

namespace sallyport::verify {

namespace api = ::sallyport::notakey;
using notakey::Event;
using notakey::EventKind;
using notakey::Fault;
using notakey::FaultKind;
using notakey::TokenCache;

/// Asks the cache, and begins a fetch if it is this waiter's turn to.
void Worker::want_token(std::uint32_t waiter, TokenCache::Need& need) {
  const std::uint64_t now_ms = monotonic_ms();
  need = tokens_.want(waiter, now_ms);
  if (need != TokenCache::Need::fetch) return;
  if (const auto made = api_.token(request_); !made) {
    tokens_.failed(made.error(), now_ms);
    static_cast<void>(tokens_.take_waiters());
    need = TokenCache::Need::refused;
    return;
  }
  launch(idle_transfer(Purpose::token), context_.notakey.timeout_ms);
}

void Worker::on_token(Transfer& transfer, const CallOutcome& outcome) {
  const std::uint64_t now_ms = monotonic_ms();
  Fault fault = outcome.fault;
  bool fetched = false;
  if (fault.kind == FaultKind::none && outcome.http_status == 200) {
    if (const auto token = reader_.token(transfer.answer())) {
      tokens_.fetched(token->access_token, token->expires_in_s, now_ms);
      metrics_.tokens.add();
      fetched = true;
    } else {
      fault.kind = FaultKind::malformed;
    }
  } else if (fault.kind == FaultKind::none) {
    fault = {.kind = FaultKind::http, .http_status = outcome.http_status};
  }
  if (!fetched) tokens_.failed(fault, now_ms + outcome.retry_after_ms.value_or(0));
  const std::string cause = fetched ? std::string() : transfer.cause(outcome);
  put_back(transfer);

  for (const std::uint32_t waiter : tokens_.take_waiters()) {
    if (waiter == kHealthWaiter) {
      fetched ? send_health() : end_health(tokens_.last_fault(), cause);
      continue;
    }
    // Some waiters are gone, and one slot may have waited twice.
    if (!table_.used(waiter)) continue;
    const Verification& verification = table_[waiter];
    if (verification.dialogue.state() != notakey::DialogueState::needs_token) continue;
    Event event =
        this->event(fetched ? EventKind::token_ready : EventKind::token_failed, verification);
    event.fault = tokens_.last_fault();
    drive(waiter, event);
  }
}

void Worker::begin_health() {
  health_running_ = true;
  if (api_.version() == api::ApiVersion::v2) return send_health();
  TokenCache::Need need{};
  want_token(kHealthWaiter, need);
  switch (need) {
    case TokenCache::Need::ready: return send_health();
    case TokenCache::Need::refused: return end_health(tokens_.last_fault(), {});
    case TokenCache::Need::fetch:
    case TokenCache::Need::waiting: return;  // on_token goes on
  }
}

void Worker::send_health() {
  if (const auto made = api_.service(request_); !made) return end_health(made.error(), {});
  Transfer& transfer = idle_transfer(Purpose::health);
  transfer.owner = tokens_.generation();
  launch(transfer, context_.notakey.timeout_ms);
}

void Worker::on_health(Transfer& transfer, const CallOutcome& outcome) {
  Fault fault = outcome.fault;
  if (fault.kind == FaultKind::none) {
    const std::uint16_t status = outcome.http_status;
    if (status < 200 || status >= 300) {
      fault = {.kind = FaultKind::http, .http_status = status};
    } else if (!reader_.service(transfer.answer())) {
      fault.kind = FaultKind::malformed;
    }
    // The next check begins with a fresh token; verifications renew theirs by themselves.
    if (status == 401 || status == 403) tokens_.drop(transfer.owner);
  }
  const std::string cause = transfer.cause(outcome);
  put_back(transfer);
  end_health(fault, cause);
}

void Worker::end_health(const Fault& fault, const std::string& cause) {
  Health health = assess(fault, api_.origin(), cause);
  const bool well = health.state == HealthState::ok;
  const std::uint64_t now_ms = monotonic_ms();
  health.checked_unix_ms = unix_ms();
  health.next_check_ms = health_pace_.next_ms(well);
  health_running_ = false;
  next_health_ms_ = now_ms + health.next_check_ms;
  if (std::exchange(health_state_, health.state) != health.state) {
    well ? spdlog::info("notakey: {}", health.text) : spdlog::warn("notakey: {}", health.text);
  }
  context_.board.post(std::move(health), now_ms);
}

}  // namespace sallyport::verify
