#include "engine/radius/user_name.h"

#include <gtest/gtest.h>

namespace sallyport::radius_door {
namespace {

TEST(SplitName, TakesTheLastAtOrTheBackslash) {
  const auto expect = [](std::string_view name, std::string_view user, std::string_view realm) {
    EXPECT_EQ(split_name(name).user, user) << name;
    EXPECT_EQ(split_name(name).realm, realm) << name;
  };
  expect("alice", "alice", "");
  expect("alice@example.com", "alice", "example.com");
  expect("a@b@example.com", "a@b", "example.com");
  expect("a@b@c", "a@b", "c");
  expect("EXAMPLE\\alice", "alice", "EXAMPLE");
  expect("EXAMPLE\\alice@example.com", "EXAMPLE\\alice", "example.com");
  expect("@example.com", "", "example.com");
  expect("alice@", "alice", "");
  expect("@", "", "");
  expect("", "", "");
}

}  // namespace
}  // namespace sallyport::radius_door
