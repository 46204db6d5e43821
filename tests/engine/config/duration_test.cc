#include "engine/config/duration.h"

#include <gtest/gtest.h>

namespace sallyport::config {
namespace {

TEST(Duration, ReadsNumbersWithUnits) {
  const struct {
    std::string_view text;
    std::uint32_t ms;
  } cases[] = {{"500ms", 500},
               {"60s", 60'000},
               {"1m30s", 90'000},
               {"2h", 7'200'000},
               {"1h2m3s4ms", 3'723'004},
               {"0s", 0},
               {"4294967295ms", 4'294'967'295}};
  for (const auto& [text, ms] : cases) EXPECT_EQ(parse_duration_ms(text), ms) << text;
}

TEST(Duration, RefusesTheRestAndSaysWhy) {
  const struct {
    std::string_view text;
    DurationError error;
  } cases[] = {{"", DurationError::empty},
               {"60", DurationError::no_unit},
               {"1m30", DurationError::no_unit},
               {"5d", DurationError::unknown_unit},
               {"5 s", DurationError::unknown_unit},
               {"s", DurationError::malformed},
               {"-5s", DurationError::malformed},
               {"+5s", DurationError::malformed},
               {" 5s", DurationError::malformed},
               {"1.5s", DurationError::unknown_unit},
               {"5s ", DurationError::malformed},
               {"4294967296ms", DurationError::too_long},
               {"4294967295ms1ms", DurationError::too_long},
               {"99999999999999999999999s", DurationError::too_long},
               {"18446744073709551615h", DurationError::too_long}};
  for (const auto& [text, error] : cases) {
    const auto parsed = parse_duration_ms(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error(), error) << text;
  }
}

TEST(Duration, WritesWhatItReads) {
  for (const std::uint32_t ms : {0U, 1U, 999U, 1'000U, 60'000U, 90'000U, 3'723'004U, 86'400'000U}) {
    EXPECT_EQ(parse_duration_ms(duration_text(ms)), ms) << duration_text(ms);
  }
  EXPECT_EQ(duration_text(90'000), "1m30s");
}

TEST(Seconds, ReadsTheFormsOfNotakeysProxy) {
  const struct {
    std::string_view text;
    std::uint32_t ms;
  } cases[] = {{"5", 5'000},           {"2.5", 2'500},      {"0.25", 250},
               {"1.0009", 1'000},      {"00:00:05", 5'000}, {"00:01:30", 90'000},
               {"1:00:00", 3'600'000}, {"00:00:00.5", 500}};
  for (const auto& [text, ms] : cases) EXPECT_EQ(parse_seconds_ms(text), ms) << text;
}

TEST(Seconds, RefusesTheRest) {
  for (const std::string_view text :
       {"", "x", "5s", "5.", ".5", "-1", "+1", "1e3", "1:2", "00:60:00", "00:00:", "::", "1.5.5",
        "0x5", "5 ", "99999999999999999999", "4294968"}) {
    EXPECT_FALSE(parse_seconds_ms(text)) << text;
  }
}

}  // namespace
}  // namespace sallyport::config
