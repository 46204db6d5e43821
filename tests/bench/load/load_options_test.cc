#include "bench/load/load_options.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sallyport::lab {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class LoadOptionsTest : public ::testing::Test {
 protected:
  LoadOptionsTest() : file_(std::filesystem::temp_directory_path() / "load_options_test") {
    std::ofstream(file_) << "a secret\n";
    options_.target = "127.0.0.1";
    options_.secret_file = file_;
    options_.password_file = file_;
    options_.rate = 1000;
  }
  ~LoadOptionsTest() override { std::filesystem::remove(file_); }
  std::string complaint() {
    const auto settings = settings_of(options_);
    return settings ? "" : settings.error();
  }

  const std::filesystem::path file_;
  LoadOptions options_;
};

TEST_F(LoadOptionsTest, AnOpenLoopIsUnderstood) {
  const auto settings = settings_of(options_);
  ASSERT_TRUE(settings) << settings.error();
  EXPECT_EQ(settings->target.text(), "127.0.0.1:1812");
  EXPECT_EQ(settings->stage.pace, Pace::rate);
  EXPECT_EQ(settings->stage.duration_ns, 10'000'000'000u);
  EXPECT_EQ(settings->exchanges.timeout_ns, 5'000'000'000u);
  EXPECT_EQ(settings->workload.secret, Secret("a secret"));
}

TEST_F(LoadOptionsTest, AccountingHasItsOwnPortAndOpenSessions) {
  options_.method = "accounting";
  options_.password_file.clear();
  const auto settings = settings_of(options_);
  ASSERT_TRUE(settings) << settings.error();
  EXPECT_EQ(settings->target.port, 1813);
  EXPECT_GT(settings->exchanges.open_sessions, 1u);
}

TEST_F(LoadOptionsTest, RetransmissionHasATimeAndACount) {
  options_.retransmit = "250ms,7";
  const auto settings = settings_of(options_);
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->exchanges.resend_after_ns, 250'000'000u);
  EXPECT_EQ(settings->exchanges.resends, 7u);
}

TEST_F(LoadOptionsTest, WrongOptionsAreNamed) {
  const auto complains = [this](auto change, const char* about) {
    const LoadOptions before = options_;
    change(options_);
    EXPECT_THAT(complaint(), HasSubstr(about));
    options_ = before;
  };
  complains([](LoadOptions& o) { o.target = "nowhere"; }, "--target");
  complains([](LoadOptions& o) { o.secret_file = "/nonexistent"; }, "--secret-file");
  complains([](LoadOptions& o) { o.password_file.clear(); }, "--password-file");
  complains([](LoadOptions& o) { o.method = "telnet"; }, "--method");
  complains([](LoadOptions& o) { o.method = "replay:/nonexistent"; }, "/nonexistent");
  complains([](LoadOptions& o) { o.rate = 0; }, "--rate");
  complains([](LoadOptions& o) { o.window = 1; }, "--window");
  complains([](LoadOptions& o) { o.duration = "soon"; }, "--duration");
  complains([](LoadOptions& o) { o.duration = "0"; }, "no time");
  complains([](LoadOptions& o) { o.max_p99 = "fast"; }, "--max-p99");
  complains([](LoadOptions& o) { o.retransmit = "2s,many"; }, "--retransmit");
  complains([](LoadOptions& o) { o.retransmit = "2s,0"; }, "--retransmit");
  complains([](LoadOptions& o) { o.source_network = "10/8"; }, "--source-network");
  complains([](LoadOptions& o) { o.clients = o.ports = 60'000; }, "sockets");
  complains(
      [](LoadOptions& o) {
        o.rate = 0;
        o.search = true;
        o.requests = 5;
      },
      "--requests");
}

TEST(ParseRamp, GivesItsRates) {
  EXPECT_THAT(*parse_ramp("100:300:100"), ElementsAre(100, 200, 300));
  EXPECT_THAT(*parse_ramp("100:350:100"), ElementsAre(100, 200, 300));
  EXPECT_THAT(*parse_ramp("5:5:1"), ElementsAre(5));
}

TEST(ParseRamp, SaysWhatIsWrong) {
  for (const char* text : {"", "100", "100:200", "100:200:", "200:100:10", "1:2:3:4", "a:b:c",
                           "0:9:1", "1:9:0", "1:1e9:1", "1:nan:1", "-1:5:1", "1::2"}) {
    EXPECT_FALSE(parse_ramp(text)) << text;
  }
}

TEST(ParseDurationNs, KnowsMicroseconds) {
  EXPECT_EQ(parse_duration_ns("250us"), 250'000u);
  EXPECT_EQ(parse_duration_ns("2s"), 2'000'000'000u);
  EXPECT_FALSE(parse_duration_ns("us"));
  EXPECT_FALSE(parse_duration_ns("-1us"));
}

}  // namespace
}  // namespace sallyport::lab
