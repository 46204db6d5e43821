// The talk with the Notakey API, state by state, through every trap we know of. Time and answers
// are made up here; nothing is sent.

#include "verify/notakey/dialogue.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace sallyport::verify::notakey {
namespace {

constexpr std::uint64_t kBegin = 1'000;
constexpr std::uint64_t kDeadline = 61'000;
constexpr const char* kUuid = "u-1";

/// A dialogue at a simulated time, with the events spelled out.
class Talk {
 public:
  explicit Talk(api::ApiVersion version) : dialogue(version, kBegin, kDeadline) {}

  Action begin() { return step({.kind = EventKind::begin}); }
  Action token() { return step({.kind = EventKind::token_ready}); }
  Action due_at(std::uint64_t at_ms, bool may_have_left = true) {
    now_ms = at_ms;
    return step({.kind = EventKind::due, .may_have_left = may_have_left});
  }
  Action http(std::uint16_t status) {
    return step({.kind = EventKind::answered, .http_status = status});
  }
  Action created(const char* uuid = kUuid) {
    return step({.kind = EventKind::answered, .http_status = 201, .created = api::Created{uuid}});
  }
  Action result(api::Result result) {
    return step({.kind = EventKind::answered, .http_status = 200, .result = result});
  }
  Action failed(FaultKind kind, bool may_have_left) {
    return step(
        {.kind = EventKind::failed, .fault = {.kind = kind}, .may_have_left = may_have_left});
  }
  Action step(Event event) {
    event.now_ms = now_ms;
    event.user = "jdoe";
    return dialogue.step(event);
  }
  /// Up to a poll on its way.
  void poll() {
    if (dialogue.state() == DialogueState::fresh) {
      static_cast<void>(begin());
      if (dialogue.state() == DialogueState::needs_token) static_cast<void>(token());
      static_cast<void>(created());
    }
    ASSERT_EQ(dialogue.state(), DialogueState::waiting);
    Action action = due_at(dialogue.wake_at_ms());
    if (action.kind == ActionKind::get_token) action = token();
    ASSERT_EQ(action.kind, ActionKind::poll);
  }

