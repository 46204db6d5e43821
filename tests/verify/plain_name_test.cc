#include "verify/plain_name.h"

#include <string>

#include <gtest/gtest.h>

namespace sallyport::verify {
namespace {

using namespace std::string_view_literals;

TEST(PlainName, IsWithoutBlanksAtItsEnds) {
  const auto expect = [](std::string_view name, std::string_view plain) {
    EXPECT_EQ(PlainName(name).view(), plain) << name;
  };
  expect("mallory", "mallory");
  expect(" mallory", "mallory");
  expect("mallory  ", "mallory");
  expect("\t mallory\r\n", "mallory");
  expect("\0mallory\0"sv, "mallory");
  expect("mallory\x7f", "mallory");
  expect("mal lory", "mal lory");
  expect("Mallory", "Mallory");
  expect("mallory @example.net", "mallory@example.net");
  expect(" mallory\t@ example.net ", "mallory@example.net");
  expect("CORP \\ mallory", "CORP\\mallory");
  expect("a @ b\t@ c", "a@b@c");
  expect(" ", "");
  expect("", "");
  expect(" @ ", "@");
  expect("\xc3\xa9 ", "\xc3\xa9");
}

TEST(PlainName, IsNoLongerThanAnAttribute) {
  EXPECT_EQ(PlainName(std::string(300, 'x')).view(), std::string(253, 'x'));
  EXPECT_EQ(PlainName(std::string(252, ' ') + "x").view(), "x");
}

}  // namespace
}  // namespace sallyport::verify
