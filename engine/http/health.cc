#include "engine/http/health.h"

#include <algorithm>

#include "engine/http/upstream_set.h"
#include "protocol/check.h"

namespace sallyport::http_door {
namespace {

constexpr std::uint64_t kFirstProbesMs = 1'000;

std::string_view text_of(Broken broken) noexcept {
  switch (broken) {
    case Broken::none: return "no answer";
    case Broken::refused: return "connection refused";
    case Broken::connect_timeout: return "connecting took too long";
    case Broken::tls: return "TLS failed";
    case Broken::stale: return "kept connection closed";
    case Broken::reset: return "connection reset";
    case Broken::not_processed: return "request refused";
    case Broken::bad_message: return "answer is not valid HTTP";
    case Broken::timed_out: return "answer took too long";
    case Broken::gone: return "visitor went away";
  }
  return {};
}

}  // namespace

std::string_view to_text(Health health) noexcept {
  switch (health) {
    case Health::up: return "up";
    case Health::suspect: return "suspect";
    case Health::down: return "down";
  }
  return {};
}

std::string HealthReason::text() const {
  switch (kind) {
    case Kind::none: return "not known yet";
    case Kind::good: return "good";
    case Kind::connection: return std::string(text_of(broken));
    case Kind::status: return "status " + std::to_string(status);
    case Kind::body: return "the body lacks the text";
  }
  return {};
}

HealthReason judge(const config::HttpPool& pool, const ProbeResult& result) noexcept {
  using Kind = HealthReason::Kind;
  if (result.broken != Broken::none) return {.kind = Kind::connection, .broken = result.broken};
  const bool status_is_good = pool.health_status == 0 ? result.status >= 200 && result.status <= 299
                                                      : result.status == pool.health_status;
  if (!status_is_good) return {.kind = Kind::status, .status = result.status};
  if (!result.body.contains(pool.health_body)) return {.kind = Kind::body, .status = result.status};
  return {.kind = Kind::good};
}

ActiveHealth::ActiveHealth(const config::HttpPool& pool, std::uint64_t now_ms, std::uint64_t random)
    : interval_ms_(pool.health_interval_ms),
      rise_(std::max(pool.health_rise, 1u)),
      fall_(std::max(pool.health_fall, 1u)),
      servers_(pool.servers.size()) {
  CHECK(servers_.size() <= kMaxServers);
  // Even steps from a random start: the servers of a pool are never probed all at once.
  const std::uint64_t spread_ms = std::clamp<std::uint64_t>(interval_ms_, 1, kFirstProbesMs);
  for (std::size_t i = 0; i < servers_.size(); ++i)
    servers_[i].due_ms =
        now_ms + (random % spread_ms + i * spread_ms / servers_.size()) % spread_ms;
}

std::uint64_t ActiveHealth::take_due(std::uint64_t now_ms) noexcept {
  std::uint64_t due = 0;
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    if (servers_[i].probing || servers_[i].due_ms > now_ms) continue;
    servers_[i].probing = true;
    due |= std::uint64_t{1} << i;
  }
  return due;
}

std::optional<std::uint64_t> ActiveHealth::next_due_ms() const noexcept {
  std::optional<std::uint64_t> next;
  for (const Server& server : servers_)
    if (!server.probing && (!next || server.due_ms < *next)) next = server.due_ms;
  return next;
}

std::optional<HealthChange> ActiveHealth::result(std::uint32_t index, const HealthReason& reason,
                                                 std::uint64_t now_ms,
                                                 std::uint64_t random) noexcept {
  Server& server = servers_[index];
  CHECK(server.probing);
  server.probing = false;
  server.due_ms = now_ms + interval_ms_ - interval_ms_ / 10 + random % (interval_ms_ / 5 + 1);
  const Health before = health_of(server.state);
  const HealthReason reason_before = server.reason;
  step(server, reason.kind == HealthReason::Kind::good);
  server.reason = reason;
  if (health_of(server.state) == before && reason == reason_before) return std::nullopt;
  return HealthChange{.server = index, .health = health_of(server.state), .reason = reason};
}

