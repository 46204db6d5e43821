// Every kind of wrong answer is told, and by its own name.

#include <gtest/gtest.h>

#include "tests/bench/load/workload/fake_server.h"

namespace sallyport::lab::testing {
namespace {

namespace wire = radius::wire;
using wire::attribute;
using wire::text;

/// One request, judged against answers of any kind.
class Judge : public ::testing::Test {
 protected:
  Judgement judge(const Bytes& answer) {
    Session session = session_;
    return workload_->judge(session, request_, answer);
  }
  std::string explain(const Bytes& answer) {
    return Workload::explain(judge(answer), session_, request_, answer);
  }
  void use(const WorkloadSettings& settings) {
    workload_ = made(settings);
    request_ = written(*workload_, session_);
  }

  std::unique_ptr<Workload> workload_ = made(settings_of(Method::pap));
  Session session_ = workload_->begin(3);
  Bytes request_ = written(*workload_, session_);
};

TEST_F(Judge, TakesRightAnswers) {
  EXPECT_EQ(judge(reply_to(request_, Code::access_accept)), Judgement::done_accept);
  const Bytes named =
      reply_to(request_, Code::access_accept,
               {attribute(1, text("user-0000003")), attribute(25, text("user:user-0000003")),
                attribute(25, text("a Class of another kind"))});
  EXPECT_EQ(judge(named), Judgement::done_accept);
}

TEST_F(Judge, WantsTheVerdictThatWasExpected) {
  const Bytes reject = reply_to(request_, Code::access_reject, {attribute(18, text("no\nway"))});
  EXPECT_EQ(judge(reject), Judgement::wrong_verdict);
  EXPECT_EQ(explain(reject),
            "wrong_verdict: the Access-Reject to Access-Request 7 of user-0000003 is not the "
            "verdict that was expected; Reply-Message \"no?way\"");
  auto settings = settings_of(Method::pap);
  settings.expected = Verdict::reject;
  use(settings);
  EXPECT_EQ(judge(reply_to(request_, Code::access_reject)), Judgement::done_reject);
  EXPECT_EQ(judge(reply_to(request_, Code::access_accept)), Judgement::wrong_verdict);
  settings.expected = Verdict::any;
  use(settings);
  EXPECT_EQ(judge(reply_to(request_, Code::access_reject)), Judgement::done_reject);
  EXPECT_EQ(judge(reply_to(request_, Code::access_accept)), Judgement::done_accept);
}

TEST_F(Judge, TellsWhatIsNoRadius) {
  Bytes cut = reply_to(request_, Code::access_accept);
  cut.pop_back();
  EXPECT_EQ(judge(cut), Judgement::malformed);
  EXPECT_EQ(explain(cut),
            "malformed: the answer to Access-Request 7 of user-0000003 is no RADIUS packet "
            "(length_beyond_datagram, 37 octets)");
  EXPECT_EQ(judge({}), Judgement::malformed);
}

TEST_F(Judge, TellsAnotherIdentifier) {
  Bytes answer = reply_to(request_, Code::access_accept);
  answer[1] ^= 1;
  EXPECT_EQ(judge(answer), Judgement::wrong_identifier);
}

TEST_F(Judge, TellsAnotherSecret) {
  EXPECT_EQ(judge(reply_to(request_, Code::access_accept, {}, {.secret = "another"})),
            Judgement::wrong_authenticator);
}

TEST_F(Judge, TellsAnAnswerToAnotherRequest) {
  const Bytes other = written(*workload_, workload_->begin(4));
  const Bytes answer = reply_to(other, Code::access_accept);
  EXPECT_EQ(judge(answer), Judgement::wrong_authenticator);
  EXPECT_TRUE(workload_->answers(wire::parsed(other).authenticator(), answer));
  EXPECT_FALSE(workload_->answers(wire::parsed(request_).authenticator(), answer));
}

TEST_F(Judge, TellsAnyChangedOctet) {
  const Bytes right = reply_to(request_, Code::access_accept, {attribute(18, text("Welcome"))});
  for (std::size_t at = 0; at < right.size(); ++at) {
    Bytes answer = right;
    answer[at] ^= 1;
    EXPECT_FALSE(is_right(judge(answer))) << "octet " << at;
  }
}

TEST_F(Judge, WantsAMessageAuthenticator) {
  const Bytes bare = reply_to(request_, Code::access_accept, {}, {.message_authenticator = false});
  EXPECT_EQ(judge(bare), Judgement::no_message_authenticator);
  auto settings = settings_of(Method::pap);
  settings.unsigned_answers = true;
  use(settings);
  EXPECT_EQ(judge(reply_to(request_, Code::access_accept, {}, {.message_authenticator = false})),
            Judgement::done_accept);
  settings = settings_of(Method::pap);
  settings.message_authenticator = false;
  use(settings);
  EXPECT_FALSE(wire::parsed(request_).has(radius::Type::message_authenticator));
  EXPECT_EQ(judge(reply_to(request_, Code::access_accept, {}, {.message_authenticator = false})),
            Judgement::done_accept);
}

TEST_F(Judge, TellsAWrongMessageAuthenticator) {
  Bytes answer = reply_to(request_, Code::access_accept, {attribute(80, wire::filled(16, 9))},
                          {.message_authenticator = false});
  // Right by MD5 only, as a forger with a collision has it.
  const auto authenticator = wire::parsed(request_).authenticator();
  std::ranges::copy(authenticator.octets, answer.begin() + 4);
  std::ranges::fill(answer.begin() + 22, answer.end(), std::uint8_t{9});
  const auto md5 = wire::md5(wire::join({answer, text(kSecret)}));
  std::ranges::copy(md5.octets, answer.begin() + 4);
  EXPECT_EQ(judge(answer), Judgement::wrong_message_authenticator);
}

TEST_F(Judge, TellsCodesThatAnswerSomethingElse) {
  for (const Code code : {Code::accounting_response, Code::coa_ack, Code::disconnect_nak,
                          Code::protocol_error, Code::access_request}) {
    EXPECT_EQ(judge(reply_to(request_, code)), Judgement::wrong_code)
        << static_cast<unsigned>(code);
  }
}

TEST_F(Judge, TellsAnotherUser) {
  const Bytes name = reply_to(request_, Code::access_accept, {attribute(1, text("user-0000004"))});
  EXPECT_EQ(judge(name), Judgement::wrong_user);
  EXPECT_EQ(explain(name),
            "wrong_user: the Access-Accept to Access-Request 7 of user-0000003 is for another "
            "user; User-Name \"user-0000004\"");
  EXPECT_EQ(
      judge(reply_to(request_, Code::access_accept, {attribute(25, text("user:user-0000004"))})),
      Judgement::wrong_user);
}

TEST_F(Judge, SaysThatNothingWasAsked) {
  const Bytes answer = reply_to(request_, Code::access_accept);
  EXPECT_EQ(Workload::explain(Judgement::wrong_identifier, {}, {}, answer),
            "wrong_identifier: the Access-Accept to no request has another Identifier: 7");
}

TEST(WorkloadSettings, AreRefusedWithAReason) {
  auto settings = settings_of(Method::pap);
  settings.secret = {};
  EXPECT_EQ(refusal(settings), "the shared secret is empty");
  settings = settings_of(Method::pap);
  settings.password = Secret(std::string(129, 'x'));
  EXPECT_EQ(refusal(settings), "a password of 129 octets: RADIUS carries at most 128");
  settings = settings_of(Method::pap);
  settings.user_pattern = "u%01u";
  settings.users = 11;
  EXPECT_EQ(refusal(settings), "11 users: pattern 'u%01u' names 1 to 10");
  settings = settings_of(Method::mschapv2);
  settings.password = Secret(std::string_view("\xff"));
  EXPECT_EQ(refusal(settings), "the password is not UTF-8, as MS-CHAP needs it");
  settings = settings_of(Method::eap_md5);
  settings.presigned = 1024;
  EXPECT_TRUE(refusal(settings).starts_with("signed in advance can be what has one round"));
  settings = settings_of(Method::pap);
  settings.presigned = 511;
  EXPECT_EQ(refusal(settings), "511 requests signed in advance: 512 to 4194304 can be");
  EXPECT_EQ(refusal(settings_of(Method::replay)), "replay needs a capture with requests in it");
}

}  // namespace
}  // namespace sallyport::lab::testing
