#include "bench/load/exchanges.h"

#include <algorithm>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/bench/load/workload/fake_server.h"

namespace sallyport::lab {
namespace {

using testing::Bytes;
using ::testing::HasSubstr;
using testing::reply_to;

constexpr std::uint64_t kMs = 1'000'000;

/// What would have gone to the network.
class Wire final : public Sender {
 public:
  struct Datagram {
    std::uint32_t socket;
    Bytes octets;
  };
  void send(std::uint32_t socket, Octets datagram) noexcept override {
    sent.push_back({socket, Bytes(datagram.begin(), datagram.end())});
  }
  std::vector<Datagram> sent;
};

class ExchangesTest : public ::testing::Test {
 protected:
  void make(const ExchangeSettings& settings, std::uint32_t sockets = 1,
            Method method = Method::pap, std::size_t presigned = 0) {
    WorkloadSettings workload = testing::settings_of(method);
    workload.presigned = presigned;
    workload_ = testing::made(workload);
    exchanges_ = std::make_unique<Exchanges>(settings, *workload_, sockets, 0, 1, wire_);
    exchanges_->start(0);
  }
  void send(std::uint64_t now_ns) { ASSERT_TRUE(exchanges_->send_next(now_ns, now_ns)); }
  void answer(const Wire::Datagram& request, std::uint64_t now_ns, const Bytes& reply) {
    exchanges_->answer(request.socket, reply, now_ns);
  }
  static Bytes accept(const Wire::Datagram& request) {
    return reply_to(request.octets, radius::Code::access_accept);
  }

