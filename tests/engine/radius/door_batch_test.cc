// What comes in one turn goes through the door side by side. Two doors are given the same traffic,
// one in turns and one datagram by datagram: what leaves them must be the same.

#include <algorithm>
#include <array>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "tests/engine/radius/door_harness.h"

namespace sallyport::radius_door {
namespace {

using radius::Code;
using radius::Type;
using testing::Bytes;
using testing::Login;
using testing::PacketBuilder;
using testing::RecordingOutbox;

/// Drawn in whatever order, it is the same: only so can two doors be compared octet by octet.
class ConstantRandom final : public RandomSource {
 public:
  void fill(MutableOctets out) noexcept override { std::ranges::fill(out, std::uint8_t{0x5a}); }
};

struct Side {
  explicit Side(const DoorSettings& settings) {
    DoorPlan plan;
    plan.exchanges = 8'192;  // never full: which answer is evicted may differ
    plan.max_source_ports = 64;
    plan.instance.fill(7);
    plan.learned_clients = &learned_clients;
    plan.learned_downstreams = &learned_downstreams;
    door = std::make_unique<Door>(plan, std::make_shared<const DoorSettings>(settings),
                                  testing::links_to(settings.plan, plan.max_source_ports), outbox,
                                  random, metrics, Now{.monotonic_ns = 1'000'000'000});
  }

  /// All that left since the last call, in an order of its own.
  std::vector<Bytes> take_output() {
    std::vector<Bytes> all;
    for (const auto& [path, octets] : outbox.to_client) {
      Bytes line = octets;
      line.push_back(static_cast<std::uint8_t>(path.source.port));
      all.push_back(line);
    }
    for (const auto& [link, port, octets] : outbox.to_downstream) {
      Bytes line = octets;
      line.push_back(static_cast<std::uint8_t>(port));
      all.push_back(line);
    }
    outbox.to_client.clear();
    outbox.to_downstream.clear();
    std::ranges::sort(all);
    return all;
  }

  LearnedAddresses learned_clients;
  LearnedAddresses learned_downstreams;
  RecordingOutbox outbox;
  ConstantRandom random;
  RadiusMetrics metrics;
  std::unique_ptr<Door> door;
};

class DoorBatchTest : public testing::DoorTest {
 protected:
  std::uint32_t below(std::uint32_t bound) {
    return std::uniform_int_distribution<std::uint32_t>(0, bound - 1)(dice_);
  }

  /// Few ports, Identifiers and authenticators: a turn holds duplicates and requests that replace
  /// others of the same turn.
  Bytes some_request() {
    Login login;
    login.identifier = static_cast<std::uint8_t>(below(4));
    login.authenticator = static_cast<std::uint8_t>(1 + below(3));
    login.password = std::string(1 + below(40), 'p');
    login.message_authenticator = below(4) != 0;
    if (below(5) == 0) {
      login.eap = {2, 9, 0, 5, 1};
      login.message_authenticator = true;
    }
    if (below(4) == 0) login.proxy_states = {"one", "two"};
    Bytes octets = request(login);
    spoil(octets);
    return octets;
  }
  void spoil(Bytes& octets) {
    if (below(8) == 0) octets[below(static_cast<std::uint32_t>(octets.size()))] ^= 0x10;
    if (below(20) == 0) octets.resize(below(static_cast<std::uint32_t>(octets.size())));
  }
  Bytes some_reply(const RecordingOutbox::ToDownstream& sent) {
    constexpr std::array kCodes{Code::access_accept, Code::access_reject, Code::access_challenge,
                                Code::accounting_response};
    PacketBuilder builder(kCodes[below(kCodes.size())], sent.octets[1]);
    if (below(4) != 0) builder.add_message_authenticator();
    if (below(2) == 0) builder.add(Type::reply_message, "a message");
    Bytes octets = builder.sign_response(*downstream_key_, testing::authenticator_of(sent.octets));
    spoil(octets);
    return octets;
  }

  std::mt19937 dice_{7};
};

TEST_F(DoorBatchTest, ATurnHasTheOutcomeOfItsDatagramsOneByOne) {
  settings_.clients = snapshot()->clients;
  settings_.plan = testing::plan_of({}, *downstream_key_);
  Side together(settings_);
  Side one_by_one(settings_);
  Now now{.monotonic_ns = 1'000'000'000};
  std::size_t compared = 0;

  for (unsigned turn = 0; turn < 300; ++turn) {
    std::vector<Bytes> datagrams(1 + below(100));
    std::vector<ClientDatagram> requests;
    for (Bytes& octets : datagrams) {
      octets = some_request();
      ClientPath path = path_;
      path.source.port = static_cast<std::uint16_t>(1'024 + below(6));
      requests.push_back({.path = path, .octets = octets});
    }
    together.door->client_datagrams(now, requests);
    for (const ClientDatagram& each : requests)
      one_by_one.door->client_datagrams(now, std::array{each});
    const auto sent = together.outbox.to_downstream;
    const auto output = together.take_output();
    ASSERT_EQ(output, one_by_one.take_output()) << "requests of turn " << turn;
    compared += output.size();

    now.monotonic_ns += below(50) * 1'000'000;
    std::vector<Bytes> answers;
    std::vector<std::uint16_t> ports;
    for (const auto& each : sent) {
      if (below(10) == 0) continue;  // lost
      for (std::uint32_t times = 1 + (below(6) == 0 ? 1 : 0); times > 0; --times) {
        answers.push_back(some_reply(each));
        ports.push_back(each.source_port);
      }
    }
    std::vector<DownstreamDatagram> replies;
    for (std::size_t i = 0; i < answers.size(); ++i)
      replies.push_back({.source_port = ports[i], .octets = answers[i]});
    together.door->downstream_datagrams(now, replies);
    for (const DownstreamDatagram& each : replies)
      one_by_one.door->downstream_datagrams(now, std::array{each});
    ASSERT_EQ(together.take_output(), one_by_one.take_output()) << "replies of turn " << turn;
    ASSERT_EQ(together.outbox.questions.size(), one_by_one.outbox.questions.size());
    ASSERT_EQ(together.outbox.audited.size(), one_by_one.outbox.audited.size());

    now.monotonic_ns += below(400) * 1'000'000;
    for (Side* side : {&together, &one_by_one}) side->door->advance(now);
    ASSERT_EQ(together.take_output(), one_by_one.take_output()) << "timers of turn " << turn;
  }

  EXPECT_GT(compared, 3'000u) << "too little left the doors to compare anything";
  EXPECT_GT(together.metrics.replaced.value(), 100u);
  EXPECT_GT(together.metrics.duplicates_answered.value(), 10u);
  EXPECT_EQ(together.metrics.replaced.value(), one_by_one.metrics.replaced.value());
  EXPECT_EQ(together.metrics.forwarded.value(), one_by_one.metrics.forwarded.value());
  EXPECT_EQ(together.metrics.replies.value(), one_by_one.metrics.replies.value());
  for (std::size_t reason = 0; reason < together.metrics.drops.size(); ++reason) {
    EXPECT_EQ(together.metrics.drops[reason].value(), one_by_one.metrics.drops[reason].value())
        << "drops for reason " << reason;
  }
}

TEST_F(DoorBatchTest, EveryRequestOfATurnGetsAnAuthenticatorOfItsOwn) {
  // Also one that replaces a request of the same Identifier, which looks like a duplicate at first.
  for (std::uint8_t authenticator = 1; authenticator <= 4; ++authenticator) {
    std::vector<Bytes> datagrams;
    for (std::uint8_t identifier = 10; identifier < 13; ++identifier) {
      datagrams.push_back(request(Login{.identifier = identifier, .authenticator = authenticator}));
    }
    std::vector<ClientDatagram> requests;
    for (const Bytes& octets : datagrams) requests.push_back({.path = path_, .octets = octets});
    door().client_datagrams(now_, requests);
  }
  std::vector<Bytes> authenticators;
  for (const auto& sent : outbox_.to_downstream) {
    const auto value = testing::authenticator_of(sent.octets).octets;
    authenticators.emplace_back(value.begin(), value.end());
  }
  ASSERT_EQ(authenticators.size(), 12u);
  std::ranges::sort(authenticators);
  EXPECT_EQ(std::ranges::adjacent_find(authenticators), authenticators.end());
}

TEST_F(DoorBatchTest, RequestsOfATurnLeaveOrderedByPortAndLength) {
  // So that those of one length share a send, whatever order the clients' came in.
  std::vector<Bytes> datagrams;
  for (std::uint8_t identifier = 0; identifier < 30; ++identifier) {
    datagrams.push_back(
        request(Login{.identifier = identifier, .user = std::string(5 + identifier % 4, 'u')}));
  }
  std::vector<ClientDatagram> requests;
  for (const Bytes& octets : datagrams) requests.push_back({.path = path_, .octets = octets});
  door().client_datagrams(now_, requests);

  ASSERT_EQ(outbox_.to_downstream.size(), 30u);
  std::size_t changes = 0;
  for (std::size_t i = 1; i < outbox_.to_downstream.size(); ++i) {
    const auto& before = outbox_.to_downstream[i - 1];
    const auto& here = outbox_.to_downstream[i];
    EXPECT_LE(before.source_port, here.source_port);
    if (before.source_port == here.source_port) {
      EXPECT_GE(before.octets.size(), here.octets.size());
    }
    if (before.octets.size() != here.octets.size()) ++changes;
  }
  EXPECT_EQ(changes, 3u) << "four lengths, one behind the other";
}

TEST_F(DoorBatchTest, AnswersOfATurnLeaveClientByClient) {
  std::vector<ClientDatagram> requests;
  std::vector<Bytes> datagrams;
  for (std::uint8_t identifier = 0; identifier < 30; ++identifier)
    datagrams.push_back(request(Login{.identifier = identifier}));
  for (std::size_t i = 0; i < datagrams.size(); ++i) {
    ClientPath path = path_;
    path.source.port = static_cast<std::uint16_t>(1'024 + i % 3);
    requests.push_back({.path = path, .octets = datagrams[i]});
  }
  door().client_datagrams(now_, requests);
  std::vector<Bytes> answers;
  for (const auto& sent : outbox_.to_downstream) {
    PacketBuilder builder(Code::access_reject, sent.octets[1]);
    builder.add_message_authenticator();
    answers.push_back(
        builder.sign_response(*downstream_key_, testing::authenticator_of(sent.octets)));
  }
  std::vector<DownstreamDatagram> replies;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    replies.push_back({.source_port = outbox_.to_downstream[i].source_port, .octets = answers[i]});
  }
  door().downstream_datagrams(now_, replies);

  ASSERT_EQ(outbox_.to_client.size(), 30u);
  for (std::size_t i = 0; i < 30; ++i)
    EXPECT_EQ(outbox_.to_client[i].path.source.port, 1'024 + i / 10);
}

}  // namespace
}  // namespace sallyport::radius_door