void ActiveHealth::skip(std::uint32_t index, std::uint64_t now_ms) noexcept {
  Server& server = servers_[index];
  CHECK(server.probing);
  server.probing = false;
  server.due_ms = now_ms + interval_ms_;
}

void ActiveHealth::adopt(std::uint32_t index, const ActiveHealth& old,
                         std::uint32_t old_index) noexcept {
  Server& server = servers_[index];
  const Server& known = old.servers_[old_index];
  server.state = known.state;
  server.in_a_row = known.in_a_row;
  server.reason = known.reason;
}

void ActiveHealth::step(Server& server, bool good) const noexcept {
  switch (server.state) {
    case State::unproven: server.state = good ? State::up : State::down; return;
    case State::up:
    case State::failing:
      ++server.in_a_row;
      server.state = good ? State::up : server.in_a_row < fall_ ? State::failing : State::down;
      break;
    case State::down:
    case State::rising:
      ++server.in_a_row;
      server.state = !good ? State::down : server.in_a_row < rise_ ? State::rising : State::up;
      break;
  }
  // Either the row is broken, or it has reached its end.
  if (server.state == State::up || server.state == State::down) server.in_a_row = 0;
}

Health ActiveHealth::health_of(State state) noexcept {
  switch (state) {
    case State::up: return Health::up;
    case State::unproven:
    case State::failing: return Health::suspect;
    case State::down:
    case State::rising: return Health::down;
  }
  return Health::down;
}

Health ActiveHealth::health(std::uint32_t server) const noexcept {
  return health_of(servers_[server].state);
}

bool PassiveHealth::admits(std::uint64_t now_ms) const noexcept {
  switch (state_) {
    case State::up:
    case State::failing: return true;
    case State::out: return now_ms >= until_ms_;
    case State::trial: return false;
  }
  return false;
}

bool PassiveHealth::begin() noexcept {
  if (state_ != State::out) return false;
  state_ = State::trial;
  return true;
}

bool PassiveHealth::succeeded() noexcept {
  const bool was_out = state_ == State::out || state_ == State::trial;
  reset();
  return was_out;
}

void PassiveHealth::failed(bool trial, Broken why, std::uint64_t now_ms) noexcept {
  if (max_fails_ == 0) return;
  switch (state_) {
    case State::failing:
      // Failures that lie too far apart are no row.
      if (now_ms - since_ms_ <= fail_timeout_ms_) break;
      [[fallthrough]];
    case State::up:
      fails_ = 0;
      since_ms_ = now_ms;
      state_ = State::failing;
      break;
    case State::out: return;  // it began before the others failed
    case State::trial:
      if (!trial) return;
      reason_ = why;
      take_out(now_ms);
      return;
  }
  reason_ = why;
  if (++fails_ >= max_fails_) take_out(now_ms);
}

void PassiveHealth::gave_up(bool trial) noexcept {
  // Its time has come already, or nobody else was left: the next request is the trial.
  if (trial && state_ == State::trial) state_ = State::out;
}

void PassiveHealth::reset() noexcept {
  state_ = State::up;
  fails_ = 0;
}

void PassiveHealth::adopt(const PassiveHealth& old) noexcept {
  if (max_fails_ == 0) return;
  // The old set's trial reports to the old set: here the next request is one.
  state_ = old.state_ == State::trial ? State::out : old.state_;
  reason_ = old.reason_;
  fails_ = old.fails_;
  since_ms_ = old.since_ms_;
  until_ms_ = old.until_ms_;
}

void PassiveHealth::take_out(std::uint64_t now_ms) noexcept {
  state_ = State::out;
  until_ms_ = now_ms + fail_timeout_ms_;
}

Health PassiveHealth::health() const noexcept {
  switch (state_) {
    case State::up: return Health::up;
    case State::failing:
    case State::trial: return Health::suspect;
    case State::out: return Health::down;
  }
  return Health::down;
}

}  // namespace sallyport::http_door
