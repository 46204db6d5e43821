// PAP, CHAP and MS-CHAPv2, read back with the tests' own formulae.

#include <gtest/gtest.h>

#include "bench/load/workload/mschap.h"
#include "tests/bench/load/workload/fake_server.h"

namespace sallyport::lab::testing {
namespace {

namespace wire = radius::wire;
using wire::attribute;

bool authentic(const Bytes& request) {
  const radius::HopKey key{Secret(kSecret)};
  return wire::parsed(request).has(radius::Type::message_authenticator) &&
         radius::verify_request(wire::parsed(request), key) == radius::Authenticity::authentic;
}

TEST(Pap, HidesThePasswordAndSigns) {
  for (const std::string_view password : {std::string_view(""), std::string_view("arctangent"),
                                          std::string_view("sixteen octets!!"), kPassword}) {
    auto settings = settings_of(Method::pap);
    settings.password = Secret(password);
    const auto workload = made(settings);
    const Bytes request = written(*workload, workload->begin(13), 200);
    EXPECT_TRUE(authentic(request));
    EXPECT_EQ(request[0], 1);
    EXPECT_EQ(request[1], 200);
    EXPECT_EQ(text_of(request, 1), "user-0000003");  // the fourth of ten users, again
    EXPECT_EQ(number_of(request, 5), 3U);
    EXPECT_EQ(text_of(request, 31), "02-00-00-00-00-03");
    Bytes clear =
        wire::reveal_password(value_of(request, 2), kSecret, wire::parsed(request).authenticator());
    while (!clear.empty() && clear.back() == 0) clear.pop_back();
    EXPECT_EQ(as_text(clear), password);
  }
}

TEST(Pap, PutsTheMessageAuthenticatorFirst) {
  const auto workload = made(settings_of(Method::pap));
  EXPECT_EQ(written(*workload, workload->begin(0))[20], 80);
}

TEST(Pap, DrawsNewAuthenticators) {
  auto settings = settings_of(Method::pap);
  const auto one = made(settings);
  const Bytes first = written(*one, one->begin(0));
  EXPECT_NE(value_of(first, 2), value_of(written(*one, one->begin(0)), 2));
  settings.seed = 2;
  const auto other = made(settings);
  EXPECT_NE(first, written(*other, other->begin(0)));
}

TEST(Pap, HasExactlyTheOctetsAskedFor) {
  auto settings = settings_of(Method::pap);
  settings.password = Secret(std::string_view("secret"));
  const std::size_t natural = written(*made(settings), {}).size();
  ASSERT_LE(natural, 130U);
  for (std::size_t octets = natural; octets <= 3'700; ++octets) {
    settings.request_octets = octets;
    const auto workload = made(settings);
    const Bytes request = written(*workload, workload->begin(1));
    ASSERT_EQ(request.size(), octets);
    ASSERT_TRUE(authentic(request)) << octets;
    for (const Bytes& whole : wire::attributes_of(request)) ASSERT_GT(whole.size(), 2U) << octets;
    for (const auto part : wire::parsed(request)) {
      if (part.type != radius::Type::vendor_specific) continue;
      ASSERT_EQ(part.value[5] + 4U, part.value.size()) << octets;  // one attribute fills it
    }
  }
  settings.request_octets = natural - 1;
  EXPECT_EQ(refusal(settings), "request of " + std::to_string(natural - 1) +
                                   " octets: with this method, user and password it has " +
                                   std::to_string(natural) + " to 3700");
  settings.request_octets = 3'701;
  EXPECT_NE(refusal(settings), "");
}

TEST(Pap, AnswersAChallengeWithItsState) {
  const auto workload = made(settings_of(Method::pap));
  Session session = workload->begin(0);
  const Bytes first = written(*workload, session);
  const Bytes state = wire::filled(Session::kMaxStateOctets, 5);
  EXPECT_EQ(workload->judge(session, first,
                            reply_to(first, Code::access_challenge, {attribute(24, state)})),
            Judgement::next);
  const Bytes second = written(*workload, session, 8);
  EXPECT_TRUE(authentic(second));
  EXPECT_EQ(value_of(second, 24), state);
  EXPECT_LE(second.size(), workload->max_request_octets());
  EXPECT_EQ(workload->judge(session, second, reply_to(second, Code::access_accept)),
            Judgement::done_accept);

  Session unlucky = workload->begin(0);
  const Bytes long_state = wire::filled(Session::kMaxStateOctets + 1, 5);
  EXPECT_EQ(workload->judge(unlucky, first,
                            reply_to(first, Code::access_challenge, {attribute(24, long_state)})),
            Judgement::wrong_challenge);
}

TEST(Pap, GivesUpAServerThatKeepsAsking) {
  const auto workload = made(settings_of(Method::pap));
  Session session = workload->begin(0);
  Judgement judgement = Judgement::next;
  int rounds = 0;
  for (; judgement == Judgement::next && rounds < 100; ++rounds) {
    const Bytes request = written(*workload, session);
    judgement = workload->judge(session, request, reply_to(request, Code::access_challenge));
  }
  EXPECT_EQ(judgement, Judgement::wrong_challenge);
  EXPECT_EQ(rounds, 9);
}

TEST(Chap, ProvesThePassword) {
  const auto workload = made(settings_of(Method::chap));
  Session session = workload->begin(5);
  const Bytes request = written(*workload, session);
  EXPECT_TRUE(authentic(request));
  const Bytes chap = value_of(request, 3);
  ASSERT_EQ(chap.size(), 17U);
  const auto expected =
      wire::md5(wire::join({{chap[0]}, wire::text(kPassword), value_of(request, 60)}));
  EXPECT_EQ(Bytes(chap.begin() + 1, chap.end()),
            Bytes(expected.octets.begin(), expected.octets.end()));
  EXPECT_EQ(workload->judge(session, request, reply_to(request, Code::access_accept)),
            Judgement::done_accept);
  EXPECT_EQ(workload->judge(session, request, reply_to(request, Code::access_challenge)),
            Judgement::wrong_challenge);
}

/// The Microsoft attribute of this type, without its header.
Bytes microsoft(const Bytes& packet, std::uint8_t type) {
  for (const auto part : wire::parsed(packet)) {
    if (part.type == radius::Type::vendor_specific && part.value[4] == type)
      return {part.value.begin() + 6, part.value.end()};
  }
  ADD_FAILURE() << "no Microsoft attribute " << int{type};
  return {};
}

Bytes success_of(std::uint8_t ident, std::string_view proof) {
  const auto length = static_cast<std::uint8_t>(proof.size() + 3);
  return wire::vendor_specific(311, wire::join({{26, length, ident}, wire::text(proof)}));
}

TEST(MsChapV2, ProvesThePasswordAndChecksTheServersProof) {
  auto settings = settings_of(Method::mschapv2);
  settings.user_pattern = "DOMAIN\\user-%03u";
  const auto workload = made(settings);
  Session session = workload->begin(5);
  const Bytes request = written(*workload, session);
  EXPECT_TRUE(authentic(request));
  const Bytes challenge = microsoft(request, 11);
  const Bytes response = microsoft(request, 25);
  ASSERT_EQ(challenge.size(), 16U);
  ASSERT_EQ(response.size(), 50U);

  MsChapChallenge peer, authenticator;
  std::copy_n(response.begin() + 2, 16, peer.begin());
  std::ranges::copy(challenge, authenticator.begin());
  const auto hash = mschap_challenge_hash(peer, authenticator, as_octets("user-005"));
  const auto key = MsChapKey::make(as_octets(kPassword));
  const MsChapResponse expected = key->response(hash);
  EXPECT_EQ(Bytes(response.begin() + 26, response.end()), Bytes(expected.begin(), expected.end()));

  const std::string proof(as_text(key->proof(expected, hash)));
  const auto judged = [&](Code code, const std::vector<Bytes>& attributes) {
    Session copy = session;
    return workload->judge(copy, request, reply_to(request, code, attributes));
  };
  EXPECT_EQ(judged(Code::access_accept, {success_of(5, proof)}), Judgement::done_accept);
  EXPECT_EQ(judged(Code::access_accept, {success_of(5, proof + " M=Welcome")}),
            Judgement::done_accept);
  EXPECT_EQ(judged(Code::access_accept, {}), Judgement::wrong_proof);
  EXPECT_EQ(judged(Code::access_accept, {success_of(6, proof)}), Judgement::wrong_proof);
  EXPECT_EQ(judged(Code::access_accept, {success_of(5, proof.substr(1))}), Judgement::wrong_proof);
  std::string forged = proof;
  forged.back() = forged.back() == '0' ? '1' : '0';
  EXPECT_EQ(judged(Code::access_accept, {success_of(5, forged)}), Judgement::wrong_proof);
  EXPECT_EQ(judged(Code::access_reject, {}), Judgement::wrong_verdict);
}

}  // namespace
}  // namespace sallyport::lab::testing
