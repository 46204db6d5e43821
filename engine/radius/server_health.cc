#include "engine/radius/server_health.h"

#include <algorithm>

namespace sallyport::radius_door {

const char* to_text(ServerState state) noexcept {
  switch (state) {
    case ServerState::up: return "up";
    case ServerState::suspect: return "suspect";
    case ServerState::down: return "down";
  }
  return "";
}

const char* to_text(ServerReason reason) noexcept {
  switch (reason) {
    case ServerReason::none: return "none";
    case ServerReason::no_reply: return "no_reply";
    case ServerReason::unreachable: return "unreachable";
    case ServerReason::no_status: return "no_status";
    case ServerReason::refused: return "refused";
    case ServerReason::timed_out: return "timed_out";
    case ServerReason::handshake: return "handshake";
    case ServerReason::untrusted: return "untrusted";
    case ServerReason::expired: return "expired";
    case ServerReason::wrong_name: return "wrong_name";
    case ServerReason::certificate: return "certificate";
    case ServerReason::closed: return "closed";
    case ServerReason::broken: return "broken";
    case ServerReason::stalled: return "stalled";
    case ServerReason::malformed: return "malformed";
    case ServerReason::bad_reply: return "bad_reply";
  }
  return "";
}

void ServerHealth::replied(std::uint64_t now_ms) noexcept {
  last_reply_ms_ = now_ms;
  good_answer(now_ms);
}

void ServerHealth::status_answered(std::uint64_t now_ms) noexcept {
  last_reply_ms_ = now_ms;
  answers_status_ = true;
  probe_out_ = false;
  good_answer(now_ms);
}

void ServerHealth::good_answer(std::uint64_t now_ms) noexcept {
  if (state_ == ServerState::up) return;
  if (state_ == ServerState::down) {
    if (++good_answers_ < kUpAfter) return;
    back_since_ms_ = now_ms;
  }
  state_ = ServerState::up;
  evidence_ = 0;
  good_answers_ = 0;
  probe_out_ = false;
}

bool ServerHealth::unanswered(std::uint64_t sent_ms, std::uint64_t now_ms) noexcept {
  // It has answered others since: that one it does not want to answer, or it was lost.
  if (last_reply_ms_ > sent_ms) return false;
  return evidence(ServerReason::no_reply, now_ms);
}

bool ServerHealth::unreachable(std::uint64_t now_ms) noexcept {
  return evidence(ServerReason::unreachable, now_ms);
}

bool ServerHealth::connection_failed(ServerReason reason, std::uint64_t now_ms) noexcept {
  return evidence(reason, now_ms);
}

bool ServerHealth::evidence(ServerReason reason, std::uint64_t now_ms) noexcept {
  good_answers_ = 0;
  if (evidence_ > 0 && now_ms < last_evidence_ms_ + kApartMs) return false;
  last_evidence_ms_ = now_ms;
  reason_ = reason;
  if (evidence_ < kDownAfter) ++evidence_;
  const bool left_up = state_ == ServerState::up;
  state_ = evidence_ < kDownAfter ? ServerState::suspect : ServerState::down;
  if (left_up) {
    next_probe_ms_ = now_ms;  // asked at once: it may have been one lost datagram
    probe_out_ = false;
    last_trial_ms_ = now_ms;
  }
  return left_up;
}

std::uint32_t ServerHealth::share(std::uint64_t now_ms) const noexcept {
  if (back_since_ms_ == 0 || now_ms >= back_since_ms_ + rules_.slow_start_ms) return kWhole;
  // A little at once, else nothing would ever prove it.
  const std::uint64_t part = (now_ms - back_since_ms_) * kWhole / rules_.slow_start_ms;
  return static_cast<std::uint32_t>(std::max<std::uint64_t>(part, kWhole / 50));
}

/// Silence upon a Status-Server says something only of who answers them.
bool ServerHealth::status_tells() const noexcept {
  return rules_.status_server == config::StatusServer::yes ||
         (rules_.status_server == config::StatusServer::automatic && answers_status_);
}

bool ServerHealth::wants_trial(std::uint64_t now_ms) const noexcept {
  if (state_ == ServerState::up || status_tells()) return false;
  const std::uint32_t wait_ms =
      state_ == ServerState::suspect ? rules_.probe_interval_ms : rules_.retry_ms;
  return now_ms >= last_trial_ms_ + wait_ms;
}

std::optional<std::uint64_t> ServerHealth::next_probe_ms() const noexcept {
  if (rules_.status_server == config::StatusServer::no) return std::nullopt;
  if (state_ != ServerState::up) return next_probe_ms_;
  if (rules_.status_server != config::StatusServer::yes) return std::nullopt;
  // Whose replies come needs no asking.
  return std::max(next_probe_ms_, last_reply_ms_ + rules_.probe_interval_ms);
}

bool ServerHealth::probe_due(std::uint64_t now_ms, std::uint16_t dice, bool& left_up) noexcept {
  left_up = false;
  const auto next = next_probe_ms();
  if (!next || *next > now_ms) return false;
  if (probe_out_ && status_tells()) left_up = evidence(ServerReason::no_status, now_ms);
  probe_out_ = true;
  const std::uint64_t spread_ms = rules_.probe_interval_ms / 10;
  next_probe_ms_ = now_ms + rules_.probe_interval_ms - spread_ms + 2 * spread_ms * dice / 0xffff;
  return true;
}

}  // namespace sallyport::radius_door
