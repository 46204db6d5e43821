#include "verify/gate/secrets.h"

#include <array>
#include <set>

#include <gtest/gtest.h>

namespace sallyport::verify {
namespace {

/// Gives the octets 0, 1, 2 … 255, 0 …
class CountingRandom final : public RandomSource {
 public:
  void fill(MutableOctets out) noexcept override {
    for (std::uint8_t& octet : out) octet = next_++;
  }

 private:
  std::uint8_t next_ = 0;
};

TEST(Secrets, DigitsAreAllEquallyLikely) {
  CountingRandom random;  // 250 of its 256 octets are taken: 25 for each digit
  std::array<int, 10> counts{};
  for (const char digit : random_digits(random, 250))
    ++counts[static_cast<std::size_t>(digit - '0')];
  for (const int count : counts) EXPECT_EQ(count, 25);
}

TEST(Secrets, AreLongAndNeverTheSame) {
  std::set<std::string> secrets;
  for (int i = 0; i < 100; ++i) {
    const std::string secret = random_secret(thread_random());
    EXPECT_EQ(secret.size(), 43);
    EXPECT_TRUE(secrets.insert(secret).second);
  }
}

TEST(Secrets, HashesAreThoseOfTheStandards) {
  EXPECT_EQ(hash_of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  // RFC 4231 §4.3, in base64url.
  EXPECT_EQ(keyed_hash("Jefe", "what do ya want for nothing?"),
            "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM");
}

TEST(Secrets, AnEmptyOneIsEqualToNone) {
  EXPECT_TRUE(same_secret("a", "a"));
  EXPECT_FALSE(same_secret("a", "b"));
  EXPECT_FALSE(same_secret("a", "ab"));
  EXPECT_FALSE(same_secret("", ""));
}

TEST(Secrets, ASeedGivesTheSameOctetsHoweverTheyAreDrawn) {
  std::array<std::uint8_t, 64> whole{};
  SeededRandom("seed").fill(whole);
  std::array<std::uint8_t, 64> again{};
  SeededRandom("seed").fill(again);
  EXPECT_EQ(whole, again);
  SeededRandom("other").fill(again);
  EXPECT_NE(whole, again);
}

}  // namespace
}  // namespace sallyport::verify
