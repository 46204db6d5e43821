// Servers that are reached over TLS: what waits for a connection, what happens when one is lost.

#include <algorithm>

#include "protocol/radius/translate.h"
#include "tests/engine/radius/door_harness.h"

namespace sallyport::radius_door {
namespace {

using radius::Code;
using radius::Type;
using radius::Version;
using testing::Bytes;
using testing::Login;
using testing::PacketBuilder;
using testing::RecordingOutbox;

class DoorStreamsTest : public testing::DoorTest {
 protected:
  DoorStreamsTest() {
    settings_.downstream.servers = {{.name = "one", .transport = config::ServerTransport::tls}};
    settings_.downstream.retransmit_ms = 1'000;
    settings_.downstream.send_timeout_ms = 30'000;
    settings_.downstream.receive_timeout_ms = 30'000;
  }
  void with_another(config::ServerTransport transport) {
    settings_.downstream.servers.push_back({.name = "two", .transport = transport});
  }
  void open(std::uint16_t link = 0, std::uint16_t number = 0, Version version = Version::v1_0) {
    ASSERT_FALSE(outbox_.begun.empty());
    outbox_.open.insert({link, number});
    door().connected(now_, link, number, version);
  }
  /// The door, whose first timers have run.
  void start() { door().advance(now_); }
  void lose(std::uint16_t link, std::uint16_t number, ServerReason why = ServerReason::closed) {
    door().disconnected(now_, link, number, why);
  }
  void packet(const Bytes& octets, std::uint16_t link = 0, std::uint16_t number = 0) {
    door().connection_packets(now_, std::array{DownstreamDatagram{
                                        .link = link, .source_port = number, .octets = octets}});
  }
  [[nodiscard]] Bytes reply_to(const Bytes& request, Code code) const {
    PacketBuilder builder(code, request[1]);
    builder.add_message_authenticator();
    return builder.sign_response(*downstream_key_, testing::authenticator_of(request));
  }
  [[nodiscard]] static Bytes reply_11(const Bytes& request, Code code) {
    Bytes reply(request.begin(), request.begin() + 20);
    reply[0] = static_cast<std::uint8_t>(code);
    reply[2] = 0;
    reply[3] = 20;
    return reply;
  }
  [[nodiscard]] const RecordingOutbox::ToDownstream& last() const {
    return outbox_.to_downstream.back();
  }
  [[nodiscard]] ServerState state(std::size_t server) const {
    return static_cast<ServerState>(link_metrics_[server]->state.value());
  }
  [[nodiscard]] ServerReason reason(std::size_t server) const {
    return static_cast<ServerReason>(link_metrics_[server]->reason.value());
  }
};

TEST_F(DoorStreamsTest, ConnectsBeforeAnyRequestAndSendsWhatWaitedForIt) {
  start();
  ASSERT_EQ(outbox_.begun, (std::vector<RecordingOutbox::Connection>{{0, 0}}));
  receive(Login());
  receive(Login{.identifier = 2, .authenticator = 2, .user = "bob"});
  EXPECT_TRUE(outbox_.to_downstream.empty());
  open();
  ASSERT_EQ(outbox_.to_downstream.size(), 2u);
  const Bytes request = outbox_.to_downstream[0].octets;
  EXPECT_EQ(radius::verify_request(*radius::PacketView::parse(request), *downstream_key_),
            radius::Authenticity::authentic);
  EXPECT_NE(request[1], 0);
  packet(reply_to(request, Code::access_reject));
  EXPECT_EQ(last_answer().code(), Code::access_reject);
  EXPECT_EQ(metrics_.forwarded.value(), 2u);
  EXPECT_EQ(link_metrics_[0]->connections.value(), 1u);
}

TEST_F(DoorStreamsTest, WhatWaitsInVainEndsByItsTimeOut) {
  start();
  receive(Login());
  run_ms(31'000);
  EXPECT_EQ(metrics_.downstream_timeouts.value(), 1u);
  EXPECT_EQ(door().unanswered(), 0u);
  open();
  EXPECT_TRUE(outbox_.to_downstream.empty());
}

TEST_F(DoorStreamsTest, NothingIsSentAgainOnAConnection) {
  start();
  open();
  receive(Login());
  run_ms(10'000);
  EXPECT_EQ(outbox_.to_downstream.size(), 1u);
}

TEST_F(DoorStreamsTest, ALostConnectionsRequestsGoOnAnother) {
  start();
  open();
  for (std::uint8_t i = 1; i <= 60; ++i) receive(Login{.identifier = i, .authenticator = i});
  ASSERT_EQ(outbox_.to_downstream.size(), 60u);
  const Bytes first = outbox_.to_downstream[0].octets;
  lose(0, 0);
  EXPECT_EQ(outbox_.to_downstream.size(), 60u);
  EXPECT_EQ(link_metrics_[0]->outstanding.value(), 0u);
  run_ms(700);  // RFC 3539 §3.4.1 has no haste, nor have we
  ASSERT_EQ(outbox_.begun.size(), 2u);
  open();
  ASSERT_EQ(outbox_.to_downstream.size(), 120u);
  const Bytes second = outbox_.to_downstream[60].octets;
  EXPECT_NE(testing::authenticator_of(first), testing::authenticator_of(second));
  // What the first connection still brings is nothing any more.
  packet(reply_to(second, Code::access_reject));
  EXPECT_EQ(outbox_.to_client.size(), 1u);
  EXPECT_EQ(metrics_.requests.value(), 60u);
}

TEST_F(DoorStreamsTest, OrToAnotherServerAtOnce) {
  for (const auto transport : {config::ServerTransport::udp, config::ServerTransport::tls}) {
    settings_.downstream.servers.resize(1);
    with_another(transport);
    outbox_ = {};
    door_.reset();
    link_metrics_.clear();
    start();
    open();
    if (transport == config::ServerTransport::tls) open(1, 0);
    receive(Login());
    ASSERT_EQ(last().link, 0u);
    lose(0, 0);
    ASSERT_EQ(outbox_.to_downstream.size(), 2u);
    EXPECT_EQ(last().link, 1u);
    EXPECT_EQ(radius::verify_request(*radius::PacketView::parse(last().octets), *downstream_key_),
              radius::Authenticity::authentic);
    EXPECT_EQ(link_metrics_[0]->failed_over.value(), 1u);
  }
}

TEST_F(DoorStreamsTest, AServerWithoutAConnectionIsAskedAfterOneThatHasOne) {
  with_another(config::ServerTransport::tls);
  start();
  open(1, 0);
  receive(Login());
  ASSERT_EQ(outbox_.to_downstream.size(), 1u);
  EXPECT_EQ(last().link, 1u);
}

TEST_F(DoorStreamsTest, WhatWaitsGoesElsewhereWhenTheConnectionCannotBeHad) {
  with_another(config::ServerTransport::tls);
  start();
  receive(Login());
  EXPECT_TRUE(outbox_.to_downstream.empty());
  open(1, 0);
  EXPECT_TRUE(outbox_.to_downstream.empty());
  lose(0, 0, ServerReason::untrusted);
  ASSERT_EQ(outbox_.to_downstream.size(), 1u);
  EXPECT_EQ(last().link, 1u);
  EXPECT_EQ(state(0), ServerState::suspect);
  EXPECT_EQ(reason(0), ServerReason::untrusted);
}

TEST_F(DoorStreamsTest, Radius11HasTokensAndHidesNothing) {
  start();
  open(0, 0, Version::v1_1);
  receive(Login());
  const Bytes request = last().octets;
  EXPECT_EQ(request[1], 0);
  const auto view = *radius::PacketView::parse(request, Version::v1_1);
  EXPECT_EQ(as_text(*view.find(Type::user_password)), "wonderland");
  EXPECT_FALSE(view.has(Type::message_authenticator));
  packet(reply_11(request, Code::access_accept));
  ASSERT_EQ(outbox_.questions.size(), 1u);
  answer(verify::Verdict::approved);
  EXPECT_EQ(last_answer().code(), Code::access_accept);
  // The same login by another way is the same question.
  receive(Login{.identifier = 2, .authenticator = 2});
  packet(reply_11(last().octets, Code::access_accept));
  ASSERT_EQ(outbox_.questions.size(), 2u);
  EXPECT_EQ(outbox_.questions[0].join_key, outbox_.questions[1].join_key);
}

/// A request that RADIUS/1.1 has room for, and whose Proxy-States fill an answer by 1.0.
TEST_F(DoorStreamsTest, NoAnswerWhereProxyStatesLeaveItNoRoom) {
  client_.limit_proxy_state = false;
  settings_.policies = PolicyTable({{.name = "closed", .action = config::PolicyAction::deny}},
                                   settings_.second_factor, {});
  start();
  open(0, 0, Version::v1_1);
  PacketBuilder builder(Code::access_request, 1);
  builder.add(Type::user_name, "a");
  for (int i = 0; i < 15; ++i) builder.add(Type::proxy_state, std::string(253, 'x'));
  builder.add(Type::proxy_state, std::string(236, 'x'));
  receive(builder.sign_request(*client_key_));
  ASSERT_EQ(outbox_.to_downstream.size(), 1u);
  EXPECT_EQ(last().octets.size(), radius::kMaxPacketOctets);
  packet(reply_11(last().octets, Code::access_accept));
  EXPECT_TRUE(outbox_.to_client.empty());
  EXPECT_EQ(door().unanswered(), 0u);
  EXPECT_EQ(metrics_.drops[static_cast<std::size_t>(Drop::untranslatable)].value(), 1u);
}

TEST_F(DoorStreamsTest, ARequestMayGoFromOneVersionToTheOther) {
  start();
  open(0, 0, Version::v1_1);
  receive(Login{.proxy_states = {"a state of the client's"}});
  lose(0, 0);
  run_ms(700);
  open(0, 0, Version::v1_0);
  const Bytes second = last().octets;
  const auto view = *radius::PacketView::parse(second);
  EXPECT_EQ(radius::verify_request(view, *downstream_key_), radius::Authenticity::authentic);
  std::array<std::uint8_t, 128> password;
  const auto octets = radius::reveal_user_password(
      *view.find(Type::user_password), *downstream_key_, view.authenticator(), password);
  EXPECT_EQ(as_text(Octets(password).first(octets.value())), "wonderland");
  packet(reply_to(second, Code::access_reject));
  EXPECT_EQ(as_text(*last_answer().find(Type::proxy_state)), "a state of the client's");
}

TEST_F(DoorStreamsTest, EapWithoutMessageAuthenticatorIsReadAgainOnRadius11) {
  start();
  open(0, 0, Version::v1_1);
  receive(Login{.eap = {2, 9, 0, 9, 1, 'b', 'o', 'b', '!'}});
  lose(0, 0);
  run_ms(700);
  open(0, 0, Version::v1_1);
  packet(reply_11(last().octets, Code::access_reject));
  EXPECT_EQ(last_answer().code(), Code::access_reject);
}

TEST_F(DoorStreamsTest, AnotherTokenIsALateReplyAndNotForged) {
  start();
  open(0, 0, Version::v1_1);
  receive(Login());
  Bytes late = reply_11(last().octets, Code::access_accept);
  late[5] ^= 1;
  packet(late);
  EXPECT_EQ(drops(Drop::reply_unmatched), 1u);
  EXPECT_TRUE(outbox_.questions.empty());
  EXPECT_TRUE(outbox_.ended.empty());
}

TEST_F(DoorStreamsTest, WhatCannotBeEndsTheConnection) {
  start();
  open();
  receive(Login());
  Bytes forged = reply_to(last().octets, Code::access_accept);
  forged[4] ^= 1;
  packet(forged);
  EXPECT_EQ(drops(Drop::reply_bad_authenticator), 1u);
  EXPECT_EQ(outbox_.ended.size(), 1u);
  EXPECT_EQ(reason(0), ServerReason::bad_reply);
  run_ms(700);
  open();
  Bytes malformed = reply_to(last().octets, Code::access_accept);
  malformed[21] = 1;
  packet(malformed);
  EXPECT_EQ(outbox_.ended.size(), 2u);
  run_ms(1'500);
  open();
  // Unknown Codes and unknown Identifiers are discarded (RFC 6613 §2.6.4).
  Bytes unknown = reply_to(last().octets, Code::access_accept);
  unknown[0] = 99;
  packet(unknown);
  Bytes stray = reply_to(last().octets, Code::access_accept);
  ++stray[1];
  packet(stray);
  EXPECT_EQ(outbox_.ended.size(), 2u);
  packet(reply_to(last().octets, Code::access_reject));
  EXPECT_EQ(last_answer().code(), Code::access_reject);
}

TEST_F(DoorStreamsTest, OneConnectionsForgeryCostsAnotherNothing) {
  with_another(config::ServerTransport::tls);
  settings_.downstream.pools[0].policy = config::DownstreamPolicy::round_robin;
  start();
  open();
  open(1, 0);
  receive(Login{.identifier = 1, .authenticator = 1});
  receive(Login{.identifier = 2, .authenticator = 2});
  const auto requests = outbox_.to_downstream;
  ASSERT_EQ(requests[0].link + requests[1].link, 1);
  Bytes forged = reply_to(requests[0].octets, Code::access_accept);
  forged[4] ^= 1;
  // Behind it on the same connection nothing is believed, in the same batch neither.
  const Bytes behind = reply_to(requests[0].octets, Code::access_accept);
  const Bytes good = reply_to(requests[1].octets, Code::access_reject);
  door().connection_packets(
      now_, std::array{DownstreamDatagram{.link = requests[0].link, .octets = forged},
                       DownstreamDatagram{.link = requests[0].link, .octets = behind},
                       DownstreamDatagram{.link = requests[1].link, .octets = good}});
  EXPECT_TRUE(outbox_.questions.empty());
  EXPECT_EQ(outbox_.to_client.size(), 1u);
  EXPECT_EQ(outbox_.ended.size(), 1u);
  // The first request has gone to the other server.
  EXPECT_EQ(last().link, requests[1].link);
}

TEST_F(DoorStreamsTest, AsksForAnotherConnectionAndTheRestWaits) {
  plan_.exchanges = 1'024;
  plan_.max_source_ports = 1;
  start();
  open();
  for (unsigned i = 0; i < 300; ++i) {
    path_.source.port = static_cast<std::uint16_t>(1'000 + i);
    receive(Login());
  }
  ASSERT_EQ(outbox_.to_downstream.size(), 255u);
  EXPECT_EQ(outbox_.begun.size(), 1u);
  for (unsigned i = 0; i < 45; ++i)
    packet(reply_to(outbox_.to_downstream[i].octets, Code::access_reject));
  EXPECT_EQ(outbox_.to_downstream.size(), 300u);
  EXPECT_EQ(link_metrics_[0]->outstanding.value(), 255u);
}

TEST_F(DoorStreamsTest, OpensMoreConnectionsAsTheLoadNeedsThem) {
  plan_.exchanges = 1'024;
  start();
  open();
  for (unsigned i = 0; i < 300; ++i) {
    path_.source.port = static_cast<std::uint16_t>(1'000 + i);
    receive(Login());
  }
  ASSERT_EQ(outbox_.begun.size(), 2u);
  open(0, 1);
  EXPECT_EQ(outbox_.to_downstream.size(), 300u);
  EXPECT_EQ(last().source_port, 1u);
}

TEST_F(DoorStreamsTest, WaitingIsBounded) {
  plan_.exchanges = 4'096;
  start();
  for (unsigned i = 0; i < limits::kMaxWaitingRequests + 10; ++i) {
    path_.source.port = static_cast<std::uint16_t>(1'000 + i);
    receive(Login());
  }
  EXPECT_EQ(drops(Drop::no_free_identifier), 10u);
  EXPECT_EQ(door().unanswered(), limits::kMaxWaitingRequests);
}

TEST_F(DoorStreamsTest, TheWatchdogAsksAndTheAnswerCounts) {
  settings_.downstream.pools[0].status_server = config::StatusServer::yes;
  start();
  open();
  run_ms(7'000);
  ASSERT_EQ(outbox_.to_downstream.size(), 1u);
  EXPECT_EQ(last().octets[0], static_cast<std::uint8_t>(Code::status_server));
  EXPECT_EQ(last().octets[1], 0);
  packet(reply_to(last().octets, Code::access_accept));
  EXPECT_EQ(link_metrics_[0]->probe_answers.value(), 1u);
  run_ms(7'000);
  EXPECT_EQ(outbox_.to_downstream.size(), 2u);
  EXPECT_TRUE(outbox_.ended.empty());
  run_ms(7'000);  // not answered
  EXPECT_EQ(outbox_.ended.size(), 1u);
  EXPECT_EQ(reason(0), ServerReason::no_status);
}

TEST_F(DoorStreamsTest, OneThatWasAwayProvesItselfOnTheNextConnection) {
  settings_.downstream.pools[0].status_server = config::StatusServer::automatic;
  with_another(config::ServerTransport::tls);
  start();
  open(1, 0);
  for (int i = 0; i < 4; ++i) {
    lose(0, 0, ServerReason::refused);
    run_ms(10'000);
  }
  ASSERT_EQ(state(0), ServerState::down);
  open(0, 0);
  for (int answered = 0; answered < 3; ++answered) {
    run_ms(1'000);
    const auto asked = std::ranges::find_if(outbox_.to_downstream, [](const auto& sent) {
      return sent.link == 0 && sent.octets[0] == static_cast<std::uint8_t>(Code::status_server);
    });
    ASSERT_NE(asked, outbox_.to_downstream.end());
    const Bytes question = asked->octets;
    outbox_.to_downstream.clear();
    packet(reply_to(question, Code::access_accept));
  }
  EXPECT_EQ(state(0), ServerState::up);
}

TEST_F(DoorStreamsTest, ASettingsChangeLeavesAServerWhenItOwesNothing) {
  settings_.downstream.pools[0].status_server = config::StatusServer::no;
  start();
  open();
  receive(Login());
  const Bytes request = last().octets;
  auto settings = std::make_shared<DoorSettings>(*snapshot());
  settings->plan.servers[0].link = 1;
  std::unique_ptr<DownstreamLink> link = std::make_unique<DownstreamLink>(
      plan_.max_source_ports, std::make_shared<LinkMetrics>(), config::ServerTransport::tls);
  door().exchange_link(1, link);
  door().reload(std::move(settings));
  run_ms(2'000);
  EXPECT_EQ(outbox_.begun.back(), (RecordingOutbox::Connection{1, 0}));
  EXPECT_TRUE(outbox_.ended.empty());
  packet(reply_to(request, Code::access_reject));
  run_ms(2'000);
  EXPECT_TRUE(std::ranges::find(outbox_.ended, RecordingOutbox::Connection{0, 0}) !=
              outbox_.ended.end());
}

TEST_F(DoorStreamsTest, AConnectionThatNobodyAwaitsIsEnded) {
  start();
  door().connected(now_, 0, 3, Version::v1_0);
  EXPECT_EQ(outbox_.ended, (std::vector<RecordingOutbox::Connection>{{0, 3}}));
  EXPECT_EQ(metrics_.source_ports.value(), 0u);
}

}  // namespace
}  // namespace sallyport::radius_door
