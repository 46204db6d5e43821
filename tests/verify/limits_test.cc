#include "verify/limits.h"

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

namespace sallyport::verify {
namespace {

constexpr Rate kNone{};

std::vector<LimitRates> only(Limited what, const LimitRates& rates) {
  std::vector<LimitRates> all(kLimited);
  all[static_cast<std::size_t>(what)] = rates;
  return all;
}

IpAddress address(std::string_view text) { return IpAddress::parse(text).value(); }
IpAddress v4(std::uint32_t number) { return IpAddress::v4(0x0a00'0000 + number); }

/// Takes until refused; how many there were.
int taken(Limits& limits, Limited what, const IpAddress& from, std::string_view user,
          std::uint64_t now_ms) {
  int count = 0;
  while (count < 10'000 && limits.take(what, from, user, now_ms) == LimitedBy::none) ++count;
  return count;
}

TEST(Limits, LetsACountThroughAndMoreAsTheWindowSlides) {
  Limits limits(only(Limited::send, {.address = {3, 1'000}}), 64, 100);
  for (const std::uint64_t now_ms : {0U, 400U, 800U})
    EXPECT_EQ(limits.take(Limited::send, v4(1), "", now_ms), LimitedBy::none);
  EXPECT_EQ(limits.take(Limited::send, v4(1), "", 999), LimitedBy::address);
  EXPECT_EQ(limits.take(Limited::send, v4(1), "", 1'000), LimitedBy::none);
  EXPECT_EQ(limits.take(Limited::send, v4(1), "", 1'399), LimitedBy::address);
  EXPECT_EQ(limits.take(Limited::send, v4(1), "", 1'400), LimitedBy::none);
}

TEST(Limits, SaysWhichOneRefused) {
  const LimitRates rates{
      .address = {4, 1'000}, .user = {3, 1'000}, .pair = {2, 1'000}, .global = {6, 1'000}};
  Limits limits(only(Limited::check, rates), 64, 100);
  EXPECT_EQ(taken(limits, Limited::check, v4(1), "ann", 0), 2);
  EXPECT_EQ(limits.take(Limited::check, v4(1), "ann", 0), LimitedBy::pair);
  EXPECT_EQ(limits.take(Limited::check, v4(2), "ann", 0), LimitedBy::none);
  EXPECT_EQ(limits.take(Limited::check, v4(3), "ann", 0), LimitedBy::user);
  EXPECT_EQ(taken(limits, Limited::check, v4(1), "bob", 0), 2);
  EXPECT_EQ(limits.take(Limited::check, v4(1), "eve", 0), LimitedBy::address);
  EXPECT_EQ(limits.take(Limited::check, v4(4), "eve", 0), LimitedBy::none);
  EXPECT_EQ(limits.take(Limited::check, v4(5), "fay", 0), LimitedBy::global);
  EXPECT_STREQ(to_text(LimitedBy::global), "global");
}

TEST(Limits, CountsNothingThatIsRefused) {
  const LimitRates rates{.address = {100, 1'000}, .user = {1, 1'000}, .global = {3, 1'000}};
  Limits limits(only(Limited::check, rates), 64, 100);
  EXPECT_EQ(taken(limits, Limited::check, v4(1), "ann", 0), 1);
  for (std::uint64_t now_ms = 1; now_ms < 1'000; ++now_ms)
    ASSERT_EQ(limits.take(Limited::check, v4(1), "ann", now_ms), LimitedBy::user);
  // Trying on has not made the wait longer, nor used up what is everybody's.
  EXPECT_EQ(limits.take(Limited::check, v4(1), "ann", 1'000), LimitedBy::none);
  EXPECT_EQ(limits.take(Limited::check, v4(1), "bob", 1'000), LimitedBy::none);
  EXPECT_EQ(limits.take(Limited::check, v4(1), "eve", 1'000), LimitedBy::none);
  EXPECT_EQ(limits.take(Limited::check, v4(2), "fay", 1'000), LimitedBy::global);
  EXPECT_EQ(limits.entries(), 4U);  // v4(1), ann, bob, eve: the refused left nothing behind
}

TEST(Limits, TakesAnIpv6PrefixForOneAddress) {
  Limits limits(only(Limited::start, {.address = {2, 1'000}}), 56, 100);
  EXPECT_EQ(limits.take(Limited::start, address("2001:db8:0:1ff::1"), "", 0), LimitedBy::none);
  EXPECT_EQ(limits.take(Limited::start, address("2001:db8:0:100::2"), "", 0), LimitedBy::none);
  EXPECT_EQ(limits.take(Limited::start, address("2001:db8:0:123::3"), "", 0), LimitedBy::address);
  EXPECT_EQ(limits.take(Limited::start, address("2001:db8:0:200::3"), "", 0), LimitedBy::none);
  EXPECT_EQ(taken(limits, Limited::start, address("192.0.2.1"), "", 0), 2);
  EXPECT_EQ(taken(limits, Limited::start, address("::ffff:192.0.2.1"), "", 0), 0);
  EXPECT_EQ(taken(limits, Limited::start, address("192.0.2.2"), "", 0), 2);
}

TEST(Limits, KeepsEachThatIsLimitedApart) {
  std::vector<LimitRates> rates(kLimited, LimitRates{.address = {1, 1'000}});
  rates[static_cast<std::size_t>(Limited::captcha)] = {};
  Limits limits(rates, 64, 100);
  for (std::size_t what = 0; what < kLimited; ++what) {
    const bool unlimited = static_cast<Limited>(what) == Limited::captcha;
    EXPECT_EQ(taken(limits, static_cast<Limited>(what), v4(1), "", 0), unlimited ? 10'000 : 1);
  }
  EXPECT_EQ(limits.entries(), kLimited - 1);  // what has no limit takes no memory
}

TEST(Limits, ForgetsOneUserWhateverTheAddress) {
  const LimitRates rates{.address = kNone, .user = {4, 1'000}, .pair = {2, 1'000}};
  Limits limits(std::vector<LimitRates>(kLimited, rates), 64, 1'000);
  for (const char* user : {"ann", "bob"}) {
    for (std::uint32_t from = 0; from < 4; ++from) {
      taken(limits, Limited::check, v4(from), user, 0);
      taken(limits, Limited::send, v4(from), user, 0);
    }
  }
  limits.forget_user("ann");
  for (const Limited what : {Limited::check, Limited::send}) {
    EXPECT_EQ(taken(limits, what, v4(0), "ann", 0), 2);
    EXPECT_EQ(taken(limits, what, v4(1), "ann", 0), 2);
    EXPECT_EQ(limits.take(what, v4(2), "ann", 0), LimitedBy::user);
    EXPECT_EQ(limits.take(what, v4(2), "bob", 0), LimitedBy::user);
    EXPECT_EQ(limits.take(what, v4(0), "bob", 0), LimitedBy::user);
  }
  limits.forget_user("nobody");
}

TEST(Limits, LetAFloodForgetOnlyItsOwnSort) {
  const LimitRates rates{.address = {1, 1'000}, .user = {1, 1'000}, .pair = {1, 1'000}};
  Limits limits(std::vector<LimitRates>(kLimited, rates), 64, 1'800);  // a hundred each
  ASSERT_EQ(limits.take(Limited::check, v4(1'000'000), "ann", 0), LimitedBy::none);
  // A hundred thousand addresses and users, at every other thing that is limited, and of addresses
  // without a user at the same.
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    ASSERT_NE(limits.take(Limited::start, v4(i), "user" + std::to_string(i), 1), LimitedBy::user);
    ASSERT_NE(limits.take(Limited::check, v4(i), "", 1), LimitedBy::user);
  }
  EXPECT_LE(limits.entries(), 1'800U);
  EXPECT_EQ(limits.take(Limited::check, v4(5), "ann", 2), LimitedBy::user);
}

TEST(Limits, DoNotForgetWhoTriesOn) {
  Limits limits(only(Limited::check, {.address = {1, 1'000'000}}), 64, 100);
  ASSERT_EQ(limits.take(Limited::check, v4(0), "", 0), LimitedBy::none);
  for (std::uint32_t i = 1; i < 10'000; ++i) {
    ASSERT_EQ(limits.take(Limited::check, v4(i), "", i), LimitedBy::none);
    ASSERT_EQ(limits.take(Limited::check, v4(0), "", i), LimitedBy::address);
  }
  // Of the others the hundredth last is forgotten, the one after it is not.
  EXPECT_EQ(limits.entries(), 100U);
  EXPECT_EQ(limits.take(Limited::check, v4(9'901), "", 10'000), LimitedBy::address);
  EXPECT_EQ(limits.take(Limited::check, v4(9'900), "", 10'000), LimitedBy::none);
}

TEST(Limits, StandAClockThatGoesBack) {
  Limits limits(only(Limited::check, {.address = {2, 1'000}}), 64, 100);
  EXPECT_EQ(limits.take(Limited::check, v4(1), "", 5'000), LimitedBy::none);
  EXPECT_EQ(limits.take(Limited::check, v4(1), "", 4'000), LimitedBy::none);
  EXPECT_EQ(limits.take(Limited::check, v4(1), "", 4'500), LimitedBy::address);
  EXPECT_EQ(limits.take(Limited::check, v4(1), "", 5'999), LimitedBy::address);
  EXPECT_EQ(taken(limits, Limited::check, v4(1), "", 6'000), 2);
}

/// What Limits say they do, done without a thought for memory.
class Naive {
 public:
  explicit Naive(const LimitRates& rates) : rates_(rates) {}

  LimitedBy take(std::uint32_t from, const std::string& user, std::uint64_t now_ms) {
    const std::string address = std::to_string(from);
    const std::vector<std::tuple<LimitedBy, Rate, std::string>> all = {
        {LimitedBy::address, rates_.address, "a" + address},
        {LimitedBy::user, rates_.user, user.empty() ? "" : "u" + user},
        {LimitedBy::pair, rates_.pair, user.empty() ? "" : "p" + user + "/" + address},
        {LimitedBy::global, rates_.global, "g"}};
    for (const auto& [by, rate, key] : all) {
      if (key.empty() || rate.count == 0) continue;
      const auto recent = std::ranges::count_if(
          events_[key], [&](std::uint64_t at) { return at + rate.window_ms > now_ms; });
      if (recent >= rate.count) return by;
    }
    for (const auto& [by, rate, key] : all) events_[key].push_back(now_ms);
    return LimitedBy::none;
  }

 private:
  LimitRates rates_;
  std::map<std::string, std::vector<std::uint64_t>> events_;
};

TEST(Limits, AreWhatANaiveCountSays) {
  std::mt19937 random(20'240'601);
  const auto upto = [&](std::uint32_t most) {
    return static_cast<std::uint32_t>(random() % (most + 1));
  };
  for (int round = 0; round < 60; ++round) {
    const auto rate = [&] { return Rate{.count = upto(12), .window_ms = 1 + upto(2'000)}; };
    const LimitRates rates{.address = rate(), .user = rate(), .pair = rate(), .global = rate()};
    Limits limits(only(Limited::check, rates), 64, 10'000);
    Naive naive(rates);
    std::uint64_t now_ms = 0;
    for (int i = 0; i < 500; ++i) {
      now_ms += upto(3) == 0 ? upto(300) : upto(5);
      const std::uint32_t from = upto(3);
      const std::string user = upto(3) == 0 ? "" : std::string(1, static_cast<char>('a' + upto(3)));
      ASSERT_EQ(limits.take(Limited::check, v4(from), user, now_ms), naive.take(from, user, now_ms))
          << "round " << round << ", event " << i;
    }
  }
}

TEST(Limits, OfLargeCountsAreNeverExceededAndHardlyStricter) {
  std::mt19937 random(5);
  for (int round = 0; round < 40; ++round) {
    const Rate rate{.count = 33 + static_cast<std::uint32_t>(random() % 300),
                    .window_ms = 1 + static_cast<std::uint32_t>(random() % 5'000)};
    const std::uint32_t slice_ms = rate.window_ms / 32 + 1;
    Limits limits(only(Limited::send, {.global = rate}), 64, 10);
    std::vector<std::uint64_t> events;
    const auto since = [&](std::uint64_t now_ms, std::uint64_t span_ms) {
      return std::ranges::count_if(events, [&](auto at) { return at + span_ms > now_ms; });
    };
    std::uint64_t now_ms = 0;
    for (int i = 0; i < 2'000; ++i) {
      now_ms += random() % 4 == 0 ? random() % (rate.window_ms / 20 + 2) : 0;
      if (limits.take(Limited::send, v4(1), "", now_ms) == LimitedBy::none) {
        ASSERT_LT(since(now_ms, rate.window_ms), rate.count);
        events.push_back(now_ms);
      } else {
        ASSERT_GE(since(now_ms, rate.window_ms + slice_ms), rate.count);
      }
    }
  }
}

}  // namespace
}  // namespace sallyport::verify
