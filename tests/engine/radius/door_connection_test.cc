// Requests on connections (RADIUS over TLS): keyed by connection, ended with it, and RADIUS/1.1.

#include "protocol/radius/translate.h"
#include "tests/engine/radius/door_harness.h"

namespace sallyport::radius_door {
namespace {

using radius::Code;
using radius::Type;
using radius::Version;
using testing::Bytes;
using testing::Login;

constexpr std::uint16_t kFirst = ClientPath::kFirstConnection;

class DoorConnection : public testing::DoorTest {
 protected:
  DoorConnection() { plan_.max_connections = 4; }

  void receive_on(std::uint16_t socket, const Bytes& packet, Version version = Version::v1_0) {
    ClientPath path = path_;
    path.socket = socket;
    door().client_datagrams(
        now_, std::array{ClientDatagram{
                  .path = path, .octets = packet, .client = &entry_, .version = version}});
  }
  void ask_on(std::uint16_t socket, const Login& login = {}) {
    receive_on(socket, request(login, entry_.key));
    accept();
  }
  static Bytes request11(std::uint8_t token, std::string_view password,
                         const Bytes& message_authenticator = {}) {
    testing::PacketBuilder builder(Code::access_request, 0, {{token}});
    builder.add(Type::user_name, "alice").add(Type::user_password, password);
    if (!message_authenticator.empty())
      builder.add(Type::message_authenticator, message_authenticator);
    Bytes octets = builder.sign_request(radius::HopKey(Secret("of no use")));
    return octets;
  }

