#include "bench/simulators/radius_responder.h"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bench/load/workload/workload.h"

namespace sallyport::lab {
namespace {

using radius::Code;
using radius::PacketView;
using radius::Type;

constexpr std::string_view kSecret = "secret-of-the-tests";
constexpr std::string_view kPassword = "wonderland";
constexpr Type kClass{25};

/// The server's thinking part, and the load generator that asks it.
class Lab {
 public:
  explicit Lab(RadiusBehaviour behaviour = {}, std::string_view secret = kSecret)
      : behaviour_(std::move(behaviour)),
        key_(Secret(secret)),
        responder_(std::make_unique<RadiusResponder>(behaviour_, users_, key_, kSeed, counts_)) {}

  [[nodiscard]] std::vector<std::uint8_t> answer(Octets request) {
    responder_->respond(std::span(&request, 1));
    const Octets answer = responder_->answer(0);
    return {answer.begin(), answer.end()};
  }
  /// One whole session; what its last answer was judged. Nothing: unanswered.
  [[nodiscard]] std::optional<Judgement> run(Workload& workload, std::uint64_t number) {
    Session session = workload.begin(number);
    Judgement judgement = Judgement::next;
    while (judgement == Judgement::next) {
      std::vector<std::uint8_t> request(workload.max_request_octets());
      request.resize(workload.write(session, static_cast<std::uint8_t>(number), request));
      last_answer_ = answer(request);
      if (last_answer_.empty()) return std::nullopt;
      judgement = workload.judge(session, request, last_answer_);
      if (judgement == Judgement::next) ++session.round;
    }
    return judgement;
  }
  [[nodiscard]] std::uint64_t count(RadiusCount count) const { return counts_.get(count); }
  [[nodiscard]] PacketView last_answer() const { return PacketView::parse(last_answer_).value(); }
  [[nodiscard]] const radius::HopKey& key() const { return key_; }
  [[nodiscard]] RadiusResponder& responder() { return *responder_; }

 private:
  static constexpr std::uint64_t kSeed = 7;

