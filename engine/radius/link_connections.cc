#include "engine/radius/link_connections.h"

#include <algorithm>

#include "protocol/check.h"

namespace sallyport::radius_door {

void LinkConnections::want_more() noexcept {
  if (open_ == 0 || connecting_ > 0) return;
  wanted_ = std::min<std::uint16_t>(std::max<std::uint16_t>(wanted_, open_ + 1), most());
}

std::optional<std::uint16_t> LinkConnections::next_to_begin(std::uint64_t now_ms) const noexcept {
  if (!kept_ || connecting_ > 0 || open_ >= wanted_ || now_ms < retry_ms_) return std::nullopt;
  const auto closed = std::ranges::find(all_, ConnectionState::closed, &Connection::state);
  if (closed == all_.end()) return std::nullopt;
  return static_cast<std::uint16_t>(closed - all_.begin());
}

void LinkConnections::begun(std::uint16_t number, std::uint64_t now_ms) noexcept {
  CHECK(all_[number].state == ConnectionState::closed && connecting_ == 0);
  all_[number] = {};
  all_[number].state = ConnectionState::connecting;
  all_[number].begun_ms = now_ms;
  ++connecting_;
}

void LinkConnections::opened(std::uint16_t number, radius::Version version, std::uint64_t now_ms,
                             std::uint16_t dice) noexcept {
  Connection& connection = all_[number];
  CHECK(connection.state == ConnectionState::connecting);
  connection.state = ConnectionState::open;
  connection.version = version;
  connection.interval_ms = jittered_interval(dice);
  connection.look_ms = now_ms + connection.interval_ms;
  --connecting_;
  ++open_;
}

bool LinkConnections::ended(std::uint16_t number, std::uint64_t now_ms,
                            std::uint16_t dice) noexcept {
  Connection& connection = all_[number];
  CHECK(connection.state != ConnectionState::closed);
  --(connection.state == ConnectionState::open ? open_ : connecting_);
  const bool proved = connection.proved;
  connection = {};
  const std::uint32_t wait_ms = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(std::uint64_t{kFirstRetryMs} << failures_, kMaxRetryMs));
  retry_ms_ = now_ms + wait_ms + std::uint64_t{wait_ms / 4} * dice / 0xffff;
  if (!proved && wait_ms < kMaxRetryMs) ++failures_;
  // The others that there were are begun again when the load wants them.
  wanted_ = std::max<std::uint16_t>(open_ + connecting_, 1);
  return !proved;
}

void LinkConnections::sent(std::uint16_t number, std::uint64_t now_ms) noexcept {
  Connection& connection = all_[number];
  if (connection.unanswered_ms == kNone) connection.unanswered_ms = now_ms;
}

void LinkConnections::heard(std::uint16_t number, std::uint64_t now_ms) noexcept {
  Connection& connection = all_[number];
  connection.proved = true;
  connection.asked = false;
  connection.unanswered_ms = kNone;
  connection.look_ms = now_ms + connection.interval_ms;
  failures_ = 0;
}

void LinkConnections::status_answered(std::uint16_t number, std::uint64_t now_ms) noexcept {
  answers_status_ = true;
  heard(number, now_ms);
}

void LinkConnections::ask_soon(std::uint16_t number, std::uint64_t now_ms,
                               std::uint32_t within_ms) noexcept {
  Connection& connection = all_[number];
  if (connection.state != ConnectionState::open || connection.asked) return;
  connection.look_ms = std::min(connection.look_ms, now_ms + within_ms);
}

LinkConnections::Due LinkConnections::due(std::uint16_t number, std::uint64_t now_ms) noexcept {
  Connection& connection = all_[number];
  switch (connection.state) {
    case ConnectionState::closed: return Due::nothing;
    case ConnectionState::connecting:
      return now_ms >= connection.begun_ms + kOpenWithinMs ? Due::slow : Due::nothing;
    case ConnectionState::open: break;
  }
  if (now_ms >= silent_ms(connection)) return Due::silent;
  if (now_ms < connection.look_ms) return Due::nothing;
  if (connection.asked && silence_counts()) return Due::silent;
  if (rules_.status_server != config::StatusServer::no) return Due::ask;
  connection.look_ms = now_ms + connection.interval_ms;
  return Due::nothing;
}

void LinkConnections::asked(std::uint16_t number, const radius::Authenticator& authenticator,
                            std::uint64_t now_ms, std::uint16_t dice) noexcept {
  Connection& connection = all_[number];
  CHECK(connection.state == ConnectionState::open);
  connection.asked = true;
  connection.question = authenticator;
  connection.interval_ms = jittered_interval(dice);
  connection.look_ms = now_ms + connection.interval_ms;
}

std::optional<std::uint64_t> LinkConnections::next_ms() const noexcept {
  std::uint64_t next = kNone;
  if (kept_ && connecting_ == 0 && open_ < wanted_) next = retry_ms_;
  for (const Connection& connection : all_) {
    if (connection.state == ConnectionState::connecting)
      next = std::min(next, connection.begun_ms + kOpenWithinMs);
    if (connection.state == ConnectionState::open)
      next = std::min({next, connection.look_ms, silent_ms(connection)});
  }
  if (next == kNone) return std::nullopt;
  return next;
}

radius::Authenticator LinkConnections::token(std::uint16_t number,
                                             radius::Identifier identifier) noexcept {
  const std::uint32_t count = all_[number].tokens++;
  radius::Authenticator token;
  token.octets[0] = static_cast<std::uint8_t>(count >> 16);
  token.octets[1] = static_cast<std::uint8_t>(count >> 8);
  token.octets[2] = static_cast<std::uint8_t>(count);
  token.octets[3] = identifier.value;
  return token;
}

std::uint32_t LinkConnections::jittered_interval(std::uint16_t dice) const noexcept {
  const std::uint64_t spread_ms = rules_.interval_ms / 10;
  return static_cast<std::uint32_t>(rules_.interval_ms - spread_ms + 2 * spread_ms * dice / 0xffff);
}

bool LinkConnections::silence_counts() const noexcept {
  return rules_.status_server == config::StatusServer::yes || answers_status_;
}

std::uint64_t LinkConnections::silent_ms(const Connection& connection) const noexcept {
  if (connection.unanswered_ms == kNone) return kNone;
  return connection.unanswered_ms + std::uint64_t{kSilentIntervals} * connection.interval_ms;
}

}  // namespace sallyport::radius_door