  const ClientTable table_{std::vector<config::Client>{
      {.name = "wifi",
       .addresses = {*Prefix::parse("192.0.2.1")},
       .secret = Secret("radsec"),
       .require_message_authenticator = config::RequireMessageAuthenticator::no,
       .limit_proxy_state = false}}};
  const ClientEntry& entry_ = *table_.find(*IpAddress::parse("192.0.2.1"));
};

TEST_F(DoorConnection, TheAnswerLeavesOnTheConnection) {
  ask_on(kFirst + 2);
  answer(verify::Verdict::approved);
  ASSERT_EQ(outbox_.to_client.size(), 1U);
  EXPECT_EQ(outbox_.to_client[0].path.socket, kFirst + 2);
  EXPECT_EQ(checked(outbox_.to_client[0].octets, entry_.key, 1).code(), Code::access_accept);
  EXPECT_EQ(outbox_.audited.back().client.view(), "wifi");
}

TEST_F(DoorConnection, OneIdentifierOnTwoConnectionsIsTwoRequests) {
  ask_on(kFirst);
  ask_on(kFirst + 1);
  EXPECT_EQ(outbox_.to_downstream.size(), 2U);
  receive_on(kFirst, request(Login{}, entry_.key));
  EXPECT_EQ(drops(Drop::duplicate_pending), 1U);
}

TEST_F(DoorConnection, WhatIsOwedEndsWithIt) {
  ask_on(kFirst);
  ask_on(kFirst + 1);
  receive_on(kFirst, request(Login{.identifier = 2}, entry_.key));  // waits for the downstream
  const auto waiting = outbox_.to_downstream.back();
  EXPECT_NE(door().owed(kFirst), Owed::nothing);
  door().connection_ended(now_, kFirst);
  EXPECT_EQ(door().owed(kFirst), Owed::nothing);
  EXPECT_NE(door().owed(kFirst + 1), Owed::nothing);
  EXPECT_EQ(door().unanswered(), 1U);
  ASSERT_EQ(outbox_.released.size(), 1U);
  EXPECT_EQ(outbox_.released[0], outbox_.questions[0].ticket);
  EXPECT_EQ(metrics_.connection_ended.value(), 2U);
  EXPECT_EQ(metrics_.replaced.value(), 0U);
  ASSERT_EQ(outbox_.audited.size(), 2U);
  EXPECT_EQ(outbox_.audited[0].outcome, Outcome::abandoned);

  // Neither the downstream's reply nor a verdict that still come make an answer.
  verify::Answer late;
  late.ticket = outbox_.questions[0].ticket;
  late.verdict = verify::Verdict::approved;
  door().verdict(now_, late);
  outbox_.to_downstream.push_back(waiting);
  reply(Code::access_reject);
  EXPECT_TRUE(outbox_.to_client.empty());
  EXPECT_EQ(drops(Drop::reply_unmatched), 1U);
}

TEST_F(DoorConnection, AnAnswerIsForgottenWithIt) {
  receive_on(kFirst, request(Login{}, entry_.key));
  reply(Code::access_reject);
  EXPECT_EQ(door().owed(kFirst), Owed::nothing);
  door().connection_ended(now_, kFirst);
  EXPECT_EQ(metrics_.connection_ended.value(), 0U);
  receive_on(kFirst, request(Login{}, entry_.key));  // the number's next connection
  EXPECT_EQ(metrics_.duplicates_answered.value(), 0U);
  EXPECT_EQ(outbox_.to_downstream.size(), 2U);
}

TEST_F(DoorConnection, AnEvictedExchangeLeavesItsConnection) {
  plan_.exchanges = 2;
  for (std::uint8_t identifier = 1; identifier <= 3; ++identifier) {
    receive_on(kFirst, request(Login{.identifier = identifier}, entry_.key));
    reply(Code::access_reject);
  }
  EXPECT_EQ(metrics_.evicted.value(), 1U);
  door().connection_ended(now_, kFirst);
  receive_on(kFirst, request(Login{.identifier = 3}, entry_.key));
  EXPECT_EQ(outbox_.to_downstream.size(), 4U);
}

TEST_F(DoorConnection, WhatIsMalformedOrNotAuthenticEndsIt) {
  Bytes malformed = request(Login{}, entry_.key);
  malformed[21] = 1;
  receive_on(kFirst + 1, malformed);
  Bytes forged = request(Login{}, entry_.key);
  forged[22] ^= 1;
  receive_on(kFirst + 2, forged);
  receive_on(kFirst + 3, Bytes{99, 0, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  receive(malformed);  // a datagram ends nothing
  using Ended = std::vector<std::pair<std::uint16_t, RadsecEnd>>;
  EXPECT_EQ(outbox_.ended_connections, (Ended{{kFirst + 1, RadsecEnd::malformed},
                                              {kFirst + 2, RadsecEnd::bad_authenticator}}));
  EXPECT_TRUE(outbox_.to_downstream.empty());
}

TEST_F(DoorConnection, ARequestOfRadius11IsKnownByItsToken) {
  receive_on(kFirst, request11(7, "clear"), Version::v1_1);
  receive_on(kFirst, request11(8, "clear"), Version::v1_1);
  receive_on(kFirst, request11(7, "clear"), Version::v1_1);
  ASSERT_EQ(outbox_.to_downstream.size(), 2U);
  EXPECT_EQ(drops(Drop::duplicate_pending), 1U);
  const auto sent = radius::PacketView::parse(outbox_.to_downstream.back().octets);
  ASSERT_TRUE(sent.has_value());
  EXPECT_EQ(radius::verify_request(*sent, *downstream_key_), radius::Authenticity::authentic);
  std::array<std::uint8_t, 128> clear;
  const auto octets = radius::reveal_user_password(*sent->find(Type::user_password),
                                                   *downstream_key_, sent->authenticator(), clear);
  ASSERT_TRUE(octets.has_value());
  EXPECT_EQ(as_text(Octets(clear).first(*octets)), "clear");

  accept();
  answer(verify::Verdict::denied);
  const auto rejected = radius::PacketView::parse(outbox_.to_client.back().octets, Version::v1_1);
  ASSERT_TRUE(rejected.has_value());
  EXPECT_EQ(rejected->code(), Code::access_reject);
  EXPECT_EQ(rejected->authenticator(), (radius::Authenticator{{8}}));
}

TEST_F(DoorConnection, ATokenThatWasAnsweredIsAnotherRequests) {
  receive_on(kFirst, request11(7, "clear"), Version::v1_1);
  accept();
  answer(verify::Verdict::approved);
  ASSERT_EQ(outbox_.to_client.size(), 1U);
  receive_on(kFirst, request11(7, "wrong"), Version::v1_1);
  EXPECT_EQ(outbox_.to_client.size(), 1U) << "the answer to the first is none to the second";
  ASSERT_EQ(outbox_.to_downstream.size(), 2U);
  reply(Code::access_reject);
  ASSERT_EQ(outbox_.to_client.size(), 2U);
  EXPECT_EQ(outbox_.to_client[1].octets[0], static_cast<std::uint8_t>(Code::access_reject));
  EXPECT_EQ(metrics_.duplicates_answered.value(), 0U);
  EXPECT_EQ(metrics_.replaced.value(), 0U);
}

TEST_F(DoorConnection, TheSameLoginByBothVersionsIsOnePush) {
  receive_on(kFirst, request11(7, "wonderland"), Version::v1_1);
  accept();
  receive_on(kFirst + 1, request(Login{.calling_station = ""}, entry_.key));
  accept();
  ASSERT_EQ(outbox_.questions.size(), 2U);
  EXPECT_EQ(outbox_.questions[0].join_key, outbox_.questions[1].join_key);
}

TEST_F(DoorConnection, AccountingIsRetransmittedForAClientThatMustNot) {
  testing::PacketBuilder builder(Code::accounting_request, 1);
  builder.add(Type::user_name, "alice");
  receive_on(kFirst, builder.sign_request(entry_.key));
  run_ms(3'000);
  EXPECT_EQ(outbox_.to_downstream.size(), 2U);
}

}  // namespace
}  // namespace sallyport::radius_door