  RadiusBehaviour behaviour_;
  UserDirectory users_{{{"alice", Secret(std::string_view("other-password"))}}, Secret(kPassword)};
  radius::HopKey key_;
  RadiusCounts counts_;
  std::unique_ptr<RadiusResponder> responder_;
  std::vector<std::uint8_t> last_answer_;
};

std::unique_ptr<Workload> workload(Method method, std::string_view password = kPassword,
                                   Verdict expected = Verdict::any,
                                   std::string user = "user-%07u") {
  auto made = Workload::make({.method = method,
                              .secret = Secret(kSecret),
                              .user_pattern = std::move(user),
                              .users = 1,
                              .password = Secret(password),
                              .expected = expected,
                              .capture = nullptr,
                              .capture_secret = {}});
  EXPECT_TRUE(made) << made.error();
  return std::move(*made);
}

class EveryMethod : public testing::TestWithParam<Method> {};
class EveryLogin : public testing::TestWithParam<Method> {};

TEST_P(EveryMethod, IsAnsweredAsTheGeneratorWantsIt) {
  Lab lab;
  const auto load = workload(GetParam());
  for (std::uint64_t number = 0; number < 300; ++number)
    ASSERT_EQ(lab.run(*load, number), Judgement::done_accept) << number;
}

TEST_P(EveryMethod, IsNotAnsweredWithAnotherSecret) {
  Lab lab({}, "another-secret");
  const auto load = workload(GetParam());
  EXPECT_EQ(lab.run(*load, 0), std::nullopt);
  EXPECT_EQ(lab.count(RadiusCount::bad_authenticator), 1U);
}

INSTANTIATE_TEST_SUITE_P(Methods, EveryMethod,
                         testing::Values(Method::pap, Method::chap, Method::mschapv2,
                                         Method::eap_md5, Method::accounting, Method::coa,
                                         Method::disconnect, Method::status_server));

TEST_P(EveryLogin, WithAWrongPasswordIsRejected) {
  Lab lab;
  const auto load = workload(GetParam(), "wrong");
  EXPECT_EQ(lab.run(*load, 0), Judgement::done_reject);
  EXPECT_EQ(lab.count(RadiusCount::rejected), 1U);
  EXPECT_EQ(lab.count(RadiusCount::accepted), 0U);
}

TEST_P(EveryLogin, OfAListedUserNeedsThatUsersPassword) {
  Lab lab;
  EXPECT_EQ(lab.run(*workload(GetParam(), "other-password", Verdict::any, "alice"), 0),
            Judgement::done_accept);
  EXPECT_EQ(lab.run(*workload(GetParam(), kPassword, Verdict::any, "alice"), 1),
            Judgement::done_reject);
}

TEST_P(EveryLogin, IsRejectedByChance) {
  Lab lab({.reject_share = 0.25});
  const auto load = workload(GetParam());
  int rejected = 0;
  for (std::uint64_t number = 0; number < 2'000; ++number)
    rejected += lab.run(*load, number) == Judgement::done_reject ? 1 : 0;
  EXPECT_NEAR(rejected, 500, 100);
}

INSTANTIATE_TEST_SUITE_P(Methods, EveryLogin,
                         testing::Values(Method::pap, Method::chap, Method::mschapv2,
                                         Method::eap_md5));

TEST(RadiusResponder, PasswordsOfMoreThanOneBlockAreRead) {
  const std::string password(40, 'x');
  const UserDirectory users({}, Secret(password));
  const radius::HopKey key{Secret(kSecret)};
  const RadiusBehaviour behaviour;
  RadiusCounts counts;
  const auto responder = std::make_unique<RadiusResponder>(behaviour, users, key, 1, counts);
  const auto load = workload(Method::pap, password);
  std::vector<std::uint8_t> request(load->max_request_octets());
  Session session = load->begin(0);
  request.resize(load->write(session, 0, request));
  const Octets datagram(request);
  responder->respond(std::span(&datagram, 1));
  EXPECT_EQ(load->judge(session, request, responder->answer(0)), Judgement::done_accept);
}

TEST(RadiusResponder, ManyAtOnceEachGetTheirOwnAnswer) {
  Lab lab({.echo_user = true});
  auto load = Workload::make({.method = Method::pap,
                              .secret = Secret(kSecret),
                              .users = 1'000,
                              .password = Secret(kPassword),
                              .capture = nullptr,
                              .capture_secret = {}})
                  .value();
  std::vector<std::vector<std::uint8_t>> requests;
  std::vector<Session> sessions;
  for (std::uint64_t number = 0; number < RadiusResponder::kMaxRequests; ++number) {
    sessions.push_back(load->begin(number));
    requests.emplace_back(load->max_request_octets());
    requests.back().resize(
        load->write(sessions.back(), static_cast<std::uint8_t>(number), requests.back()));
  }
  requests[9][30] ^= 1;  // no longer authentic
  requests[11].resize(10);
  const std::vector<Octets> datagrams(requests.begin(), requests.end());
  lab.responder().respond(datagrams);
  for (std::size_t i = 0; i < datagrams.size(); ++i) {
    const Octets answer = lab.responder().answer(i);
    if (i == 9 || i == 11) {
      EXPECT_TRUE(answer.empty()) << i;
    } else {
      ASSERT_EQ(load->judge(sessions[i], requests[i], answer), Judgement::done_accept) << i;
      const auto name = PacketView::parse(answer).value().find(kClass);
      ASSERT_TRUE(name);
      EXPECT_EQ(as_text(*name),
                "user:user-" + std::string(i < 10 ? "000000" : "00000") + std::to_string(i));
    }
  }
  EXPECT_EQ(lab.count(RadiusCount::bad_authenticator), 1U);
  EXPECT_EQ(lab.count(RadiusCount::malformed), 1U);
}

TEST(RadiusResponder, UncheckedTakesOtherAuthenticatorsButNoOtherPassword) {
  // The secret still hides the password, so only what carries none gets through.
  Lab lab({.unchecked = true}, "another-secret");
  const auto load = workload(Method::accounting);
  EXPECT_EQ(lab.run(*load, 0), Judgement::wrong_authenticator);
  EXPECT_EQ(lab.count(RadiusCount::accounting), 1U);
  const auto login = workload(Method::chap, "wrong");
  EXPECT_EQ(lab.run(*login, 0), Judgement::wrong_authenticator);
  EXPECT_EQ(lab.last_answer().code(), Code::access_reject);
}

TEST(RadiusResponder, LosesItsShare) {
  Lab lab({.loss = 0.1});
  const auto load = workload(Method::accounting);
  int lost = 0;
  for (std::uint64_t number = 0; number < 5'000; ++number) lost += lab.run(*load, number) ? 0 : 1;
  EXPECT_EQ(lab.count(RadiusCount::lost), static_cast<std::uint64_t>(lost));
  EXPECT_GT(lost, 0);
  EXPECT_NEAR(static_cast<double>(lab.count(RadiusCount::lost)) /
                  static_cast<double>(lab.count(RadiusCount::received)),
              0.1, 0.02);
}

TEST(RadiusResponder, NeverLosesAStatusServer) {
  Lab lab({.loss = 1});
  EXPECT_EQ(lab.run(*workload(Method::status_server), 0), Judgement::done_accept);
  EXPECT_EQ(lab.run(*workload(Method::pap), 0), std::nullopt);
}

TEST(RadiusResponder, RefusesToChangeASessionByChance) {
  Lab lab({.reject_share = 1});
  EXPECT_EQ(lab.run(*workload(Method::coa), 0), Judgement::done_reject);
  EXPECT_EQ(lab.last_answer().code(), Code::coa_nak);
  EXPECT_EQ(lab.run(*workload(Method::disconnect), 0), Judgement::done_reject);
  EXPECT_EQ(lab.last_answer().code(), Code::disconnect_nak);
  EXPECT_EQ(lab.count(RadiusCount::refused), 2U);
}

/// A CoA-Request or another request whose authenticator is computed.
std::vector<std::uint8_t> signed_request(const Lab& lab, Code code, std::string_view user,
                                         std::string_view proxy_state = "") {
  std::vector<std::uint8_t> out(radius::kMaxPacketOctets);
  radius::PacketWriter writer(out, code, radius::Identifier{5});
  EXPECT_TRUE(writer.add(Type::user_name, as_octets(user)));
  for (int i = 0; i < 2 && !proxy_state.empty(); ++i)
    EXPECT_TRUE(writer.add(Type::proxy_state, as_octets(proxy_state)));
  out.resize(writer.sign(lab.key(), {}));
  return out;
}

TEST(RadiusResponder, KnowsNoSessionOfAnUnknownUser) {
  const UserDirectory users({{"alice", Secret(kPassword)}});
  const radius::HopKey key{Secret(kSecret)};
  const RadiusBehaviour behaviour;
  RadiusCounts counts;
  const auto responder = std::make_unique<RadiusResponder>(behaviour, users, key, 1, counts);
  const Lab lab;
  for (const auto& [user, code] : {std::pair{"alice", Code::coa_ack}, {"bob", Code::coa_nak}}) {
    const auto request = signed_request(lab, Code::coa_request, user);
    const Octets datagram(request);
    responder->respond(std::span(&datagram, 1));
    EXPECT_EQ(PacketView::parse(responder->answer(0)).value().code(), code) << user;
  }
}

TEST(RadiusResponder, ReturnsProxyStatesInOrder) {
  Lab lab;
  const auto request = signed_request(lab, Code::accounting_request, "alice", "hop");
  const auto answer = lab.answer(request);
  const PacketView packet = PacketView::parse(answer).value();
  int states = 0;
  for (const radius::Attribute attribute : packet)
    states += attribute.type == Type::proxy_state ? 1 : 0;
  EXPECT_EQ(states, 2);
  EXPECT_EQ(as_text(*packet.find(Type::proxy_state)), "hop");
}

TEST(RadiusResponder, ReplyIsNoRequest) {
  Lab lab;
  EXPECT_TRUE(lab.answer(signed_request(lab, Code::access_accept, "alice")).empty());
  EXPECT_EQ(lab.count(RadiusCount::malformed), 1U);
}

TEST(RadiusResponder, TellsOfEachLogin) {
  std::vector<std::string> told;
  Lab lab({.on_event = [&told](const RadiusEvent& event) {
    told.push_back(event.user + (event.accepted ? " in" : " out"));
  }});
  EXPECT_EQ(lab.run(*workload(Method::eap_md5), 0), Judgement::done_accept);
  EXPECT_EQ(lab.run(*workload(Method::pap, "wrong"), 0), Judgement::done_reject);
  EXPECT_THAT(told, testing::ElementsAre("user-0000000 in", "user-0000000 out"));
}

}  // namespace
}  // namespace sallyport::lab
