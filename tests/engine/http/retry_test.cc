#include "engine/http/retry.h"

#include <gtest/gtest.h>

namespace sallyport::http_door {
namespace {

/// A GET that was sent and has one retry left.
Attempt attempt(Broken why, http::Method method = http::Method::get) {
  return {.why = why,
          .method = method,
          .method_text = "",
          .request_written = true,
          .others_left = true,
          .retries_left = 1};
}

TEST(Retry, IdempotentMethodsOnly) {
  EXPECT_EQ(decide_retry(attempt(Broken::reset)).next, Next::other_server);
  EXPECT_EQ(decide_retry(attempt(Broken::reset, http::Method::put)).next, Next::other_server);
  EXPECT_EQ(decide_retry(attempt(Broken::reset, http::Method::post)).next, Next::give_up);
  EXPECT_EQ(decide_retry(attempt(Broken::reset, http::Method::post)).status, 502);
  EXPECT_EQ(decide_retry(attempt(Broken::stale, http::Method::patch)).next, Next::give_up);
}

TEST(Retry, WhatWasNeverSentMayBeSent) {
  for (const Broken why : {Broken::refused, Broken::connect_timeout, Broken::tls}) {
    Attempt post = attempt(why, http::Method::post);
    post.request_written = false;
    EXPECT_EQ(decide_retry(post).next, Next::other_server);
    EXPECT_TRUE(decide_retry(post).server_failed);
  }
  Attempt unwritten = attempt(Broken::stale, http::Method::post);
  unwritten.request_written = false;
  EXPECT_EQ(decide_retry(unwritten).next, Next::same_server);
}

TEST(Retry, AKeptConnectionThatWasClosedIsReplacedOnce) {
  Attempt get = attempt(Broken::stale);
  get.retries_left = 0;
  get.others_left = false;
  EXPECT_EQ(decide_retry(get).next, Next::same_server);
  EXPECT_FALSE(decide_retry(get).server_failed);
  get.fresh_tried = true;
  EXPECT_EQ(decide_retry(get).next, Next::give_up);
  EXPECT_EQ(decide_retry(get).status, 502);
}

TEST(Retry, NotProcessedIsSafeForEveryMethod) {
  Attempt post = attempt(Broken::not_processed, http::Method::post);
  EXPECT_EQ(decide_retry(post).next, Next::other_server);
  EXPECT_FALSE(decide_retry(post).server_failed);
  post.others_left = false;
  EXPECT_EQ(decide_retry(post).next, Next::same_server);
  post.fresh_tried = true;
  EXPECT_EQ(decide_retry(post).next, Next::give_up);
}

TEST(Retry, TooSlowIsNotAskedTwice) {
  const RetryDecision slow = decide_retry(attempt(Broken::timed_out));
  EXPECT_EQ(slow.next, Next::give_up);
  EXPECT_EQ(slow.status, 504);
  EXPECT_TRUE(slow.server_failed);
  EXPECT_EQ(decide_retry(attempt(Broken::connect_timeout)).status, 504);
}

TEST(Retry, RespectsItsBudget) {
  Attempt get = attempt(Broken::refused);
  get.retries_left = 0;
  EXPECT_EQ(decide_retry(get).next, Next::give_up);
  get.retries_left = 1;
  get.others_left = false;
  EXPECT_EQ(decide_retry(get).next, Next::give_up);
}

TEST(Retry, TheVisitorWhoLeftGetsNothing) {
  const RetryDecision gone = decide_retry(attempt(Broken::gone));
  EXPECT_EQ(gone.next, Next::give_up);
  EXPECT_EQ(gone.status, 0);
  EXPECT_FALSE(gone.server_failed);
}

// Every combination: what has left us, or has been answered, is never sent again; and what a server
// may have processed only if its method is idempotent.
TEST(Retry, NeverAsksTwiceWhereThatMayDoHarm) {
  using enum http::Method;
  for (int why = static_cast<int>(Broken::refused); why <= static_cast<int>(Broken::gone); ++why)
    for (const http::Method method :
         {get, head, post, put, delete_, options, connect, patch, trace})
      for (unsigned bits = 0; bits < 32; ++bits) {
        const Attempt tried{.why = static_cast<Broken>(why),
                            .method = method,
                            .method_text = "",
                            .request_written = (bits & 1) != 0,
                            .body_gone = (bits & 2) != 0,
                            .answer_begun = (bits & 4) != 0,
                            .fresh_tried = (bits & 8) != 0,
                            .others_left = (bits & 16) != 0,
                            .retries_left = 1};
        const RetryDecision decision = decide_retry(tried);
        EXPECT_FALSE(decision.reason.empty());
        if (decision.next == Next::give_up) continue;
        EXPECT_FALSE(tried.body_gone || tried.answer_begun);
        EXPECT_TRUE(!tried.request_written || is_idempotent(method, "") ||
                    tried.why == Broken::not_processed || tried.why == Broken::refused ||
                    tried.why == Broken::connect_timeout || tried.why == Broken::tls);
        if (decision.next == Next::same_server) {
          EXPECT_FALSE(tried.fresh_tried);
        } else {
          EXPECT_TRUE(tried.others_left);
        }
      }
}

TEST(Retry, KnowsIdempotentMethods) {
  EXPECT_TRUE(is_idempotent(http::Method::other, "PROPFIND"));
  EXPECT_FALSE(is_idempotent(http::Method::other, "propfind"));
  EXPECT_FALSE(is_idempotent(http::Method::other, "LOCK"));
}

}  // namespace
}  // namespace sallyport::http_door
