#include <gtest/gtest.h>

#include "tests/bench/load/workload/fake_server.h"

namespace sallyport::lab::testing {
namespace {

namespace wire = radius::wire;
using wire::attribute;
using wire::hex;
using wire::join;
using wire::text;

const Bytes kState = wire::hex("0102030405060708");
const Bytes kChallenge = wire::filled(16, 0x5a);

Bytes eap(std::uint8_t code, std::uint8_t identifier, const Bytes& body) {
  const auto length = static_cast<std::uint8_t>(body.size() + 4);
  return join({{code, identifier, 0, length}, body});
}
Bytes md5_request(std::uint8_t identifier) {
  return eap(1, identifier, join({{4, 16}, kChallenge, text("server")}));
}

class EapMd5 : public ::testing::Test {
 protected:
  /// Sends the next request and judges this answer to it.
  Judgement answer_with(Code code, const std::vector<Bytes>& attributes) {
    request_ = written(*workload_, session_);
    const radius::HopKey key{Secret(kSecret)};
    EXPECT_TRUE(wire::parsed(request_).has(radius::Type::message_authenticator));
    EXPECT_EQ(radius::verify_request(wire::parsed(request_), key), radius::Authenticity::authentic);
    EXPECT_LE(request_.size(), workload_->max_request_octets());
    return workload_->judge(session_, request_, reply_to(request_, code, attributes));
  }
  Judgement challenge_with(const Bytes& eap_packet) {
    return answer_with(Code::access_challenge, {attribute(79, eap_packet), attribute(24, kState)});
  }

  std::unique_ptr<Workload> workload_ = made(settings_of(Method::eap_md5));
  Session session_ = workload_->begin(2);
  Bytes request_;
};

TEST_F(EapMd5, GoesFromIdentityToSuccess) {
  EXPECT_EQ(challenge_with(md5_request(9)), Judgement::next);
  EXPECT_EQ(value_of(request_, 79), eap(2, 0, join({{1}, text("user-0000002")})));
  EXPECT_FALSE(wire::parsed(request_).has(radius::Type::state));

  EXPECT_EQ(answer_with(Code::access_accept, {attribute(79, eap(3, 9, {}))}),
            Judgement::done_accept);
  const auto digest = wire::md5(join({{9}, text(kPassword), kChallenge}));
  EXPECT_EQ(value_of(request_, 79),
            eap(2, 9, join({{4, 16}, {digest.octets.begin(), digest.octets.end()}})));
  EXPECT_EQ(value_of(request_, 24), kState);
  EXPECT_EQ(text_of(request_, 1), "user-0000002");
}

TEST_F(EapMd5, AsksForMd5WhereAnotherMethodIsOffered) {
  EXPECT_EQ(challenge_with(eap(1, 3, hex("1520"))), Judgement::next);  // EAP-TTLS
  EXPECT_EQ(challenge_with(md5_request(4)), Judgement::next);
  EXPECT_EQ(value_of(request_, 79), eap(2, 3, hex("0304")));
  EXPECT_EQ(answer_with(Code::access_accept, {attribute(79, eap(3, 4, {}))}),
            Judgement::done_accept);
}

TEST_F(EapMd5, PutsAChallengeTogetherFromItsPieces) {
  const Bytes whole = md5_request(9);
  const Bytes front(whole.begin(), whole.begin() + 7), back(whole.begin() + 7, whole.end());
  EXPECT_EQ(answer_with(Code::access_challenge,
                        {attribute(79, front), attribute(79, back), attribute(24, kState)}),
            Judgement::next);
  request_ = written(*workload_, session_);
  EXPECT_EQ(value_of(request_, 79)[4], 4);
}

TEST_F(EapMd5, RefusesChallengesThatCannotBe) {
  EXPECT_EQ(answer_with(Code::access_challenge, {attribute(24, kState)}),
            Judgement::wrong_challenge);
  EXPECT_EQ(challenge_with(eap(1, 9, {})), Judgement::wrong_challenge);
  EXPECT_EQ(challenge_with(eap(2, 9, hex("0410"))), Judgement::wrong_challenge);
  EXPECT_EQ(challenge_with(eap(1, 9, hex("04"))), Judgement::wrong_challenge);
  EXPECT_EQ(challenge_with(eap(1, 9, hex("0400"))), Judgement::wrong_challenge);
  EXPECT_EQ(challenge_with(eap(1, 9, hex("041000"))), Judgement::wrong_challenge);
  EXPECT_EQ(challenge_with(hex("010900")), Judgement::wrong_challenge);
  EXPECT_EQ(challenge_with(hex("010900ff04100102")), Judgement::wrong_challenge);
}

TEST_F(EapMd5, WantsTheEndThatFitsTheVerdict) {
  EXPECT_EQ(answer_with(Code::access_accept, {attribute(79, eap(4, 9, {}))}),
            Judgement::wrong_challenge);
  EXPECT_EQ(answer_with(Code::access_reject, {attribute(79, eap(3, 9, {}))}),
            Judgement::wrong_challenge);
  EXPECT_EQ(answer_with(Code::access_reject, {attribute(79, eap(4, 9, {}))}),
            Judgement::wrong_verdict);
}

TEST_F(EapMd5, HasExactlyTheOctetsAskedFor) {
  auto settings = settings_of(Method::eap_md5);
  settings.request_octets = 200;
  workload_ = made(settings);
  EXPECT_EQ(written(*workload_, workload_->begin(0)).size(), 200U);
}

}  // namespace
}  // namespace sallyport::lab::testing
