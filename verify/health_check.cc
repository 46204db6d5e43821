#include "verify/health_check.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace sallyport::verify {

using notakey::FaultKind;

const char* to_text(HealthState state) noexcept {
  switch (state) {
    case HealthState::ok: return "ok";
    case HealthState::not_running: return "not_running";
    case HealthState::cannot_connect: return "cannot_connect";
    case HealthState::call_timed_out: return "call_timed_out";
    case HealthState::other_error: return "other_error";
  }
  return "";
}

namespace {

std::string http_text(const notakey::Fault& fault, std::string_view origin) {
  const char* look_at = "";
  if (fault.http_status == 401 || fault.http_status == 403) {
    look_at = ": look at notakey.client_id and notakey.client_secret";
  } else if (fault.http_status == 404) {
    look_at = fault.of_token ? ": is this a Notakey server with API v3?"
                             : ": look at notakey.access_id and notakey.version";
  }
  return fmt::format("HTTP {} from {}{}{}", fault.http_status, origin,
                     fault.of_token ? " to the token request" : "", look_at);
}

}  // namespace

Health assess(const notakey::Fault& fault, std::string_view origin, std::string_view cause) {
  const std::string why = cause.empty() ? std::string() : fmt::format(" ({})", cause);
  const auto health = [](HealthState state, std::string text) {
    Health made;
    made.state = state;
    made.text = std::move(text);
    return made;
  };
  switch (fault.kind) {
    case FaultKind::none: return health(HealthState::ok, fmt::format("{} answers", origin));
    case FaultKind::resolve:
      return health(HealthState::cannot_connect,
                    fmt::format("the name in {} has no address{}: look at notakey.host and DNS",
                                origin, why));
    case FaultKind::refused:
      return health(HealthState::cannot_connect,
                    fmt::format("connection refused by {}: look at notakey.host, its port and "
                                "notakey.proxy",
                                origin));
    case FaultKind::unreachable:
      return health(HealthState::cannot_connect,
                    fmt::format("no connection to {}{}: look at the route and the firewall to it",
                                origin, why));
    case FaultKind::tls:
      return health(HealthState::cannot_connect,
                    fmt::format("no trusted TLS with {}{}: look at its certificate, "
                                "notakey.ca_file and this machine's clock",
                                origin, why));
    case FaultKind::timeout:
      return health(
          HealthState::call_timed_out,
          fmt::format("{} took the call and gave no answer within notakey.timeout", origin));
    case FaultKind::http: return health(HealthState::other_error, http_text(fault, origin));
    case FaultKind::cut:
      return health(
          HealthState::other_error,
          fmt::format("{} ended the connection before its answer was whole{}", origin, why));
    case FaultKind::malformed:
    case FaultKind::other_user:
      return health(HealthState::other_error,
                    fmt::format("{} answered, but not as the Notakey API does: look at "
                                "notakey.host and notakey.version",
                                origin));
    case FaultKind::unsendable:
    case FaultKind::overload:
      return health(HealthState::other_error,
                    fmt::format("notakey.host \"{}\" cannot be called", origin));
  }
  return {};
}

std::uint32_t HealthPace::next_ms(bool well) noexcept {
  if (well) {
    failures_ = 0;
    return interval_ms_;
  }
  const std::uint64_t grown_ms = std::uint64_t{interval_ms_} << std::min(failures_, 16u);
  ++failures_;
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(grown_ms, std::max(interval_ms_, max_interval_ms_)));
}

void HealthBoard::post(Health health, std::uint64_t now_ms) {
  const std::lock_guard lock(mutex_);
  health_ = std::move(health);
  posted_ms_ = now_ms;
}

Health HealthBoard::read(std::uint64_t now_ms) const {
  const std::lock_guard lock(mutex_);
  Health health = health_;
  if (health.checked_unix_ms == 0) {
    health.text = "no check of the Notakey API has ended yet";
  } else if (now_ms > posted_ms_ + std::uint64_t{kOverdueFactor} * health.next_check_ms) {
    health.state = HealthState::not_running;
    health.text = fmt::format(
        "the last check of the Notakey API ended {} s ago: the verify thread is stopped or stuck",
        (now_ms - posted_ms_) / 1'000);
  }
  return health;
}

}  // namespace sallyport::verify
