#include "engine/admin/status_text.h"

#include <gtest/gtest.h>

#include "engine/admin/health_text.h"
#include "engine/admin/pages.h"
#include "tests/engine/admin/sample.h"

namespace sallyport::admin {
namespace {

using verify::HealthState;

struct Case {
  HealthState state;
  std::string_view detail;
  std::string_view first_line;
  std::string_view look_at;
  int exit_status;
};

constexpr Case kCases[] = {
    {HealthState::ok, "", "Status: OK\n", "", 0},
    {HealthState::not_running, "last check 40 s ago",
     "Status: health check timed out. Is the daemon running?\n", "systemctl status sallyport", 1},
    {HealthState::cannot_connect, "connection refused",
     "Status: cannot connect to the API. Check the network and the API parameters\n",
     "firewall's outgoing TCP 443", 1},
    {HealthState::call_timed_out, "no answer within 5000 ms", "Status: API call timed out\n",
     "[notakey] timeout", 1},
    {HealthState::other_error, "HTTP 500", "Status: error (HTTP 500)\n", "access_id", 1},
};

TEST(StatusText, EachOfTheFiveStatesSaysWhatItMeansAndWhatToLookAt) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(verify::to_text(c.state));
    Sample sample;
    sample.health.state = c.state;
    sample.health.text = c.detail;
    const StatusReport report = read_status(status_json(sample.snapshot()), "127.0.0.1:9812");
    const std::string text = human_text(report);
    EXPECT_TRUE(text.starts_with(c.first_line)) << text;
    EXPECT_NE(text.find(words_for(c.state).meaning), std::string::npos) << text;
    EXPECT_NE(text.find(c.look_at), std::string::npos) << text;
    EXPECT_NE(text.find(c.detail), std::string::npos) << text;
    EXPECT_EQ(text.find("Look at:") == std::string::npos, c.state == HealthState::ok);
    EXPECT_EQ(exit_status(report), c.exit_status);
  }
}

TEST(StatusText, APoolWithoutAServerIsInTheFirstLines) {
  Sample sample;
  sample.downstreams = {{.pool = "staff",
                         .server = "one",
                         .address = "192.0.2.1:1812",
                         .shards = {0, 0, 2},
                         .reason = radius_door::ServerReason::no_reply,
                         .pool_is_out = true}};
  const StatusReport report = read_status(status_json(sample.snapshot()), "127.0.0.1:9812");
  const std::string text = human_text(report);
  EXPECT_TRUE(text.starts_with("Status: degraded\n")) << text;
  EXPECT_NE(text.find("Seen: no RADIUS server of pool \"staff\" answers: one 192.0.2.1:1812 "
                      "(no_reply)\n  Look at: Does the RADIUS server run"),
            std::string::npos)
      << text;
  EXPECT_EQ(exit_status(report), 1);
  sample.health.state = HealthState::cannot_connect;
  const std::string both = human_text(read_status(status_json(sample.snapshot()), "x"));
  EXPECT_TRUE(both.starts_with("Status: cannot connect to the API")) << both;
  EXPECT_NE(both.find("no RADIUS server"), std::string::npos) << both;
}

TEST(StatusText, NoAnswerMeansThatTheDaemonDoesNotRun) {
  const StatusReport report = read_status(std::unexpected("Connection refused"), "127.0.0.1:9812");
  EXPECT_EQ(report.health.state, HealthState::not_running);
  EXPECT_EQ(exit_status(report), 1);
  const std::string text = human_text(report);
  EXPECT_NE(text.find("no answer from 127.0.0.1:9812: Connection refused"), std::string::npos);
  EXPECT_TRUE(report.json.starts_with(R"({"health":{"state":"not_running")")) << report.json;
  EXPECT_TRUE(report.json.ends_with("}}\n")) << report.json;
}

TEST(StatusText, AnotherProgramAtTheAddressIsNotTakenForOurs) {
  for (const char* body : {"", "<html>nginx</html>", "{}", "[]", R"({"health":{}})",
                           R"({"health":{"state":7}})", "{\"health\":"}) {
    const StatusReport report = read_status(std::string(body), "127.0.0.1:80");
    EXPECT_EQ(report.health.state, HealthState::other_error) << body;
    EXPECT_NE(human_text(report).find("127.0.0.1:80 is not sallyport's"), std::string::npos);
  }
}

TEST(StatusText, AStateWeDoNotKnowIsNotOk) {
  const StatusReport report = read_status(R"({"health":{"state":"OK "}})", "x");
  EXPECT_EQ(report.health.state, HealthState::other_error);
}

TEST(StatusText, TellsTheFactsOfTheDaemon) {
  Sample sample;
  sample.shard_metrics[0].requests.set(12);
  sample.shard_metrics[0].awaiting_verdict.set(2);
  const StatusReport report = read_status(status_json(sample.snapshot()), "x");
  const std::string text = human_text(report);
  for (const char* line :
       {"version     1.2.3, up 1 min 5 s\n", "listening   127.0.0.1:1812, [::1]:1812\n",
        "downstream  radius.example.com:1812\n", "shards      2\n", "requests    12\n",
        "awaiting verdict 2", "checked     1970-01-01T00:17:40.000Z\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line << "in\n" << text;
  EXPECT_EQ(report.json, status_json(sample.snapshot())) << "--json is the document as it came";
}

TEST(StatusText, AHostileAnswerCannotMoveTheCursor) {
  const StatusReport report = read_status(
      R"({"health":{"state":"other_error","detail":"\u001b[2Jgone"},"version":"\u001b]0;x\u0007"})",
      "x");
  const std::string text = human_text(report);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_NE(text.find("\\x1b[2Jgone"), std::string::npos);
}

}  // namespace
}  // namespace sallyport::admin
