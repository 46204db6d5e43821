#include "engine/admin/pages.h"

#include <string>

#include <gtest/gtest.h>
#include <simdjson.h>

#include "engine/admin/health_text.h"
#include "tests/engine/admin/sample.h"

namespace sallyport::admin {
namespace {

using verify::HealthState;

class Pages : public ::testing::Test {
 protected:
  simdjson::dom::element parsed(const std::string& text) { return parser_.parse(text).value(); }
  std::string text_at(const simdjson::dom::element& document, const char* pointer) {
    return std::string(document.at_pointer(pointer).get_string().value());
  }
  std::uint64_t number_at(const simdjson::dom::element& document, const char* pointer) {
    return document.at_pointer(pointer).get_uint64().value();
  }

  Sample sample_;
  simdjson::dom::parser parser_;
};

TEST_F(Pages, HealthIs200OnlyWhenOk) {
  for (const HealthState state :
       {HealthState::ok, HealthState::not_running, HealthState::cannot_connect,
        HealthState::call_timed_out, HealthState::other_error}) {
    sample_.health.state = state;
    const Page page = page_for("/health", sample_.snapshot());
    EXPECT_EQ(page.status, state == HealthState::ok ? 200u : 503u);
    EXPECT_EQ(page.content_type, "application/json");
    const auto document = parsed(page.body);
    EXPECT_EQ(text_at(document, "/state"), verify::to_text(state));
    EXPECT_EQ(text_at(document, "/text"), title_of(sample_.health));
    EXPECT_EQ(text_at(document, "/look_at"), words_for(state).look_at);
  }
}

TEST_F(Pages, AnApiErrorWithQuotesAndControlsStaysJson) {
  sample_.health.state = HealthState::other_error;
  sample_.health.text = "HTTP 500: \"<b>\n\x1b[2J\xff";
  const auto document = parsed(page_for("/health", sample_.snapshot()).body);
  EXPECT_EQ(text_at(document, "/detail"), "HTTP 500: \"<b>\n\x1b[2J\xef\xbf\xbd");
}

TEST_F(Pages, StatusCountsOverAllShards) {
  for (auto& shard : sample_.shard_metrics) {
    shard.requests.set(10);
    shard.accepts.set(4);
    shard.verdicts[static_cast<std::size_t>(verify::Verdict::approved)].set(3);
    shard.exchanges.set(2);
    shard.drops[0].set(1);
    shard.drops[5].set(1);
  }
  sample_.verify_metrics.pending.set(6);
  const auto document = parsed(page_for("/status", sample_.snapshot()).body);
  EXPECT_EQ(text_at(document, "/version"), "1.2.3");
  EXPECT_EQ(number_at(document, "/uptime_s"), 65u);
  EXPECT_EQ(text_at(document, "/started"), "1970-01-01T00:16:40.000Z");
  EXPECT_EQ(text_at(document, "/listening/1"), "[::1]:1812");
  EXPECT_EQ(text_at(document, "/downstream"), "radius.example.com:1812");
  EXPECT_EQ(number_at(document, "/shards"), 2u);
  EXPECT_EQ(number_at(document, "/requests"), 20u);
  EXPECT_EQ(number_at(document, "/answers/accept"), 8u);
  EXPECT_EQ(number_at(document, "/verdicts/approved"), 6u);
  EXPECT_EQ(number_at(document, "/pending/exchanges"), 4u);
  EXPECT_EQ(number_at(document, "/pending/verifications"), 6u);
  EXPECT_EQ(number_at(document, "/dropped/datagrams"), 4u);
  EXPECT_EQ(text_at(document, "/health/state"), "ok");
}

TEST_F(Pages, AccountingIsShownWhereThereIsASpool) {
  EXPECT_FALSE(page_for("/status", sample_.snapshot()).body.contains("accounting"));
  EXPECT_FALSE(page_for("/metrics", sample_.snapshot()).body.contains("sallyport_accounting"));
  radius_door::SpoolMetrics spool;
  spool.waiting.set(12);
  spool.oldest_s.set(90);
  sample_.spool = &spool;
  const std::string status = page_for("/status", sample_.snapshot()).body;
  EXPECT_TRUE(status.contains(R"("waiting":12,"oldest_s":90)")) << status;
  static_cast<void>(parsed(status));
  EXPECT_TRUE(page_for("/metrics", sample_.snapshot())
                  .body.contains("\nsallyport_accounting_oldest_seconds 90\n"));
}

TEST_F(Pages, MetricsAndIndexAndNothingElse) {
  EXPECT_EQ(page_for("/metrics", sample_.snapshot()).content_type,
            "text/plain; version=0.0.4; charset=utf-8");
  const Page index = page_for("/", sample_.snapshot());
  EXPECT_EQ(index.status, 200u);
  for (const char* link : {"href=\"/metrics\"", "href=\"/health\"", "href=\"/status\""})
    EXPECT_NE(index.body.find(link), std::string::npos) << link;
  for (const char* path : {"", "/metrics/", "/Health", "/../metrics", "//", "/status.json"})
    EXPECT_EQ(page_for(path, sample_.snapshot()).status, 404u) << path;
}

}  // namespace
}  // namespace sallyport::admin
