#include "protocol/octets.h"

#include <algorithm>
#include <array>
#include <vector>

#include <gtest/gtest.h>

#include "protocol/check.h"
#include "protocol/random.h"
#include "protocol/secret.h"

namespace sallyport {
namespace {

TEST(EqualConstantTime, ComparesEveryOctetAndTheLength) {
  const std::vector<std::uint8_t> a(32, 7);
  EXPECT_TRUE(equal_constant_time(a, a));
  EXPECT_TRUE(equal_constant_time({}, {}));
  for (std::size_t at = 0; at < a.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::vector<std::uint8_t> b = a;
      b[at] ^= static_cast<std::uint8_t>(1 << bit);
      EXPECT_FALSE(equal_constant_time(a, b)) << at;
    }
  }
  EXPECT_FALSE(equal_constant_time(a, Octets(a).first(31)));
  EXPECT_FALSE(equal_constant_time(a, {}));
}

TEST(Wipe, LeavesZeros) {
  std::vector<std::uint8_t> octets(100, 0xff);
  wipe(octets);
  EXPECT_EQ(octets, std::vector<std::uint8_t>(100, 0));
  wipe({});
}

TEST(Secret, ComparesByValueAndMovesOut) {
  Secret secret(std::string_view("s3cret"));
  const Secret same(as_octets("s3cret"));
  EXPECT_TRUE(secret == same);
  EXPECT_FALSE(secret == Secret(std::string_view("s3cres")));
  EXPECT_FALSE(secret == Secret());
  const Secret moved = std::move(secret);
  EXPECT_EQ(as_text(moved.reveal()), "s3cret");
}

TEST(SystemRandom, NeverRepeatsAcrossBlocksAndLargeRequests) {
  SystemRandom random;
  std::vector<std::array<std::uint8_t, 16>> seen(1000);  // 16,000 octets: four blocks
  for (auto& each : seen) random.fill(each);
  std::ranges::sort(seen);
  EXPECT_EQ(std::ranges::adjacent_find(seen), seen.end());

  std::vector<std::uint8_t> large(10'000), again(10'000);
  random.fill(large);
  random.fill(again);
  EXPECT_NE(large, again);
  random.fill({});
}

TEST(CheckDeathTest, EndsTheProcessAndSaysWhere) {
  EXPECT_DEATH(CHECK(1 + 1 == 3), "octets_test.cc:[0-9]+: CHECK\\(1 \\+ 1 == 3\\)");
  CHECK(1 + 1 == 2);
}

}  // namespace
}  // namespace sallyport
