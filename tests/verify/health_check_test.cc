#include "verify/health_check.h"

#include <gtest/gtest.h>

namespace sallyport::verify {
namespace {

using notakey::FaultKind;

TEST(HealthCheck, EachFaultHasItsStateAndSaysWhatToLookAt) {
  struct Case {
    notakey::Fault fault;
    HealthState state;
    const char* text;
  };
  for (const Case& c : {
           Case{{.kind = FaultKind::none}, HealthState::ok, "https://h answers"},
           Case{{.kind = FaultKind::refused},
                HealthState::cannot_connect,
                "connection refused by https://h"},
           Case{{.kind = FaultKind::resolve}, HealthState::cannot_connect, "DNS"},
           Case{{.kind = FaultKind::unreachable}, HealthState::cannot_connect, "firewall"},
           Case{{.kind = FaultKind::tls}, HealthState::cannot_connect, "notakey.ca_file"},
           Case{{.kind = FaultKind::timeout}, HealthState::call_timed_out, "notakey.timeout"},
           Case{{.kind = FaultKind::http, .http_status = 503},
                HealthState::other_error,
                "HTTP 503 from https://h"},
           Case{{.kind = FaultKind::http, .http_status = 401, .of_token = true},
                HealthState::other_error,
                "notakey.client_secret"},
           Case{{.kind = FaultKind::http, .http_status = 404},
                HealthState::other_error,
                "notakey.access_id"},
           Case{{.kind = FaultKind::malformed}, HealthState::other_error, "not as the Notakey API"},
       }) {
    const Health health = assess(c.fault, "https://h", "the cause");
    EXPECT_EQ(to_text(health.state), std::string(to_text(c.state)));
    EXPECT_TRUE(health.text.contains(c.text)) << health.text;
  }
}

TEST(HealthCheck, PaceGrowsWhileItFails) {
  HealthPace pace(10'000, 160'000);
  EXPECT_EQ(pace.next_ms(true), 10'000u);
  for (const std::uint32_t next : {10'000u, 20'000u, 40'000u, 80'000u, 160'000u, 160'000u})
    EXPECT_EQ(pace.next_ms(false), next);
  EXPECT_EQ(pace.next_ms(true), 10'000u);
  EXPECT_EQ(pace.next_ms(false), 10'000u);
}

TEST(HealthCheck, SilentWorkerIsNotRunning) {
  HealthBoard board;
  EXPECT_EQ(board.read(0).state, HealthState::not_running);
  Health health;
  health.state = HealthState::ok;
  health.checked_unix_ms = 1;
  health.next_check_ms = 10'000;
  board.post(health, 5'000);
  EXPECT_EQ(board.read(35'000).state, HealthState::ok);
  EXPECT_EQ(board.read(35'001).state, HealthState::not_running);
}

}  // namespace
}  // namespace sallyport::verify