  Wire wire_;
  std::unique_ptr<Workload> workload_;
  std::unique_ptr<Exchanges> exchanges_;
};

TEST_F(ExchangesTest, LatencyCountsFromTheIntendedTime) {
  make({});
  ASSERT_TRUE(exchanges_->send_next(1 * kMs, 4 * kMs));
  answer(wire_.sent[0], 6 * kMs, accept(wire_.sent[0]));
  const Tally& tally = exchanges_->tally();
  EXPECT_EQ(tally.requests, 1u);
  EXPECT_EQ(tally.sent_late, 1u);
  EXPECT_EQ(tally.accepts, 1u);
  EXPECT_EQ(tally.latency.max(), 5 * kMs);
  EXPECT_EQ(exchanges_->under_way(), 0u);
  EXPECT_FALSE(exchanges_->failure());
}

TEST_F(ExchangesTest, WarmUpIsNotCounted) {
  make({});
  exchanges_->start(10 * kMs);
  send(9 * kMs);
  answer(wire_.sent[0], 11 * kMs, accept(wire_.sent[0]));
  EXPECT_EQ(exchanges_->tally().requests, 0u);
  EXPECT_EQ(exchanges_->tally().answers, 0u);
  EXPECT_EQ(exchanges_->recent().answers, 1u);
}

TEST_F(ExchangesTest, WithoutAFreeIdentifierNothingIsSent) {
  make({});
  for (int i = 0; i < 256; ++i) send(0);
  EXPECT_FALSE(exchanges_->send_next(0, 0));
  EXPECT_EQ(exchanges_->tally().without_channel, 1u);
  EXPECT_EQ(wire_.sent.size(), 256u);
  answer(wire_.sent[5], 1, accept(wire_.sent[5]));
  EXPECT_TRUE(exchanges_->send_next(2, 2));
}

TEST_F(ExchangesTest, UnansweredIsLostAfterTheTimeout) {
  make({.timeout_ns = 100 * kMs});
  send(0);
  EXPECT_EQ(exchanges_->next_deadline_ns(), 100 * kMs);
  exchanges_->expire(99 * kMs);
  EXPECT_EQ(exchanges_->tally().lost, 0u);
  exchanges_->expire(100 * kMs);
  EXPECT_EQ(exchanges_->tally().lost, 1u);
  EXPECT_EQ(exchanges_->under_way(), 0u);
  EXPECT_FALSE(exchanges_->next_deadline_ns());
}

TEST_F(ExchangesTest, RetransmissionsAreTheSameOctets) {
  make({.timeout_ns = 100 * kMs, .resend_after_ns = 10 * kMs, .resends = 2});
  send(0);
  for (std::uint64_t now = 0; now <= 120; ++now) exchanges_->expire(now * kMs);
  ASSERT_EQ(wire_.sent.size(), 3u);
  EXPECT_EQ(wire_.sent[0].octets, wire_.sent[2].octets);
  EXPECT_EQ(exchanges_->tally().retransmissions, 2u);
  EXPECT_EQ(exchanges_->tally().lost, 1u);  // 20 ms of retransmissions, then the time-out
  EXPECT_EQ(exchanges_->tally().requests, 1u);
}

TEST_F(ExchangesTest, AnswerToARetransmissionCountsFromTheFirstRequest) {
  make({.timeout_ns = 100 * kMs, .resend_after_ns = 10 * kMs, .resends = 2});
  send(0);
  exchanges_->expire(10 * kMs);
  answer(wire_.sent[1], 11 * kMs, accept(wire_.sent[1]));
  EXPECT_EQ(exchanges_->tally().latency.max(), 11 * kMs);
  exchanges_->expire(500 * kMs);
  EXPECT_EQ(exchanges_->tally().lost, 0u);
}

TEST_F(ExchangesTest, ALateAnswerIsLateAndNotWrong) {
  make({.timeout_ns = 1 * kMs});
  send(0);
  exchanges_->expire(2 * kMs);
  answer(wire_.sent[0], 3 * kMs, accept(wire_.sent[0]));
  EXPECT_EQ(exchanges_->tally().late_answers, 1u);
  // Also when its Identifier is in use again.
  for (int i = 0; i < 256; ++i) send(4 * kMs);
  EXPECT_EQ(wire_.sent[256].octets[1], wire_.sent[0].octets[1]);
  answer(wire_.sent[0], 5 * kMs, accept(wire_.sent[0]));
  EXPECT_EQ(exchanges_->tally().late_answers, 2u);
  EXPECT_FALSE(exchanges_->failure());
  answer(wire_.sent[256], 6 * kMs, accept(wire_.sent[256]));
  EXPECT_EQ(exchanges_->tally().accepts, 1u);
}

TEST_F(ExchangesTest, ASecondAnswerIsADuplicate) {
  make({});
  send(0);
  const Bytes same = accept(wire_.sent[0]);
  answer(wire_.sent[0], 1, same);
  answer(wire_.sent[0], 2, same);
  EXPECT_EQ(exchanges_->tally().duplicate_answers, 1u);
  EXPECT_EQ(exchanges_->tally().differing_answers, 0u);
  answer(wire_.sent[0], 3, reply_to(wire_.sent[0].octets, radius::Code::access_reject));
  EXPECT_EQ(exchanges_->tally().duplicate_answers, 2u);
  EXPECT_EQ(exchanges_->tally().differing_answers, 1u);
  EXPECT_EQ(exchanges_->tally().answers, 1u);
}

TEST_F(ExchangesTest, DuplicatesFollowAtOnce) {
  make({.repeats = 0.5});
  for (int i = 0; i < 4; ++i) send(0);
  ASSERT_EQ(wire_.sent.size(), 6u);
  EXPECT_EQ(wire_.sent[1].octets, wire_.sent[2].octets);
  EXPECT_EQ(exchanges_->tally().requests, 4u);
  EXPECT_EQ(exchanges_->tally().duplicates_sent, 2u);
}

TEST_F(ExchangesTest, DuplicatesFollowTheAnswer) {
  make({.repeats = 2, .repeat_answered = true});
  send(0);
  for (std::size_t i = 0; i < 3; ++i) {
    ASSERT_EQ(wire_.sent.size(), i + 1);
    EXPECT_EQ(exchanges_->under_way(), 1u);
    answer(wire_.sent[i], i, accept(wire_.sent[i]));
  }
  EXPECT_EQ(wire_.sent.size(), 3u);
  EXPECT_EQ(exchanges_->under_way(), 0u);
  EXPECT_EQ(exchanges_->tally().answers, 1u);
  EXPECT_EQ(exchanges_->tally().duplicate_answers, 2u);
  EXPECT_EQ(exchanges_->tally().differing_answers, 0u);
}

TEST_F(ExchangesTest, AnUnansweredDuplicateIsNoLoss) {
  make({.timeout_ns = 1 * kMs, .repeats = 1, .repeat_answered = true});
  send(0);
  answer(wire_.sent[0], 0, accept(wire_.sent[0]));
  exchanges_->expire(2 * kMs);
  EXPECT_EQ(exchanges_->tally().lost, 0u);
  EXPECT_EQ(exchanges_->under_way(), 0u);
}

TEST_F(ExchangesTest, AWrongAnswerIsTold) {
  make({});
  send(0);
  answer(wire_.sent[0], 1,
         reply_to(wire_.sent[0].octets, radius::Code::access_accept, {}, {.secret = "other"}));
  ASSERT_TRUE(exchanges_->failure());
  EXPECT_EQ(exchanges_->tally().wrong_answers, 1u);
  EXPECT_EQ(exchanges_->tally().answers, 0u);
}

TEST_F(ExchangesTest, TheWrongVerdictIsTold) {
  make({});
  send(0);
  answer(wire_.sent[0], 1, reply_to(wire_.sent[0].octets, radius::Code::access_reject));
  ASSERT_TRUE(exchanges_->failure());
  EXPECT_THAT(*exchanges_->failure(), HasSubstr("Reject"));
}

TEST_F(ExchangesTest, AnAnswerToNothingIsWrong) {
  make({});
  send(0);
  Bytes forged = accept(wire_.sent[0]);
  forged[1] = static_cast<std::uint8_t>(forged[1] + 1);
  answer(wire_.sent[0], 1, forged);
  EXPECT_TRUE(exchanges_->failure());
}

TEST_F(ExchangesTest, WhatIsTooShortIsWrong) {
  for (const std::size_t octets : {1u, 2u, 19u}) {
    make({});
    send(0);
    answer(wire_.sent[0], 1, Bytes(octets));
    EXPECT_TRUE(exchanges_->failure()) << octets;
  }
}

TEST_F(ExchangesTest, SessionsGoOnWithTheirClient) {
  make({}, 4, Method::accounting);
  send(0);
  send(0);
  answer(wire_.sent[1], 1, reply_to(wire_.sent[1].octets, radius::Code::accounting_response));
  send(2);
  EXPECT_EQ(wire_.sent[2].socket, wire_.sent[1].socket);
  EXPECT_EQ(testing::text_of(wire_.sent[2].octets, 44), testing::text_of(wire_.sent[1].octets, 44));
  send(3);  // none goes on: a new one
  EXPECT_NE(testing::text_of(wire_.sent[3].octets, 44), testing::text_of(wire_.sent[0].octets, 44));
}

TEST_F(ExchangesTest, SessionsAreKeptOpenBeforeOneGoesOn) {
  make({.open_sessions = 2}, 4, Method::accounting);
  send(0);
  answer(wire_.sent[0], 1, reply_to(wire_.sent[0].octets, radius::Code::accounting_response));
  send(2);
  EXPECT_NE(testing::text_of(wire_.sent[1].octets, 44), testing::text_of(wire_.sent[0].octets, 44));
  answer(wire_.sent[1], 3, reply_to(wire_.sent[1].octets, radius::Code::accounting_response));
  send(4);
  EXPECT_EQ(testing::text_of(wire_.sent[2].octets, 44), testing::text_of(wire_.sent[0].octets, 44));
}

TEST_F(ExchangesTest, BurstsStayOnOneSocket) {
  make({.burst = 3}, 4);
  for (int i = 0; i < 6; ++i) send(0);
  std::vector<std::uint32_t> sockets;
  for (const Wire::Datagram& datagram : wire_.sent) sockets.push_back(datagram.socket);
  EXPECT_EQ(sockets, (std::vector<std::uint32_t>{0, 0, 0, 1, 1, 1}));
}

TEST_F(ExchangesTest, PresignedRequestsFitTheirChannel) {
  make({}, 2, Method::pap, 1024);
  std::vector<Bytes> first;
  for (int i = 0; i < 512; ++i) {
    send(0);
    const Wire::Datagram request = wire_.sent.back();
    first.push_back(request.octets);
    answer(request, 1, accept(request));
  }
  EXPECT_EQ(exchanges_->tally().accepts, 512u);
  EXPECT_FALSE(exchanges_->failure());
  send(2);  // the same channel as the first: another request, or a server takes it for a duplicate
  EXPECT_EQ(wire_.sent.back().octets[1], first[0][1]);
  EXPECT_NE(wire_.sent.back().octets, first[0]);
}

}  // namespace
}  // namespace sallyport::lab
