#include "engine/radius/link_connections.h"

#include <gtest/gtest.h>

namespace sallyport::radius_door {
namespace {

using Due = LinkConnections::Due;
constexpr std::uint16_t kLeast = 0;
constexpr std::uint16_t kMost = 0xffff;
constexpr std::uint16_t kMiddle = 0x7fff;

class LinkConnectionsTest : public ::testing::Test {
 protected:
  LinkConnectionsTest() {
    connections_.set_rules({.status_server = config::StatusServer::yes, .interval_ms = 10'000});
    connections_.keep(true);
  }
  void open(std::uint16_t number, std::uint64_t now_ms, std::uint16_t dice = kMiddle) {
    connections_.begun(number, now_ms);
    connections_.opened(number, radius::Version::v1_0, now_ms, dice);
  }
  LinkConnections connections_{4};
};

TEST_F(LinkConnectionsTest, WantsOneAtOnceAndNoneForAServerThatIsGone) {
  EXPECT_EQ(connections_.next_to_begin(1'000), 0);
  EXPECT_EQ(connections_.next_ms(), 0u);
  connections_.keep(false);
  EXPECT_EQ(connections_.next_to_begin(1'000), std::nullopt);
  EXPECT_EQ(connections_.next_ms(), std::nullopt);
}

TEST_F(LinkConnectionsTest, BeginsThemOneAtATimeAsTheLoadAsks) {
  connections_.want_more();  // the first is not there yet
  connections_.begun(0, 1'000);
  EXPECT_EQ(connections_.next_to_begin(1'000), std::nullopt);
  connections_.want_more();
  connections_.opened(0, radius::Version::v1_0, 1'001, kMiddle);
  EXPECT_EQ(connections_.next_to_begin(1'001), std::nullopt);
  for (std::uint16_t number = 1; number < 4; ++number) {
    connections_.want_more();
    EXPECT_EQ(connections_.next_to_begin(1'001), number);
    open(number, 1'001);
  }
  connections_.want_more();
  EXPECT_EQ(connections_.next_to_begin(1'001), std::nullopt);
  // One that the load no longer needs is not begun anew.
  EXPECT_TRUE(connections_.ended(2, 2'000, kLeast));
  EXPECT_EQ(connections_.next_to_begin(9'000'000), std::nullopt);
  EXPECT_EQ(connections_.open(), 3u);
}

TEST_F(LinkConnectionsTest, WaitsHalfASecondThenTwiceAsLongToAMinute) {
  std::uint64_t now_ms = 1'000;
  for (const std::uint64_t wait_ms :
       {500, 1'000, 2'000, 4'000, 8'000, 16'000, 32'000, 60'000, 60'000, 60'000}) {
    connections_.begun(0, now_ms);
    EXPECT_TRUE(connections_.ended(0, now_ms, kLeast));
    EXPECT_EQ(connections_.next_to_begin(now_ms + wait_ms - 1), std::nullopt);
    EXPECT_EQ(connections_.next_ms(), now_ms + wait_ms);
    now_ms += wait_ms;
    EXPECT_EQ(connections_.next_to_begin(now_ms), 0);
  }
}

TEST_F(LinkConnectionsTest, SpreadsAttemptsAndNeverShortensTheWait) {
  connections_.begun(0, 1'000);
  EXPECT_TRUE(connections_.ended(0, 1'000, kMost));
  EXPECT_EQ(connections_.next_ms(), 1'000u + 500 + 125);
}

TEST_F(LinkConnectionsTest, BeginsAnewOnceTheServerHasProvedSomething) {
  for (int i = 0; i < 5; ++i) {
    connections_.begun(0, 1'000);
    EXPECT_TRUE(connections_.ended(0, 1'000, kLeast));
  }
  // Open alone proves nothing: it may refuse us with the first packet.
  open(0, 100'000);
  EXPECT_TRUE(connections_.ended(0, 100'000, kLeast));
  EXPECT_EQ(connections_.next_ms(), 100'000u + 16'000);
  open(0, 200'000);
  connections_.heard(0, 200'000);
  EXPECT_FALSE(connections_.ended(0, 200'000, kLeast));
  EXPECT_EQ(connections_.next_ms(), 200'000u + 500);
}

TEST_F(LinkConnectionsTest, GivesUpOneThatIsNotOpenInTime) {
  connections_.begun(0, 1'000);
  EXPECT_EQ(connections_.next_ms(), 1'000u + LinkConnections::kOpenWithinMs);
  EXPECT_EQ(connections_.due(0, 1'000 + LinkConnections::kOpenWithinMs - 1), Due::nothing);
  EXPECT_EQ(connections_.due(0, 1'000 + LinkConnections::kOpenWithinMs), Due::slow);
}

TEST_F(LinkConnectionsTest, AsksWhoIsIdleAndGivesUpWhoDoesNotAnswer) {
  open(0, 0, kLeast);
  EXPECT_EQ(connections_.next_ms(), 9'000u);  // 10 s, less a tenth
  EXPECT_EQ(connections_.due(0, 8'999), Due::nothing);
  EXPECT_EQ(connections_.due(0, 9'000), Due::ask);
  connections_.asked(0, {}, 9'000, kMost);
  EXPECT_EQ(connections_.next_ms(), 9'000u + 11'000);
  EXPECT_EQ(connections_.due(0, 19'999), Due::nothing);
  EXPECT_EQ(connections_.due(0, 20'000), Due::silent);
}

TEST_F(LinkConnectionsTest, AnyPacketIsASignOfLife) {
  open(0, 0, kLeast);
  connections_.heard(0, 5'000);
  EXPECT_EQ(connections_.due(0, 9'000), Due::nothing);
  EXPECT_EQ(connections_.due(0, 14'000), Due::ask);
  connections_.asked(0, {}, 14'000, kLeast);
  EXPECT_NE(connections_.question(0), nullptr);
  connections_.heard(0, 15'000);
  EXPECT_EQ(connections_.question(0), nullptr);
  EXPECT_EQ(connections_.due(0, 23'000), Due::nothing);
  EXPECT_EQ(connections_.due(0, 24'000), Due::ask);
}

TEST_F(LinkConnectionsTest, SilenceCountsOnceAServerHasAnswered) {
  connections_.set_rules({.status_server = config::StatusServer::automatic, .interval_ms = 10'000});
  open(0, 0, kLeast);
  connections_.asked(0, {}, 9'000, kLeast);
  EXPECT_EQ(connections_.due(0, 18'000), Due::ask);  // it may know none
  connections_.asked(0, {}, 18'000, kLeast);
  connections_.status_answered(0, 19'000);
  connections_.asked(0, {}, 28'000, kLeast);
  EXPECT_EQ(connections_.due(0, 37'000), Due::silent);
}

TEST_F(LinkConnectionsTest, WhoLeavesRequestsAndAllElseUnansweredIsDeadInAnyCase) {
  connections_.set_rules({.status_server = config::StatusServer::no, .interval_ms = 10'000});
  open(0, 0, kLeast);
  EXPECT_EQ(connections_.due(0, 9'000), Due::nothing);
  EXPECT_EQ(connections_.due(0, 90'000), Due::nothing);  // nothing was asked of it
  connections_.sent(0, 90'000);
  connections_.sent(0, 100'000);
  EXPECT_EQ(connections_.due(0, 116'999), Due::nothing);
  EXPECT_EQ(connections_.due(0, 117'000), Due::silent);
  connections_.heard(0, 117'000);
  EXPECT_EQ(connections_.due(0, 200'000), Due::nothing);
}

TEST_F(LinkConnectionsTest, ATokenHoldsItsIdentifierAndIsNotUsedAgainSoon) {
  open(0, 0);
  const radius::Authenticator first = connections_.token(0, {77});
  const radius::Authenticator second = connections_.token(0, {77});
  EXPECT_NE(first, second);
  EXPECT_EQ(LinkConnections::identifier_of(first).value, 77);
  EXPECT_EQ(LinkConnections::identifier_of(second).value, 77);
  for (std::size_t i = 4; i < first.octets.size(); ++i) EXPECT_EQ(second.octets[i], 0);
}

}  // namespace
}  // namespace sallyport::radius_door
