// The servers behind the HTTP door in /metrics, in /status and in what `sallyport status` prints.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/admin/pages.h"
#include "engine/admin/prometheus.h"
#include "engine/admin/status_text.h"
#include "tests/engine/admin/sample.h"

namespace sallyport::admin {
namespace {

using http_door::HealthReason;
using ::testing::HasSubstr;
using ::testing::Not;

struct Upstreams : Sample {
  Upstreams() {
    upstreams = {{.pool = "app",
                  .server = "10.0.0.1:80",
                  .shards = {2, 0, 0},
                  .reason = {.kind = HealthReason::Kind::good}},
                 {.pool = "app",
                  .server = "unix:/run/\"a\"",
                  .shards = {0, 1, 1},
                  .reason = {.kind = HealthReason::Kind::status, .status = 503}},
                 {.pool = "old", .server = "10.0.0.3:80", .shards = {2, 0, 0}, .drains = true}};
  }
};

TEST(UpstreamStatus, MetricsCountShardsByHowTheySeeAServer) {
  const std::string text = prometheus_text(Upstreams().snapshot());
  for (const char* line :
       {"\nsallyport_http_upstream_shards{pool=\"app\",server=\"10.0.0.1:80\",state=\"up\"} 2\n",
        "\nsallyport_http_upstream_shards{pool=\"app\",server=\"10.0.0.1:80\",state=\"down\"} 0\n",
        "{pool=\"app\",server=\"unix:/run/\\\"a\\\"\",state=\"suspect\"} 1\n",
        "{pool=\"app\",server=\"unix:/run/\\\"a\\\"\",reason=\"status 503\"} 1\n",
        "\nsallyport_http_upstream_draining{pool=\"app\",server=\"10.0.0.1:80\"} 0\n",
        "\nsallyport_http_upstream_draining{pool=\"old\",server=\"10.0.0.3:80\"} 1\n"})
    EXPECT_THAT(text, HasSubstr(line));
  EXPECT_THAT(text, Not(HasSubstr("reason=\"good\"")));
}

TEST(UpstreamStatus, StatusNamesWhatIsNotUp) {
  const std::string json = status_json(Upstreams().snapshot());
  const std::string text = human_text(read_status(json, "here"));
  EXPECT_THAT(text, HasSubstr("servers     1 up; app unix:/run/\"a\" down (status 503); "
                              "old 10.0.0.3:80 draining (not known yet)\n"));
}

TEST(UpstreamStatus, WithoutPoolsNothingIsSaid) {
  const Sample sample;
  EXPECT_THAT(prometheus_text(sample.snapshot()), Not(HasSubstr("upstream_shards")));
  EXPECT_THAT(human_text(read_status(status_json(sample.snapshot()), "here")),
              Not(HasSubstr("servers")));
}

}  // namespace
}  // namespace sallyport::admin
