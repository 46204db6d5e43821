#include "engine/radius/spool/spool_database.h"

#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sallyport::radius_door {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

constexpr std::uint64_t kNowMs = 1'700'000'000'000;
const IpAddress kClient = *IpAddress::parse("192.0.2.7");

RecordNames names(std::uint64_t session, std::uint8_t fingerprint) {
  RecordNames names{.session = session, .fingerprint = {}};
  names.fingerprint.fill(fingerprint);
  return names;
}

class SpoolDatabaseTest : public ::testing::Test {
 protected:
  void open(std::uint64_t max_octets = 1 << 24) {
    auto opened = SpoolDatabase::open(path_, max_octets);
    ASSERT_TRUE(opened.has_value()) << opened.error();
    database_ = std::move(*opened);
  }
  std::optional<std::uint64_t> store(const RecordNames& names, std::uint64_t now_ms = kNowMs) {
    EXPECT_TRUE(database_->begin());
    const auto id = database_->store(names, kClient, as_octets("packet"), now_ms);
    EXPECT_TRUE(id.has_value());
    EXPECT_TRUE(database_->commit());
    return id.value_or(std::nullopt);
  }
  void deliver(std::uint64_t id) {
    EXPECT_TRUE(database_->begin());
    EXPECT_TRUE(database_->delivered(id));
    EXPECT_TRUE(database_->commit());
  }
  std::vector<std::pair<std::uint64_t, std::uint64_t>> waiting() {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> all;
    EXPECT_TRUE(database_->for_each_waiting(
        [&](std::uint64_t id, std::uint64_t session) { all.emplace_back(id, session); }));
    return all;
  }

  std::string path_ = ":memory:";
  std::unique_ptr<SpoolDatabase> database_;
};

TEST_F(SpoolDatabaseTest, KeepsRecordsInTheirOrderAndGivesThemBack) {
  open();
  const auto first = store(names(7, 1));
  const auto second = store(names(8, 2));
  ASSERT_TRUE(first && second);
  EXPECT_THAT(waiting(), ElementsAre(Pair(*first, 7U), Pair(*second, 8U)));
  const auto record = database_->read(*first);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->packet, "packet");
  EXPECT_EQ(record->client, kClient);
  EXPECT_EQ(record->stored_ms, kNowMs);
  EXPECT_EQ(database_->oldest_ms(), kNowMs);
}

TEST_F(SpoolDatabaseTest, KnowsARecordAgainWaitingOrDelivered) {
  open();
  const auto first = store(names(7, 1));
  EXPECT_FALSE(store(names(7, 1), kNowMs + kKnownForMs - 1));
  deliver(*first);
  EXPECT_TRUE(waiting().empty());
  EXPECT_FALSE(database_->read(*first));
  EXPECT_FALSE(store(names(7, 1), kNowMs + kKnownForMs - 1));
  EXPECT_EQ(database_->oldest_ms(), 0U);
}

TEST_F(SpoolDatabaseTest, TheSameOctetsLaterAreAnotherRecord) {
  open();
  const auto first = store(names(7, 1));
  const auto later = store(names(7, 1), kNowMs + kKnownForMs);
  ASSERT_TRUE(later);
  EXPECT_GT(*later, *first);
}

TEST_F(SpoolDatabaseTest, ForgetsDeliveredOnesAndNeverReusesANumber) {
  open();
  const auto first = store(names(7, 1));
  deliver(*first);
  EXPECT_TRUE(database_->begin());
  EXPECT_TRUE(database_->sweep(kNowMs + kKnownForMs, 100));
  EXPECT_TRUE(database_->commit());
  const auto again = store(names(7, 1));
  ASSERT_TRUE(again);
  EXPECT_GT(*again, *first);
}

TEST_F(SpoolDatabaseTest, WhatIsRolledBackIsNotThere) {
  open();
  EXPECT_TRUE(database_->begin());
  EXPECT_TRUE(database_->store(names(7, 1), kClient, as_octets("packet"), kNowMs).has_value());
  database_->roll_back();
  EXPECT_TRUE(waiting().empty());
  EXPECT_TRUE(store(names(7, 1)));
}

TEST_F(SpoolDatabaseTest, SaysThatItIsFullAndTakesAgainWhatIsDelivered) {
  open(64 * 4'096);
  const std::string packet(4'000, 'x');
  std::vector<std::uint64_t> ids;
  for (std::uint8_t i = 0;; ++i) {
    ASSERT_LT(i, 100);
    ASSERT_TRUE(database_->begin());
    const auto id = database_->store(names(i, i), kClient, as_octets(packet), kNowMs);
    if (!id) {
      EXPECT_EQ(id.error(), SpoolError::full);
      database_->roll_back();
      break;
    }
    ASSERT_TRUE(database_->commit());
    ids.push_back(**id);
  }
  EXPECT_EQ(waiting().size(), ids.size());
  for (const std::uint64_t id : ids) deliver(id);
  EXPECT_TRUE(store(names(200, 200)));
}

}  // namespace
}  // namespace sallyport::radius_door
