#include "verify/notakey/token_cache.h"

#include <gtest/gtest.h>

namespace sallyport::verify::notakey {
namespace {

using Need = TokenCache::Need;

TEST(TokenCache, OneFetchForAllWhoWait) {
  TokenCache cache;
  EXPECT_EQ(cache.want(1, 0), Need::fetch);
  EXPECT_EQ(cache.want(2, 0), Need::waiting);
  cache.fetched("t", 7'200, 1'000);
  EXPECT_EQ(cache.take_waiters(), (std::vector<std::uint32_t>{1, 2}));
  EXPECT_EQ(cache.want(3, 1'000), Need::ready);
  EXPECT_EQ(as_text(cache.token()), "t");
  EXPECT_TRUE(cache.take_waiters().empty());
}

TEST(TokenCache, LifeIsCountedFromReceiptLessAMargin) {
  struct Case {
    std::optional<std::uint64_t> expires_in_s;
    std::uint64_t usable_ms;
  };
  for (const Case& c : {Case{7'200, 7'140'000}, Case{100, 90'000}, Case{std::nullopt, 270'000},
                        Case{0, 0}, Case{UINT64_MAX, 86'340'000}}) {
    TokenCache cache;
    static_cast<void>(cache.want(1, 0));
    cache.fetched("t", c.expires_in_s, 5'000);
    if (c.usable_ms > 0) {
      EXPECT_EQ(cache.want(1, 5'000 + c.usable_ms - 1), Need::ready);
    }
    EXPECT_EQ(cache.want(1, 5'000 + c.usable_ms), Need::fetch);
  }
}

TEST(TokenCache, OnlyTheRefusedGenerationIsDropped) {
  TokenCache cache;
  static_cast<void>(cache.want(1, 0));
  cache.fetched("old", 7'200, 0);
  const std::uint32_t old = cache.generation();
  cache.drop(old);
  EXPECT_EQ(cache.want(1, 0), Need::fetch);
  cache.fetched("new", 7'200, 0);
  cache.drop(old);  // a late refusal of the old one
  EXPECT_EQ(cache.want(1, 0), Need::ready);
  EXPECT_EQ(as_text(cache.token()), "new");
}

TEST(TokenCache, FailureKeepsItsReasonAndTheTimeItAskedFor) {
  TokenCache cache;
  static_cast<void>(cache.want(1, 0));
  cache.failed({.kind = FaultKind::http, .http_status = 429}, 3'000);
  EXPECT_EQ(cache.want(2, 2'999), Need::refused);
  EXPECT_EQ(describe(cache.last_fault()).view(), "token: http 429");
  EXPECT_EQ(cache.want(2, 3'000), Need::fetch);
}

}  // namespace
}  // namespace sallyport::verify::notakey
