// Accounting that goes to the spool: acknowledged when it is stored, and never before.

#include <gtest/gtest.h>

#include "tests/engine/radius/door_harness.h"

namespace sallyport::radius_door {
namespace {

using radius::Code;
using radius::Type;
using testing::Bytes;
using testing::PacketBuilder;

class DoorAccountingTest : public testing::DoorTest {
 protected:
  DoorAccountingTest() { settings_.spools_accounting = true; }

  [[nodiscard]] Bytes record(std::uint8_t identifier = 1, std::string_view session = "one") const {
    PacketBuilder builder(Code::accounting_request, identifier);
    builder.add(Type::user_name, "alice").add(Type::acct_session_id, session);
    builder.add(Type::proxy_state, "first").add(Type::proxy_state, "second");
    return builder.sign_request(*client_key_);
  }
  void answer(bool stored, std::size_t index = 0) {
    door().stored(now_, {.ticket = outbox_.records[index].ticket, .stored = stored});
  }
};

TEST_F(DoorAccountingTest, GoesToTheSpoolAndNotDownstream) {
  const Bytes sent = record();
  receive(sent);
  ASSERT_EQ(outbox_.records.size(), 1U);
  EXPECT_EQ(outbox_.records[0].octets, sent);
  EXPECT_TRUE(outbox_.to_downstream.empty());
  EXPECT_TRUE(outbox_.to_client.empty()) << "acknowledged before it was stored";
  EXPECT_EQ(door().unanswered(), 1U);
}

TEST_F(DoorAccountingTest, IsAcknowledgedWhenItIsStored) {
  const Bytes sent = record();
  receive(sent);
  answer(true);
  ASSERT_EQ(outbox_.to_client.size(), 1U);
  const auto view = radius::PacketView::parse(outbox_.to_client[0].octets);
  ASSERT_TRUE(view.has_value());
  EXPECT_EQ(view->code(), Code::accounting_response);
  EXPECT_EQ(radius::verify_response(*view, *client_key_, testing::authenticator_of(sent)),
            radius::Authenticity::authentic);
  EXPECT_EQ(view->count(), 2U) << "the client's Proxy-States and nothing else";
  EXPECT_EQ(door().unanswered(), 0U);
  EXPECT_EQ(outbox_.audited.at(0).outcome, Outcome::spooled);
}

TEST_F(DoorAccountingTest, ADuplicateGetsTheSameAnswerAndIsNotStoredAgain) {
  receive(record());
  receive(record());
  EXPECT_EQ(drops(Drop::duplicate_pending), 1U);
  answer(true);
  receive(record());
  EXPECT_EQ(outbox_.records.size(), 1U);
  ASSERT_EQ(outbox_.to_client.size(), 2U);
  EXPECT_EQ(outbox_.to_client[0].octets, outbox_.to_client[1].octets);
}

TEST_F(DoorAccountingTest, WhatIsNotStoredIsNotAnsweredAndMayComeAgain) {
  receive(record());
  answer(false);
  EXPECT_TRUE(outbox_.to_client.empty());
  EXPECT_EQ(drops(Drop::not_stored), 1U);
  EXPECT_EQ(outbox_.audited.at(0).outcome, Outcome::not_spooled);
  receive(record());
  EXPECT_EQ(outbox_.records.size(), 2U);
}

TEST_F(DoorAccountingTest, ABusySpoolIsSilence) {
  outbox_.takes_records = false;
  receive(record());
  EXPECT_EQ(drops(Drop::spool_busy), 1U);
  EXPECT_EQ(door().unanswered(), 0U);
  EXPECT_TRUE(outbox_.to_client.empty());
}

TEST_F(DoorAccountingTest, ASpoolThatNeverAnswersIsSilence) {
  receive(record());
  run_ms(settings_.downstream.receive_timeout_ms + 10);
  EXPECT_TRUE(outbox_.to_client.empty());
  EXPECT_EQ(drops(Drop::not_stored), 1U);
  answer(true);  // too late: the exchange is gone
  EXPECT_TRUE(outbox_.to_client.empty());
}

TEST_F(DoorAccountingTest, AnAnswerForAnExchangeThatWasReplacedAnswersNobody) {
  receive(record(1, "one"));
  receive(record(1, "two"));
  ASSERT_EQ(outbox_.records.size(), 2U);
  answer(true, 0);
  EXPECT_TRUE(outbox_.to_client.empty());
  answer(true, 1);
  EXPECT_EQ(outbox_.to_client.size(), 1U);
}

TEST_F(DoorAccountingTest, ALoginStillGoesDownstream) {
  receive(testing::Login{});
  EXPECT_TRUE(outbox_.records.empty());
  EXPECT_EQ(outbox_.to_downstream.size(), 1U);
}

TEST_F(DoorAccountingTest, AForgedRecordIsNotStored) {
  Bytes forged = record();
  forged[4] ^= 1;
  receive(forged);
  EXPECT_TRUE(outbox_.records.empty());
  EXPECT_EQ(drops(Drop::bad_authenticator), 1U);
}

}  // namespace
}  // namespace sallyport::radius_door
