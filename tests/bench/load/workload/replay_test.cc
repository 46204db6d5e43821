#include <gtest/gtest.h>

#include "tests/bench/load/workload/capture_file.h"
#include "tests/bench/load/workload/fake_server.h"

namespace sallyport::lab::testing {
namespace {

namespace wire = radius::wire;
using wire::attribute;
using wire::text;

constexpr std::string_view kCaptureSecret = "secret of the captured network";
const radius::Authenticator kCaptured = wire::authenticator_of(0x30);

WorkloadSettings replay_of(const std::vector<Bytes>& requests) {
  CaptureFile file({.link = 101});
  std::uint32_t second = 5;
  for (const Bytes& request : requests) file.add(second++, 0, ipv4(udp(request)));
  auto capture = Capture::parse(file.octets());
  EXPECT_TRUE(capture.has_value()) << capture.error();
  auto settings = settings_of(Method::replay);
  settings.capture = std::make_shared<const Capture>(std::move(*capture));
  settings.capture_secret = Secret(kCaptureSecret);
  return settings;
}

Bytes pap_request(const Bytes& hidden) {
  return wire::packet(Code::access_request, 1, kCaptured,
                      {attribute(1, text("alice")), attribute(2, hidden),
                       attribute(26, wire::hex("00007f1207030a")), attribute(32, text("nas"))});
}
Bytes hidden_by_capture(std::string_view clear) {
  return wire::hide_password(text(clear), kCaptureSecret, kCaptured);
}
bool authentic(const Bytes& request) {
  const radius::HopKey key{Secret(kSecret)};
  return radius::verify_request(wire::parsed(request), key) == radius::Authenticity::authentic;
}

TEST(Replay, SignsAnewAndHidesWithOurSecret) {
  const Bytes captured = pap_request(hidden_by_capture("a captured password, rather long"));
  const auto workload = made(replay_of({captured}));
  EXPECT_EQ(workload->sessions(), 1U);
  Session session = workload->begin(0);
  const Bytes request = written(*workload, session, 99);
  EXPECT_EQ(request[1], 99);
  EXPECT_TRUE(authentic(request));
  EXPECT_EQ(request.size(), captured.size() + 18);
  EXPECT_NE(wire::parsed(request).authenticator(), kCaptured);
  EXPECT_EQ(text_of(request, 1), "alice");
  EXPECT_EQ(value_of(request, 26), value_of(captured, 26));
  EXPECT_EQ(as_text(wire::reveal_password(value_of(request, 2), kSecret,
                                          wire::parsed(request).authenticator())),
            "a captured password, rather long");
  EXPECT_EQ(workload->judge(session, request, reply_to(request, Code::access_accept)),
            Judgement::done_accept);
  EXPECT_EQ(workload->judge(session, request,
                            reply_to(request, Code::access_accept, {attribute(1, text("bob"))})),
            Judgement::wrong_user);
  EXPECT_EQ(workload->judge(session, request, reply_to(request, Code::access_challenge)),
            Judgement::done_accept);
}

TEST(Replay, LeavesHiddenAttributesWithoutTheCapturesSecret) {
  const Bytes captured = pap_request(hidden_by_capture("password"));
  auto settings = replay_of({captured});
  settings.capture_secret = {};
  settings.message_authenticator = false;
  const auto workload = made(settings);
  const Bytes request = written(*workload, workload->begin(0));
  EXPECT_EQ(request.size(), captured.size());
  EXPECT_EQ(value_of(request, 2), value_of(captured, 2));
}

TEST(Replay, KeepsAMessageAuthenticatorInItsPlace) {
  const Bytes captured =
      wire::packet(Code::access_request, 1, kCaptured,
                   {attribute(1, text("alice")), attribute(80, wire::filled(16, 1)),
                    attribute(5, text("port"))});
  const auto workload = made(replay_of({captured}));
  const Bytes request = written(*workload, workload->begin(0));
  EXPECT_TRUE(authentic(request));
  EXPECT_EQ(request.size(), captured.size());
  EXPECT_EQ(wire::parsed(request).message_authenticator_offset(),
            wire::parsed(captured).message_authenticator_offset());
}

TEST(Replay, HandsTheChapChallengeOn) {
  const Bytes captured =
      wire::packet(Code::access_request, 1, kCaptured,
                   {attribute(1, text("alice")), attribute(3, wire::filled(17, 4))});
  const auto workload = made(replay_of({captured}));
  const Bytes request = written(*workload, workload->begin(0));
  EXPECT_EQ(value_of(request, 60), Bytes(kCaptured.octets.begin(), kCaptured.octets.end()));
  EXPECT_TRUE(authentic(request));
}

TEST(Replay, SignsEveryKindOfRequest) {
  std::vector<Bytes> captured;
  for (const Code code : {Code::accounting_request, Code::coa_request, Code::disconnect_request}) {
    captured.push_back(wire::packet(code, 1, kCaptured, {attribute(1, text("alice"))}));
  }
  captured.push_back(
      wire::packet(Code::status_server, 1, kCaptured, {attribute(80, wire::filled(16, 1))}));
  const auto workload = made(replay_of(captured));
  ASSERT_EQ(workload->sessions(), 4U);
  const Code answers[] = {Code::accounting_response, Code::coa_ack, Code::disconnect_ack,
                          Code::access_accept};
  for (std::size_t i = 0; i < 4; ++i) {
    Session session = workload->begin(i);
    const Bytes request = written(*workload, session);
    EXPECT_EQ(request[0], captured[i][0]);
    EXPECT_TRUE(authentic(request)) << i;
    EXPECT_EQ(workload->judge(session, request, reply_to(request, answers[i])),
              Judgement::done_accept);
    EXPECT_EQ(workload->time_ns(i), i * 1'000'000'000);
  }
  EXPECT_EQ(written(*workload, workload->begin(5))[0], captured[1][0]);  // from the start again
}

TEST(Replay, LeavesOutWhatCannotBeHiddenAnew) {
  const Bytes bad = pap_request(wire::filled(15, 1));
  const auto workload = made(replay_of({bad, pap_request(hidden_by_capture("good"))}));
  EXPECT_EQ(workload->sessions(), 1U);
  EXPECT_EQ(workload->time_ns(0), 1'000'000'000U);
  EXPECT_EQ(refusal(replay_of({bad})),
            "none of the capture's 1 requests can be signed anew: hidden attributes of wrong "
            "length, or no room for a Message-Authenticator");
}

TEST(Replay, TakesNoLength) {
  auto settings = replay_of({pap_request(hidden_by_capture("good"))});
  settings.request_octets = 130;
  EXPECT_EQ(refusal(settings), "replay sends requests as long as they were: no length can be set");
}

}  // namespace
}  // namespace sallyport::lab::testing
