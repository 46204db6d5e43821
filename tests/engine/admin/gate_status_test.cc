#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/admin/pages.h"
#include "engine/admin/prometheus.h"
#include "tests/engine/admin/sample.h"

namespace sallyport::admin {
namespace {

using http_door::GateOutcome;
using testing::HasSubstr;
using testing::Not;

void add_gate(Sample& sample) {
  http_door::GateStatus& gate = sample.gate.emplace();
  const auto path = http_door::find_gate_path("/code");
  gate.desk.answers[*path][static_cast<std::size_t>(GateOutcome::error)] = 3;
  gate.desk.refused = 2;
  gate.desk.jobs_refused = 5;
  gate.desk.waiting = 4;
  gate.desk.held = 6;
  gate.events = {{"token_right", 8}, {"token_wrong", 9}};
}

void add_store_and_messages(Sample& sample) {
  sample.messages = {.channels = {{.name = "mail \"1\"", .sent = 10, .failed = 11, .dropped = 12}},
                     .queued = 13};
  sample.store = {.ok = false, .text = "the disk is full"};
}

TEST(GateStatus, IsInTheMetrics) {
  Sample sample;
  add_gate(sample);
  const std::string text = prometheus_text(sample.snapshot());
  for (const char* const line :
       {R"(sallyport_gate_answers_total{path="/code",outcome="error"} 3)",
        "sallyport_gate_refused_total 2", "sallyport_gate_jobs_refused_total 5",
        "sallyport_gate_waiting 4", "sallyport_gate_held 6",
        R"(sallyport_gate_events_total{event="token_wrong"} 9)"}) {
    EXPECT_THAT(text, HasSubstr(std::string(line) + "\n"));
  }
}

TEST(GateStatus, StoreAndMessagesAreInTheMetricsWithoutAGate) {
  Sample sample;
  add_store_and_messages(sample);
  const std::string text = prometheus_text(sample.snapshot());
  for (const char* const line :
       {R"(sallyport_messages_total{channel="mail \"1\"",result="sent"} 10)",
        R"(sallyport_messages_total{channel="mail \"1\"",result="failed"} 11)",
        R"(sallyport_messages_total{channel="mail \"1\"",result="dropped"} 12)",
        "sallyport_messages_queued 13", "sallyport_store_up 0"}) {
    EXPECT_THAT(text, HasSubstr(std::string(line) + "\n"));
  }
}

TEST(GateStatus, IsInTheStatus) {
  Sample sample;
  add_gate(sample);
  EXPECT_THAT(status_json(sample.snapshot()),
              HasSubstr(R"("gate":{"waiting":4,"held":6,"refused":7},)"
                        R"("events":{"token_right":8,"token_wrong":9})"));
}

TEST(GateStatus, StoreAndMessagesAreInTheStatusWithoutAGate) {
  Sample sample;
  add_store_and_messages(sample);
  EXPECT_THAT(
      status_json(sample.snapshot()),
      HasSubstr(R"("store":{"ok":false,"detail":"the disk is full"},)"
                R"("messages":{"queued":13,"mail \"1\" sent":10,"mail \"1\" dropped":12})"));
}

TEST(GateStatus, IsNowhereWithoutAGate) {
  const Sample sample;
  EXPECT_THAT(prometheus_text(sample.snapshot()), Not(HasSubstr("sallyport_gate")));
  EXPECT_THAT(prometheus_text(sample.snapshot()), Not(HasSubstr("sallyport_store")));
  EXPECT_THAT(status_json(sample.snapshot()), Not(HasSubstr("\"gate\":{")));
}

}  // namespace
}  // namespace sallyport::admin
