#include "protocol/secret.h"

#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace sallyport {
namespace {

/// Short ones stand in the object itself, long ones on the heap: all must behave alike.
class SecretTest : public ::testing::TestWithParam<std::size_t> {
 protected:
  [[nodiscard]] static std::string text(char first = 'a') {
    std::string text;
    for (std::size_t i = 0; i < GetParam(); ++i)
      text.push_back(static_cast<char>(first + static_cast<char>(i % 20)));
    return text;
  }
};

TEST_P(SecretTest, RevealsWhatItWasGiven) {
  const Secret secret(text());
  EXPECT_EQ(as_text(secret.reveal()), text());
  EXPECT_EQ(secret.size(), GetParam());
  EXPECT_EQ(secret.empty(), GetParam() == 0);
}

TEST_P(SecretTest, ACopyIsItsOwn) {
  Secret first(text());
  const Secret copy(first);
  first = Secret("another");
  EXPECT_EQ(as_text(copy.reveal()), text());
  Secret assigned("something longer than what a secret holds in itself, to be replaced");
  assigned = copy;
  EXPECT_EQ(assigned, copy);
  EXPECT_EQ(as_text(assigned.reveal()), text());
}

TEST_P(SecretTest, WhatWasMovedFromHoldsNothing) {
  Secret first(text());
  Secret second(std::move(first));
  EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move): that it is empty is the point
  EXPECT_EQ(as_text(second.reveal()), text());
  Secret third("short");
  third = std::move(second);
  EXPECT_EQ(as_text(third.reveal()), text());
  Secret& same = third;
  third = std::move(same);
  EXPECT_EQ(as_text(third.reveal()), text()) << "moved to itself";
}

TEST_P(SecretTest, ComparesByContent) {
  EXPECT_EQ(Secret(text()), Secret(text()));
  if (GetParam() > 0) {
    EXPECT_FALSE(Secret(text()) == Secret(text('b')));
  }
  EXPECT_FALSE(Secret(text()) == Secret(text() + "x"));
}

INSTANTIATE_TEST_SUITE_P(Lengths, SecretTest, ::testing::Values(0, 1, 16, 38, 39, 40, 41, 300));

}  // namespace
}  // namespace sallyport