  Dialogue dialogue;
  std::uint64_t now_ms = kBegin;
};

api::Result answer(api::Response response, bool expired = false) {
  return {.uuid = kUuid, .username = "jdoe", .response = response, .expired = expired};
}

void expect_decided(const Action& action, Verdict verdict, bool push_out) {
  EXPECT_EQ(action.kind, ActionKind::decide);
  EXPECT_EQ(to_text(action.verdict), std::string(to_text(verdict)));
  EXPECT_EQ(action.push_out, push_out);
}

class EachVersion : public testing::TestWithParam<api::ApiVersion> {};
INSTANTIATE_TEST_SUITE_P(Dialogue, EachVersion,
                         testing::Values(api::ApiVersion::v2, api::ApiVersion::v3),
                         [](const auto& each) {
                           return each.param == api::ApiVersion::v2 ? "v2" : "v3";
                         });

TEST(Dialogue, OnlyV3NeedsAToken) {
  Talk v2(api::ApiVersion::v2);
  EXPECT_EQ(v2.begin().kind, ActionKind::create);
  Talk v3(api::ApiVersion::v3);
  EXPECT_EQ(v3.begin().kind, ActionKind::get_token);
  EXPECT_EQ(v3.token().kind, ActionKind::create);
}

TEST_P(EachVersion, ResultDecides) {
  struct Case {
    const char* name;
    api::Result result;
    Verdict verdict;
  };
  for (const Case& c : std::vector<Case>{
           {"approved", answer(api::Response::approve), Verdict::approved},
           {"approved, and expired since", answer(api::Response::approve, true), Verdict::approved},
           {"denied", answer(api::Response::deny), Verdict::denied},
           {"denied, and expired since", answer(api::Response::deny, true), Verdict::denied},
           {"expired", answer(api::Response::none, true), Verdict::expired},
           {"unknown response, expired", answer(api::Response::unknown, true), Verdict::expired},
           {"another user's approval",
            {.uuid = kUuid,
             .username = "mallory",
             .response = api::Response::approve,
             .expired = false},
            Verdict::unavailable},
           {"approval without a name",
            {.uuid = kUuid, .username = "", .response = api::Response::approve, .expired = false},
            Verdict::unavailable},
           {"another request's approval",
            {.uuid = "u-2",
             .username = "jdoe",
             .response = api::Response::approve,
             .expired = false},
            Verdict::unavailable}}) {
    SCOPED_TRACE(c.name);
    Talk talk(GetParam());
    talk.poll();
    expect_decided(talk.result(c.result), c.verdict, true);
  }
}

TEST_P(EachVersion, PendingAndUnknownResponsesArePolledAgain) {
  for (const api::Response response : {api::Response::none, api::Response::unknown}) {
    Talk talk(GetParam());
    talk.poll();
    EXPECT_EQ(talk.result(answer(response)).kind, ActionKind::wait);
    EXPECT_EQ(talk.dialogue.state(), DialogueState::waiting);
    EXPECT_EQ(talk.dialogue.wake_at_ms(), talk.now_ms + 1'000);
  }
}

TEST_P(EachVersion, ApprovalAfterTheDeadlineIsTooLate) {
  Talk talk(GetParam());
  talk.poll();
  talk.now_ms = kDeadline;
  expect_decided(talk.result(answer(api::Response::approve)), Verdict::expired, true);
}

TEST_P(EachVersion, NoAnswerByTheDeadlineIsExpiredEvenWhilePolling) {
  Talk waiting(GetParam());
  waiting.poll();
  static_cast<void>(waiting.result(answer(api::Response::none)));
  expect_decided(waiting.due_at(kDeadline), Verdict::expired, true);

  Talk polling(GetParam());
  polling.poll();
  expect_decided(polling.due_at(kDeadline), Verdict::expired, true);
}

TEST_P(EachVersion, LastPollComesBeforeTheDeadline) {
  Talk talk(GetParam());
  talk.poll();
  talk.now_ms = kDeadline - 5'000;
  Event pending{.kind = EventKind::answered, .next_poll_ms = 10'000, .http_status = 200};
  pending.result = answer(api::Response::none);
  static_cast<void>(talk.step(pending));
  EXPECT_EQ(talk.dialogue.wake_at_ms(), kDeadline - Dialogue::kLastPollMs);
}

TEST_P(EachVersion, CreateThatSurelyFailedLeavesNoPushOut) {
  for (const std::uint16_t status : std::vector<std::uint16_t>{301, 400, 500, 502, 503}) {
    SCOPED_TRACE(status);
    Talk talk(GetParam());
    if (talk.begin().kind == ActionKind::get_token) static_cast<void>(talk.token());
    expect_decided(talk.http(status), Verdict::unavailable, false);
  }
  for (const FaultKind kind : {FaultKind::resolve, FaultKind::refused, FaultKind::tls}) {
    Talk talk(GetParam());
    if (talk.begin().kind == ActionKind::get_token) static_cast<void>(talk.token());
    expect_decided(talk.failed(kind, false), Verdict::unavailable, false);
  }
}

TEST_P(EachVersion, CreateThatMayHaveArrivedCountsAsAPush) {
  for (const FaultKind kind : {FaultKind::timeout, FaultKind::cut}) {
    Talk talk(GetParam());
    if (talk.begin().kind == ActionKind::get_token) static_cast<void>(talk.token());
    expect_decided(talk.failed(kind, true), Verdict::unavailable, true);
  }
  Talk gateway(GetParam());
  if (gateway.begin().kind == ActionKind::get_token) static_cast<void>(gateway.token());
  expect_decided(gateway.http(504), Verdict::unavailable, true);

  Talk unusable(GetParam());
  if (unusable.begin().kind == ActionKind::get_token) static_cast<void>(unusable.token());
  expect_decided(unusable.http(200), Verdict::unavailable, true);

  Talk slow(GetParam());
  if (slow.begin().kind == ActionKind::get_token) static_cast<void>(slow.token());
  expect_decided(slow.due_at(kDeadline, true), Verdict::unavailable, true);

  Talk never_sent(GetParam());
  if (never_sent.begin().kind == ActionKind::get_token) static_cast<void>(never_sent.token());
  expect_decided(never_sent.due_at(kDeadline, false), Verdict::unavailable, false);
}

TEST_P(EachVersion, WhoCannotBeAskedByHisNameIsUnknownAndNotUnavailable) {
  Talk talk(GetParam());
  if (talk.begin().kind == ActionKind::get_token) static_cast<void>(talk.token());
  expect_decided(talk.failed(FaultKind::unsendable, false), Verdict::unknown_user, false);
}

TEST(Dialogue, UnknownUserV2) {
  for (const std::uint16_t status : std::vector<std::uint16_t>{404, 422}) {
    Talk talk(api::ApiVersion::v2);
    static_cast<void>(talk.begin());
    expect_decided(talk.http(status), Verdict::unknown_user, false);
  }
}

TEST(Dialogue, UnknownUserV3OnlyIfTheBodyNamesErrors) {
  for (const bool names_errors : {true, false}) {
    Talk talk(api::ApiVersion::v3);
    static_cast<void>(talk.begin());
    static_cast<void>(talk.token());
    expect_decided(
        talk.step({.kind = EventKind::answered, .http_status = 404, .names_errors = names_errors}),
        names_errors ? Verdict::unknown_user : Verdict::unavailable, false);
  }
}

TEST(Dialogue, RefusedTokenIsRenewedOnceForTheCreate) {
  for (const std::uint16_t status : std::vector<std::uint16_t>{401, 403}) {
    Talk talk(api::ApiVersion::v3);
    static_cast<void>(talk.begin());
    static_cast<void>(talk.token());
    const Action again = talk.http(status);
    EXPECT_EQ(again.kind, ActionKind::get_token);
    EXPECT_TRUE(again.token_refused);
    EXPECT_EQ(talk.token().kind, ActionKind::create);
    expect_decided(talk.http(status), Verdict::unavailable, false);
  }
}

TEST(Dialogue, RefusedTokenIsRenewedOnceForAPoll) {
  Talk talk(api::ApiVersion::v3);
  talk.poll();
  EXPECT_TRUE(talk.http(403).token_refused);
  EXPECT_EQ(talk.token().kind, ActionKind::poll);
  expect_decided(talk.http(403), Verdict::unavailable, true);

  Talk lucky(api::ApiVersion::v3);
  lucky.poll();
  static_cast<void>(lucky.http(401));
  static_cast<void>(lucky.token());
  static_cast<void>(lucky.result(answer(api::Response::none)));
  lucky.poll();  // a success in between: the next refusal may be mended again
  EXPECT_EQ(lucky.http(401).kind, ActionKind::get_token);
}

TEST(Dialogue, RefusalInV2IsFinal) {
  Talk talk(api::ApiVersion::v2);
  static_cast<void>(talk.begin());
  expect_decided(talk.http(403), Verdict::unavailable, false);
}

TEST(Dialogue, NoTokenNoPush) {
  Talk talk(api::ApiVersion::v3);
  static_cast<void>(talk.begin());
  expect_decided(talk.step({.kind = EventKind::token_failed, .fault = {.kind = FaultKind::http}}),
                 Verdict::unavailable, false);
}

TEST(Dialogue, NoTokenForAPollIsTriedAgain) {
  Talk talk(api::ApiVersion::v3);
  talk.poll();
  static_cast<void>(talk.result(answer(api::Response::none)));
  EXPECT_EQ(talk.due_at(talk.dialogue.wake_at_ms()).kind, ActionKind::get_token);
  EXPECT_EQ(talk.step({.kind = EventKind::token_failed}).kind, ActionKind::wait);
  talk.poll();
  expect_decided(talk.result(answer(api::Response::approve)), Verdict::approved, true);
}

TEST_P(EachVersion, RetryAfterIsObeyedForTheCreate) {
  for (const std::uint16_t status : std::vector<std::uint16_t>{429, 503}) {
    Talk talk(GetParam());
    if (talk.begin().kind == ActionKind::get_token) static_cast<void>(talk.token());
    EXPECT_EQ(
        talk.step({.kind = EventKind::answered, .http_status = status, .retry_after_ms = 7'000})
            .kind,
        ActionKind::wait);
    EXPECT_EQ(talk.dialogue.state(), DialogueState::backing_off);
    EXPECT_EQ(talk.dialogue.wake_at_ms(), kBegin + 7'000);
    EXPECT_EQ(talk.due_at(kBegin + 6'999).kind, ActionKind::wait);
    Action action = talk.due_at(kBegin + 7'000);
    if (action.kind == ActionKind::get_token) action = talk.token();
    EXPECT_EQ(action.kind, ActionKind::create);
  }
}

TEST_P(EachVersion, RetryAfterBeyondHalfOfTheTimeIsUnavailable) {
  Talk talk(GetParam());
  if (talk.begin().kind == ActionKind::get_token) static_cast<void>(talk.token());
  expect_decided(
      talk.step({.kind = EventKind::answered, .http_status = 429, .retry_after_ms = 31'000}),
      Verdict::unavailable, false);
}

TEST_P(EachVersion, FailedPollsBackOffAndKeepTheirReason) {
  Talk talk(GetParam());
  talk.poll();
  std::vector<std::uint64_t> gaps;
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(talk.http(500).kind, ActionKind::wait);
    gaps.push_back(talk.dialogue.wake_at_ms() - talk.now_ms);
    talk.poll();
  }
  EXPECT_EQ(gaps, (std::vector<std::uint64_t>{1'000, 2'000, 4'000, 8'000, 10'000, 10'000}));
  const Action end = talk.due_at(kDeadline);
  expect_decided(end, Verdict::unavailable, true);
  EXPECT_EQ(end.fault.http_status, 500);
}

TEST_P(EachVersion, PollThatWorksAgainForgetsTheFailures) {
  Talk talk(GetParam());
  talk.poll();
  static_cast<void>(talk.failed(FaultKind::cut, true));
  talk.poll();
  static_cast<void>(talk.http(200));  // garbage
  talk.poll();
  static_cast<void>(talk.result(answer(api::Response::none)));
  EXPECT_EQ(talk.dialogue.wake_at_ms(), talk.now_ms + 1'000);
  expect_decided(talk.due_at(kDeadline), Verdict::expired, true);
}

TEST_P(EachVersion, PollObeysRetryAfter) {
  Talk talk(GetParam());
  talk.poll();
  static_cast<void>(
      talk.step({.kind = EventKind::answered, .http_status = 429, .retry_after_ms = 20'000}));
  EXPECT_EQ(talk.dialogue.wake_at_ms(), talk.now_ms + 20'000);
}

TEST_P(EachVersion, RequestThatIsGoneIsBelievedTheThirdTime) {
  Talk talk(GetParam());
  for (int i = 0; i < 2; ++i) {
    talk.poll();
    EXPECT_EQ(talk.http(404).kind, ActionKind::wait);
  }
  talk.poll();
  expect_decided(talk.http(404), Verdict::unavailable, true);
}

TEST_P(EachVersion, QuestionThatComesTooLateIsNotAsked) {
  Talk talk(GetParam());
  talk.now_ms = kDeadline;
  expect_decided(talk.begin(), Verdict::unavailable, false);
}

TEST_P(EachVersion, RefusedPollAtTheDeadlineEnds) {
  Talk talk(GetParam());
  talk.poll();
  talk.now_ms = kDeadline;
  const Action action = talk.http(403);
  if (GetParam() == api::ApiVersion::v3) expect_decided(action, Verdict::expired, true);
}

TEST(DialogueDeathTest, EventThatTheStateDoesNotAllowIsABug) {
  EXPECT_DEATH(static_cast<void>(Talk(api::ApiVersion::v2).token()), "CHECK");
}

}  // namespace
}  // namespace sallyport::verify::notakey
