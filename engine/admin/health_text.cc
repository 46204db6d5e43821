#include "engine/admin/health_text.h"

#include <fmt/format.h>

namespace sallyport::admin {

using verify::HealthState;

const HealthWords& words_for(HealthState state) noexcept {
  static constexpr HealthWords kOk{
      .title = "OK",
      .meaning = "The daemon runs, and the Notakey API is valid and reachable.",
      .look_at = "Nothing to do.",
  };
  static constexpr HealthWords kNotRunning{
      .title = "health check timed out. Is the daemon running?",
      .meaning = "The daemon does not run, or its admin listener cannot be reached from here.",
      .look_at =
          "Is the service started (systemctl status sallyport), does its log end in an "
          "error, is [admin] listen this address, does a firewall stand between?",
  };
  static constexpr HealthWords kCannotConnect{
      .title = "cannot connect to the API. Check the network and the API parameters",
      .meaning = "The daemon runs, but no connection to the Notakey API can be made.",
      .look_at =
          "The name and port in [notakey] host, DNS, the firewall's outgoing TCP 443, the "
          "proxy, and whether ca_file trusts the server's certificate.",
  };
  static constexpr HealthWords kCallTimedOut{
      .title = "API call timed out",
      .meaning = "The daemon runs and reached the Notakey API, but no answer came in time.",
      .look_at =
          "The network on the way, the load of the Notakey server, and whether [notakey] "
          "timeout is long enough for it.",
  };
  static constexpr HealthWords kOtherError{
      .title = "error",
      .meaning = "The Notakey API answered with an error, or with something unexpected.",
      .look_at =
          "The error's text, [notakey] access_id, version, client_id and client_secret, and "
          "the Notakey server's own log.",
  };
  switch (state) {
    case HealthState::ok: return kOk;
    case HealthState::not_running: return kNotRunning;
    case HealthState::cannot_connect: return kCannotConnect;
    case HealthState::call_timed_out: return kCallTimedOut;
    case HealthState::other_error: return kOtherError;
  }
  return kOtherError;
}

std::string title_of(const verify::Health& health) {
  const std::string_view title = words_for(health.state).title;
  if (health.state != HealthState::other_error || health.text.empty()) return std::string(title);
  return fmt::format("{} ({})", title, health.text);
}

HealthState state_named(std::string_view name) noexcept {
  for (const HealthState state : {HealthState::ok, HealthState::not_running,
                                  HealthState::cannot_connect, HealthState::call_timed_out})
    if (name == verify::to_text(state)) return state;
  return HealthState::other_error;
}

}  // namespace sallyport::admin
