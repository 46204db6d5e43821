#include "engine/radius/spool/delivery.h"

#include <map>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/engine/radius/door_harness.h"

namespace sallyport::radius_door {
namespace {

using ::testing::ElementsAre;

constexpr std::uint32_t kIntervalMs = 1'000;
/// A round lasts 15 intervals; with all jitter upwards 1.1 + 2.31 + 4.85 + 10.19.
constexpr std::uint64_t kRoundMs = 18'500;

class DeliveryTest : public ::testing::Test {
 protected:
  /// All that may leave now, by record.
  std::map<std::uint64_t, DeliveryChannel> departures() {
    std::map<std::uint64_t, DeliveryChannel> out;
    while (const auto departure = delivery_.next(now_ms_)) {
      out.emplace(departure->record, departure->channel);
    }
    return out;
  }
  std::vector<std::uint64_t> records_leaving() {
    std::vector<std::uint64_t> out;
    while (const auto departure = delivery_.next(now_ms_)) {
      out.push_back(departure->record);
      channels_[departure->record] = departure->channel;
    }
    return out;
  }
  unsigned repeats() {
    unsigned count = 0;
    while (delivery_.repeat(now_ms_)) ++count;
    return count;
  }
  void run_to(std::uint64_t ms) {
    for (auto next = delivery_.next_deadline_ms(); next && *next <= ms;
         next = delivery_.next_deadline_ms()) {
      now_ms_ = *next;
      sent_again_ += repeats();
    }
    now_ms_ = ms;
  }
  auto acknowledge(std::uint64_t record) {
    return delivery_.acknowledged(channels_.at(record), now_ms_);
  }

  testing::SeededRandom random_{1};
  std::uint64_t now_ms_ = 1'000'000;
  Delivery delivery_{2, kIntervalMs, random_};
  std::map<std::uint64_t, DeliveryChannel> channels_;
  unsigned sent_again_ = 0;
};

TEST_F(DeliveryTest, RecordsOfOneSessionGoOneAfterTheOther) {
  delivery_.add(1, 7);
  delivery_.add(2, 7);
  delivery_.add(3, 8);
  EXPECT_THAT(records_leaving(), ElementsAre(1, 3));
  EXPECT_EQ(acknowledge(1), 1U);
  EXPECT_THAT(records_leaving(), ElementsAre(2));
  EXPECT_EQ(delivery_.waiting(), 2U);
}

TEST_F(DeliveryTest, OnlyWhatIsWaitedForIsAcknowledged) {
  delivery_.add(1, 7);
  records_leaving();
  EXPECT_FALSE(delivery_.acknowledged({channels_[1].number + 1}, now_ms_));
  EXPECT_FALSE(delivery_.acknowledged({100'000}, now_ms_));
  EXPECT_TRUE(acknowledge(1));
  EXPECT_FALSE(acknowledge(1));
  EXPECT_EQ(delivery_.waiting(), 0U);
}

TEST_F(DeliveryTest, TheSameOctetsFourTimesThenAnewUnderAnotherIdentifier) {
  delivery_.add(1, 7);
  records_leaving();
  const DeliveryChannel first = channels_[1];
  run_to(now_ms_ + kRoundMs);
  EXPECT_EQ(sent_again_, Delivery::kSendsOfRound - 1);
  EXPECT_EQ(delivery_.rounds_ended(), 1U);
  EXPECT_TRUE(delivery_.silent());
  EXPECT_FALSE(delivery_.waits_on(first));
  EXPECT_THAT(records_leaving(), ElementsAre(1));
  EXPECT_NE(channels_[1].number, first.number);
}

TEST_F(DeliveryTest, ASilentServerIsAskedWithOneRecordUntilItAnswers) {
  for (std::uint64_t record = 1; record <= 40; ++record) delivery_.add(record, record);
  EXPECT_EQ(records_leaving().size(), 16U);  // nothing is known of the server yet
  run_to(now_ms_ + kRoundMs);
  EXPECT_EQ(records_leaving().size(), 1U);
  // The probe goes out at a steady pace.
  sent_again_ = 0;
  run_to(now_ms_ + 3 * kIntervalMs + kIntervalMs / 2);
  EXPECT_EQ(sent_again_, 3U);

  std::size_t sent = 1;
  for (const auto& [record, channel] : std::map(channels_)) {
    if (!delivery_.acknowledged(channel, now_ms_)) continue;
    EXPECT_FALSE(delivery_.silent());
    sent = records_leaving().size();
    break;
  }
  EXPECT_EQ(sent, 2U);
}

TEST_F(DeliveryTest, OneRecordThatIsNeverTakenStopsNoOther) {
  delivery_.add(1, 7);
  records_leaving();
  const std::uint64_t end_ms = now_ms_ + 3 * kRoundMs;
  for (std::uint64_t record = 2; now_ms_ < end_ms; ++record) {
    delivery_.add(record, 1'000 + record);
    for (const std::uint64_t leaving : records_leaving()) {
      if (leaving != 1) {
        EXPECT_TRUE(acknowledge(leaving));
      }
    }
    run_to(now_ms_ + kIntervalMs);
    EXPECT_FALSE(delivery_.silent());
  }
  EXPECT_GE(delivery_.rounds_ended(), 2U);
  EXPECT_EQ(delivery_.waiting(), 1U);
}

TEST_F(DeliveryTest, NoChannelCarriesTwoRecordsAndAllAreUsed) {
  constexpr std::uint64_t kMany = 5'000;
  for (std::uint64_t record = 1; record <= kMany; ++record) delivery_.add(record, record);
  std::map<std::uint32_t, std::uint64_t> open;
  std::uint64_t done = 0;
  std::size_t most = 0;
  while (done < kMany) {
    for (const auto& [record, channel] : departures()) {
      EXPECT_TRUE(open.emplace(channel.number, record).second) << "a channel in use";
    }
    most = std::max(most, open.size());
    const auto [channel, record] = *open.begin();
    EXPECT_EQ(delivery_.acknowledged({channel}, now_ms_), record);
    open.erase(open.begin());
    ++done;
  }
  EXPECT_EQ(most, 512U);
  EXPECT_EQ(delivery_.waiting(), 0U);
  EXPECT_FALSE(delivery_.next_deadline_ms());
}

TEST_F(DeliveryTest, ARestartSendsEverythingAnew) {
  delivery_.add(1, 7);
  delivery_.add(2, 7);
  delivery_.add(3, 8);
  records_leaving();
  delivery_.restart(kIntervalMs);
  EXPECT_EQ(delivery_.under_way(), 0U);
  EXPECT_THAT(records_leaving(), ::testing::UnorderedElementsAre(1, 3));
}

TEST_F(DeliveryTest, WhatCannotBeSentIsLeftOut) {
  delivery_.add(1, 7);
  delivery_.add(2, 7);
  records_leaving();
  delivery_.give_up(channels_[1]);
  EXPECT_THAT(records_leaving(), ElementsAre(2));
}

}  // namespace
}  // namespace sallyport::radius_door
