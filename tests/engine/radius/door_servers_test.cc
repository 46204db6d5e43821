// Several downstream servers: who is asked, what happens when one goes away.

#include <algorithm>

#include "protocol/radius/translate.h"
#include "tests/engine/radius/door_harness.h"

namespace sallyport::radius_door {
namespace {

using radius::Code;
using radius::Type;
using testing::Login;

class DoorServersTest : public testing::DoorTest {
 protected:
  DoorServersTest() {
    settings_.downstream.servers = {{.name = "one"}, {.name = "two"}};
    settings_.downstream.retransmit_ms = 1'000;
  }
  config::DownstreamPool& pool() { return settings_.downstream.pools[0]; }
  /// Links that requests were sent over, in order.
  [[nodiscard]] std::vector<std::uint16_t> links() const {
    std::vector<std::uint16_t> all;
    for (const auto& sent : outbox_.to_downstream) all.push_back(sent.link);
    return all;
  }
  [[nodiscard]] radius::PacketView last_sent() const {
    return *radius::PacketView::parse(outbox_.to_downstream.back().octets);
  }
  [[nodiscard]] ServerState state(std::size_t server) const {
    return static_cast<ServerState>(link_metrics_[server]->state.value());
  }
};

TEST_F(DoorServersTest, RoundRobinSendsEachItsShare) {
  pool().policy = config::DownstreamPolicy::round_robin;
  for (std::uint8_t i = 1; i <= 4; ++i)
    receive(testing::Login{.identifier = i, .authenticator = i});
  EXPECT_EQ(links(), (std::vector<std::uint16_t>{0, 1, 0, 1}));
}

TEST_F(DoorServersTest, ARequestWithoutAReplyGoesToAnotherServerAndIsAnswered) {
  receive(Login());
  EXPECT_EQ(links(), (std::vector<std::uint16_t>{0}));
  const testing::Bytes first = outbox_.to_downstream.back().octets;
  run_ms(1'200);
  ASSERT_EQ(links(), (std::vector<std::uint16_t>{0, 1}));
  const radius::PacketView second = last_sent();
  EXPECT_EQ(radius::verify_request(second, *downstream_key_), radius::Authenticity::authentic);
  EXPECT_NE(second.authenticator(), testing::authenticator_of(first));
  std::array<std::uint8_t, 128> password;
  const auto octets = radius::reveal_user_password(
      *second.find(Type::user_password), *downstream_key_, second.authenticator(), password);
  ASSERT_TRUE(octets);
  EXPECT_EQ(as_text(Octets(password).first(*octets)), "wonderland");
  std::size_t proxy_states = 0;
  for (const radius::Attribute attribute : second)
    proxy_states += attribute.type == Type::proxy_state;
  EXPECT_EQ(proxy_states, 1u);

  accept();
  answer(verify::Verdict::approved);
  EXPECT_EQ(last_answer().code(), Code::access_accept);
  EXPECT_EQ(metrics_.failed_over.value(), 1u);
  EXPECT_EQ(link_metrics_[0]->failed_over.value(), 1u);
  EXPECT_EQ(state(0), ServerState::suspect);
}

TEST_F(DoorServersTest, ALateReplyOfTheFirstServerIsNotTaken) {
  receive(Login());
  const auto first = outbox_.to_downstream.back();
  run_ms(1'200);
  ASSERT_EQ(links().back(), 1u);
  testing::PacketBuilder builder(Code::access_accept, first.octets[1]);
  builder.add_message_authenticator();
  const auto late =
      builder.sign_response(*downstream_key_, testing::authenticator_of(first.octets));
  door().downstream_datagrams(
      now_, std::array{DownstreamDatagram{
                .link = first.link, .source_port = first.source_port, .octets = late}});
  EXPECT_EQ(drops(Drop::reply_unmatched), 1u);
  EXPECT_TRUE(outbox_.questions.empty());
}

TEST_F(DoorServersTest, AccountingFailsOverThoughItIsNeverRetransmitted) {
  radius::Authenticator none;
  testing::PacketBuilder builder(Code::accounting_request, 9, none);
  builder.add(Type::user_name, "alice");
  receive(builder.sign_request(*client_key_));
  run_ms(1'200);
  EXPECT_EQ(links(), (std::vector<std::uint16_t>{0, 1}));
  EXPECT_EQ(radius::verify_request(last_sent(), *downstream_key_), radius::Authenticity::authentic);
  run_ms(3'000);
  EXPECT_EQ(links(), (std::vector<std::uint16_t>{0, 1}));
}

TEST_F(DoorServersTest, AccountingHasPortsAndHealthOfItsOwn) {
  for (auto& server : settings_.downstream.servers) server.accounting_port = 1813;
  const auto account = [&](std::uint8_t identifier) {
    testing::PacketBuilder builder(Code::accounting_request, identifier, radius::Authenticator());
    builder.add(Type::user_name, "alice");
    receive(builder.sign_request(*client_key_));
  };
  account(1);
  door().unreachable(now_, 2);  // nobody listens on the first one's port for accounting
  account(2);
  receive(Login());
  EXPECT_EQ(links(), (std::vector<std::uint16_t>{2, 3, 0}));
}

TEST_F(DoorServersTest, AUsersAccountingGoesToHisServer) {
  for (auto& server : settings_.downstream.servers) server.accounting_port = 1813;
  pool().policy = config::DownstreamPolicy::hash;
  for (std::uint8_t i = 0; i < 10; ++i) {
    const std::string user = "user" + std::to_string(i);
    receive(testing::Login{.identifier = i, .authenticator = i, .user = user});
    testing::PacketBuilder builder(Code::accounting_request, i, radius::Authenticator());
    builder.add(Type::user_name, user);
    receive(builder.sign_request(*client_key_));
    EXPECT_EQ(links().back(), links()[links().size() - 2] + 2) << user;
  }
}

TEST_F(DoorServersTest, UnreachableMovesWhatWaitsThere) {
  for (std::uint8_t i = 1; i <= 3; ++i)
    receive(testing::Login{.identifier = i, .authenticator = i});
  ASSERT_EQ(links(), (std::vector<std::uint16_t>{0, 0, 0}));
  door().unreachable(now_, 0);
  run_ms(210);
  EXPECT_EQ(links(), (std::vector<std::uint16_t>{0, 0, 0, 1, 1, 1}));
  receive(testing::Login{.identifier = 4, .authenticator = 4});
  EXPECT_EQ(links().back(), 1u);
}

TEST_F(DoorServersTest, AServerIsUpAgainAfterStatusServer) {
  pool().status_server = config::StatusServer::automatic;
  receive(Login());
  door().unreachable(now_, 0);
  run_ms(1);
  const auto probe = std::ranges::find_if(outbox_.to_downstream,
                                          [](const auto& sent) { return sent.octets[0] == 12; });
  ASSERT_NE(probe, outbox_.to_downstream.end());
  EXPECT_EQ(probe->link, 0u);
  const auto view = radius::PacketView::parse(probe->octets);
  ASSERT_TRUE(view);
  EXPECT_EQ(radius::verify_request(*view, *downstream_key_), radius::Authenticity::authentic);
  const auto answer_with = [&](const radius::HopKey& key) {
    testing::PacketBuilder builder(Code::access_accept, probe->octets[1]);
    builder.add_message_authenticator();
    const auto octets = builder.sign_response(key, view->authenticator());
    door().downstream_datagrams(
        now_, std::array{DownstreamDatagram{
                  .link = 0, .source_port = probe->source_port, .octets = octets}});
  };
  answer_with(radius::HopKey(Secret("another secret")));
  EXPECT_EQ(state(0), ServerState::suspect);
  EXPECT_EQ(drops(Drop::reply_bad_authenticator), 1u);
  answer_with(*downstream_key_);
  EXPECT_EQ(state(0), ServerState::up);
  EXPECT_EQ(link_metrics_[0]->probe_answers.value(), 1u);
  EXPECT_TRUE(outbox_.questions.empty());  // an Access-Accept to a Status-Server lets nobody in
}

TEST_F(DoorServersTest, WhileAllAreDownRequestsStillGoToOne) {
  for (unsigned i = 0; i < 3; ++i) {
    receive(testing::Login{.identifier = static_cast<std::uint8_t>(50 + i)});
    door().unreachable(now_, 0);
    door().unreachable(now_, 1);
    pass_ms(1'100);
  }
  EXPECT_EQ(state(0), ServerState::down);
  EXPECT_EQ(state(1), ServerState::down);
  receive(testing::Login{.identifier = 9, .authenticator = 9});
  EXPECT_EQ(outbox_.to_downstream.back().octets[0], 1);
  accept();
  EXPECT_EQ(outbox_.questions.size(), 1u);
}

TEST_F(DoorServersTest, ARealmNobodyServesIsRejectedWithAMessageEachTime) {
  settings_.downstream.routes = {{.realms = {"example.com"}, .pool = "downstream"},
                                 {.realms = {"*"}, .reject_message = "Not here."}};
  receive(testing::Login{.user = "alice@elsewhere.example", .proxy_states = {"state"}});
  ASSERT_EQ(outbox_.to_client.size(), 1u);
  EXPECT_EQ(last_answer().code(), Code::access_reject);
  EXPECT_EQ(as_text(*last_answer().find(Type::reply_message)), "Not here.");
  EXPECT_EQ(as_text(*last_answer().find(Type::proxy_state)), "state");
  receive(testing::Login{.user = "alice@elsewhere.example", .proxy_states = {"state"}});
  EXPECT_EQ(outbox_.to_client[0].octets, outbox_.to_client[1].octets);
  EXPECT_TRUE(outbox_.to_downstream.empty());
  receive(testing::Login{.identifier = 2, .authenticator = 2, .user = "alice"});  // no route at all
  EXPECT_EQ(as_text(*last_answer(2).find(Type::reply_message)),
            settings_.downstream.unserved_message);
  EXPECT_EQ(metrics_.unserved.value(), 3u);
  ASSERT_EQ(outbox_.audited.size(), 3u);
  EXPECT_EQ(outbox_.audited[0].outcome, Outcome::unserved);
  EXPECT_EQ(outbox_.audited[0].user.view(), "alice@elsewhere.example");
}

TEST_F(DoorServersTest, AnUnservedRequestThatIsNotAuthenticGetsNothing) {
  settings_.downstream.routes = {{.realms = {"example.com"}, .pool = "downstream"}};
  receive(request({.user = "alice@elsewhere.example"}, radius::HopKey(Secret("guess"))));
  EXPECT_TRUE(outbox_.to_client.empty());
}

TEST_F(DoorServersTest, ARouteMayStripTheRealm) {
  settings_.downstream.routes = {
      {.realms = {"example.com"}, .pool = "downstream", .strip_realm = true}};
  receive(testing::Login{.user = "alice@example.com"});
  EXPECT_EQ(as_text(*last_sent().find(Type::user_name)), "alice");
  EXPECT_EQ(radius::verify_request(last_sent(), *downstream_key_), radius::Authenticity::authentic);
}

TEST_F(DoorServersTest, RoutesLeadToPools) {
  settings_.downstream.servers = {{.name = "one", .pool = "a"}, {.name = "two", .pool = "b"}};
  settings_.downstream.pools = {};
  settings_.downstream.routes = {{.realms = {"a.example"}, .pool = "a"},
                                 {.called_stations = {"*:guests"}, .pool = "b"}};
  receive(testing::Login{.user = "x@a.example"});
  EXPECT_EQ(links().back(), 0u);
}

TEST_F(DoorServersTest, AReloadMayTakeAServerAwayWhileItOwesAReply) {
  receive(Login());
  ASSERT_EQ(links().back(), 0u);
  settings_.downstream.servers = {{.name = "two"}};
  auto changed = std::make_shared<DoorSettings>(*snapshot());
  changed->plan.servers[0].link = 1;
  door().reload(changed);
  run_ms(1);
  accept();  // of the old one
  EXPECT_EQ(outbox_.questions.size(), 1u);
  receive(testing::Login{.identifier = 2, .authenticator = 2});
  EXPECT_EQ(links().back(), 1u);
}

TEST_F(DoorServersTest, AServerMayGoAwayBeforeAReloadsPoolsAreInUse) {
  receive(Login());
  settings_.downstream.servers = {{.name = "zero", .pool = "other"},
                                  {.name = "one", .pool = "main"},
                                  {.name = "two", .pool = "main"}};
  settings_.downstream.pools = {};
  settings_.downstream.routes = {{.realms = {"a.example"}, .pool = "other"}, {.pool = "main"}};
  auto changed = std::make_shared<DoorSettings>(*snapshot());
  changed->plan.servers[0].link = 2;
  changed->plan.servers[1].link = 0;
  changed->plan.servers[2].link = 1;
  auto link = std::make_unique<DownstreamLink>(
      plan_.max_source_ports, std::make_shared<LinkMetrics>(), config::ServerTransport::udp);
  door().exchange_link(2, link);
  door().reload(changed);
  door().unreachable(now_, 0);  // one of a pool that the settings before had not
  run_ms(210);
  EXPECT_EQ(links().back(), 1u);
}

}  // namespace
}  // namespace sallyport::radius_door
