// Accounting sessions, CoA, Disconnect and Status-Server.

#include <set>

#include <gtest/gtest.h>

#include "tests/bench/load/workload/fake_server.h"

namespace sallyport::lab::testing {
namespace {

namespace wire = radius::wire;

bool authentic(const Bytes& request) {
  const radius::HopKey key{Secret(kSecret)};
  return radius::verify_request(wire::parsed(request), key) == radius::Authenticity::authentic;
}

TEST(Accounting, RunsASessionFromStartToStop) {
  auto settings = settings_of(Method::accounting);
  settings.interims = 2;
  const auto workload = made(settings);
  Session session = workload->begin(12);
  std::vector<Bytes> requests;
  Judgement judgement = Judgement::next;
  while (judgement == Judgement::next && requests.size() < 10) {
    requests.push_back(written(*workload, session));
    EXPECT_LE(requests.back().size(), workload->max_request_octets());
    judgement = workload->judge(
        session, requests.back(),
        reply_to(requests.back(), Code::accounting_response, {}, {.message_authenticator = false}));
  }
  EXPECT_EQ(judgement, Judgement::done_accept);
  ASSERT_EQ(requests.size(), 4U);
  const std::uint32_t status[] = {1, 3, 3, 2};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_TRUE(authentic(requests[i]));
    EXPECT_EQ(requests[i][0], 4);
    EXPECT_EQ(number_of(requests[i], 40), status[i]);
    EXPECT_EQ(text_of(requests[i], 1), "user-0000002");
    EXPECT_EQ(value_of(requests[i], 44), value_of(requests[0], 44));
  }
  // RFC 2866 §5.3 to §5.10: nothing counted at the start, more each time, a cause at the end.
  for (const int counter : {42, 43, 46, 47, 48}) {
    EXPECT_FALSE(wire::parsed(requests[0]).has(static_cast<radius::Type>(counter)));
    EXPECT_GT(number_of(requests[1], counter), 0U);
    EXPECT_GT(number_of(requests[2], counter), number_of(requests[1], counter));
    EXPECT_GT(number_of(requests[3], counter), number_of(requests[2], counter));
  }
  EXPECT_FALSE(wire::parsed(requests[2]).has(static_cast<radius::Type>(49)));
  EXPECT_EQ(number_of(requests[3], 49), 1U);
}

TEST(Accounting, GivesEachSessionAnIdOfItsOwn) {
  std::set<std::string> ids;
  for (const std::uint64_t seed : {1, 2}) {
    auto settings = settings_of(Method::accounting);
    settings.seed = seed;
    const auto workload = made(settings);
    for (std::uint64_t number = 0; number < 100; ++number)
      ids.insert(text_of(written(*workload, workload->begin(number)), 44));
  }
  EXPECT_EQ(ids.size(), 200U);
}

TEST(Accounting, StartHasExactlyTheOctetsAskedFor) {
  auto settings = settings_of(Method::accounting);
  settings.request_octets = 400;
  const auto workload = made(settings);
  EXPECT_EQ(written(*workload, workload->begin(0)).size(), 400U);
  EXPECT_EQ(written(*workload, {.number = 0, .round = 1}).size(), 400U);
}

TEST(Accounting, RefusesAccessReplies) {
  const auto workload = made(settings_of(Method::accounting));
  Session session = workload->begin(0);
  const Bytes request = written(*workload, session);
  EXPECT_EQ(workload->judge(session, request, reply_to(request, Code::access_accept)),
            Judgement::wrong_code);
}

/// Request code, ACK and NAK of both (RFC 5176 §2).
struct Order {
  Method method;
  std::uint8_t code;
  Code ack;
  Code nak;
  Code other;
};

TEST(DynamicAuthorization, SignsRequestsAndTakesAckAndNak) {
  for (const Order& order :
       {Order{Method::coa, 43, Code::coa_ack, Code::coa_nak, Code::disconnect_ack},
        Order{Method::disconnect, 40, Code::disconnect_ack, Code::disconnect_nak, Code::coa_ack}}) {
    auto settings = settings_of(order.method);
    settings.expected = Verdict::any;
    settings.request_octets = 150;
    const auto workload = made(settings);
    Session session = workload->begin(1);
    const Bytes request = written(*workload, session);
    EXPECT_EQ(request.size(), 150U);
    EXPECT_EQ(request[0], order.code);
    EXPECT_TRUE(authentic(request));
    EXPECT_EQ(text_of(request, 1), "user-0000001");
    EXPECT_EQ(value_of(request, 44).size(), 24U);
    const auto judged = [&](Code code) {
      return workload->judge(session, request,
                             reply_to(request, code, {}, {.message_authenticator = false}));
    };
    EXPECT_EQ(judged(order.ack), Judgement::done_accept);
    EXPECT_EQ(judged(order.nak), Judgement::done_reject);
    EXPECT_EQ(judged(order.other), Judgement::wrong_code);
  }
}

TEST(StatusServer, IsSignedAndTakesEitherPortsAnswer) {
  const auto workload = made(settings_of(Method::status_server));
  Session session = workload->begin(1);
  const Bytes request = written(*workload, session);
  EXPECT_EQ(request[0], 12);
  EXPECT_TRUE(authentic(request));
  for (const Code code : {Code::access_accept, Code::accounting_response})
    EXPECT_EQ(workload->judge(session, request, reply_to(request, code)), Judgement::done_accept);
  EXPECT_EQ(workload->judge(session, request, reply_to(request, Code::access_reject)),
            Judgement::wrong_code);
}

}  // namespace
}  // namespace sallyport::lab::testing
