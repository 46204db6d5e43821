#include <set>

#include <gtest/gtest.h>

#include "tests/bench/load/workload/fake_server.h"

namespace sallyport::lab::testing {
namespace {

namespace wire = radius::wire;

std::unique_ptr<Workload> presigned(std::size_t count) {
  auto settings = settings_of(Method::pap);
  settings.presigned = count;
  return made(settings);
}
Bytes request_of(const Workload& workload, std::uint32_t entry) {
  const Octets octets = workload.presigned_request(entry);
  return {octets.begin(), octets.end()};
}

TEST(Presigned, HasAsManyOfEachIdentifier) {
  const auto workload = presigned(1'000);
  EXPECT_EQ(workload->presigned(), 1'024U);
  const radius::HopKey key{Secret(kSecret)};
  std::set<Bytes> different;
  for (std::uint32_t entry = 0; entry < workload->presigned(); ++entry) {
    const Bytes request = request_of(*workload, entry);
    EXPECT_EQ(radius::verify_request(wire::parsed(request), key), radius::Authenticity::authentic);
    different.insert(request);
  }
  EXPECT_EQ(different.size(), 1'024U);
}

TEST(Presigned, NeverSendsTheSameTwiceOnAChannel) {
  for (const std::size_t count : {512U, 768U, 4'096U}) {
    const auto workload = presigned(count);
    for (const std::uint32_t socket : {0U, 1U, 4'095U}) {
      for (std::uint32_t turn = 0; turn < 100; ++turn) {
        const auto entry = workload->presigned_entry(socket, 17, turn);
        EXPECT_EQ(request_of(*workload, entry)[1], 17);
        EXPECT_NE(entry, workload->presigned_entry(socket, 17, turn + 1));
      }
    }
  }
}

TEST(Presigned, JudgesEachAnswerAndRemembersTheRightOnesOnly) {
  const auto workload = presigned(512);
  const Bytes request = request_of(*workload, 3);
  const Bytes right = reply_to(request, Code::access_accept);
  Bytes wrong = right;
  wrong.back() ^= 1;
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(workload->judge_presigned(3, wrong), Judgement::wrong_authenticator);
    EXPECT_EQ(workload->judge_presigned(3, right), Judgement::done_accept);
  }
  EXPECT_EQ(workload->judge_presigned(4, right), Judgement::wrong_identifier);
  EXPECT_EQ(workload->judge_presigned(3 + 256, right), Judgement::wrong_authenticator);
  const Bytes reject = reply_to(request, Code::access_reject);
  EXPECT_EQ(workload->judge_presigned(3, reject), Judgement::wrong_verdict);
  Bytes longer = right;  // the beginning of what is remembered
  longer.push_back(0);
  EXPECT_EQ(workload->judge_presigned(3, longer), Judgement::done_accept);  // padding: RFC 2865 §3
  EXPECT_EQ(workload->judge_presigned(3, Bytes(right.begin(), right.end() - 1)),
            Judgement::malformed);
}

TEST(Presigned, JudgesLongAnswersEachTime) {
  const auto workload = presigned(512);
  const Bytes right = reply_to(request_of(*workload, 3), Code::access_accept,
                               {wire::attribute(18, wire::filled(200, 'x'))});
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(workload->judge_presigned(3, right), Judgement::done_accept);
}

TEST(Presigned, GoesOnWithNoChallenge) {
  const auto workload = presigned(512);
  EXPECT_EQ(
      workload->judge_presigned(3, reply_to(request_of(*workload, 3), Code::access_challenge)),
      Judgement::wrong_challenge);
}

}  // namespace
}  // namespace sallyport::lab::testing
