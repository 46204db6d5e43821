#include "bench/load/workload/numbered_text.h"

#include <gtest/gtest.h>

namespace sallyport::lab {
namespace {

std::string text(std::string_view pattern, std::uint64_t number) {
  const auto parsed = NumberedText::parse(pattern);
  if (!parsed) return parsed.error();
  std::string out(parsed->octets(), '?');
  parsed->write(number, {reinterpret_cast<std::uint8_t*>(out.data()), out.size()});
  return out;
}

TEST(NumberedText, FillsThePatternIn) {
  EXPECT_EQ(text("user-%07u", 42), "user-0000042");
  EXPECT_EQ(text("%03u@example.org", 999), "999@example.org");
  EXPECT_EQ(text("alice", 5), "alice");
  EXPECT_EQ(text("%018u", 123'456'789'012'345'678), "123456789012345678");
}

TEST(NumberedText, CountsItsTexts) {
  EXPECT_EQ(NumberedText::parse("user-%07u")->count(), 10'000'000U);
  EXPECT_EQ(NumberedText::parse("alice")->count(), 1U);
}

TEST(NumberedText, RefusesOtherPatterns) {
  for (const std::string_view pattern :
       {"%", "%u", "%7u", "%0u", "%00u", "%019u", "%07", "%07d", "100%", "%0-7u", "%03u%03u"}) {
    EXPECT_FALSE(NumberedText::parse(pattern).has_value()) << pattern;
  }
  EXPECT_EQ(NumberedText::parse("u%d").error(),
            "pattern 'u%d': after % comes 0, how many digits (1 to 18) and u, as in user-%07u");
}

}  // namespace
}  // namespace sallyport::lab
