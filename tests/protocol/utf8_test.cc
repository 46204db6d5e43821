#include "protocol/utf8.h"

#include <string>

#include <gtest/gtest.h>

namespace sallyport {
namespace {

TEST(Utf8, TheFirstAndLastOfEachLength) {
  const auto expect = [](std::string_view text, char32_t point) {
    const Utf8Character character = decode_utf8(std::string(text) + "rest");
    EXPECT_EQ(character.point, point) << text;
    EXPECT_EQ(character.octets, text.size()) << text;
  };
  expect("\x01", 1);
  expect("\x7f", 0x7f);
  expect("\xc2\x80", 0x80);
  expect("\xdf\xbf", 0x7ff);
  expect("\xe0\xa0\x80", 0x800);
  expect("\xed\x9f\xbf", 0xd7ff);
  expect("\xee\x80\x80", 0xe000);
  expect("\xef\xbf\xbf", 0xffff);
  expect("\xf0\x90\x80\x80", 0x10000);
  expect("\xf4\x8f\xbf\xbf", 0x10ffff);
  EXPECT_EQ(decode_utf8(std::string_view("\0", 1)).octets, 1U);
}

TEST(Utf8, WhatIsNone) {
  for (const std::string_view text :
       {"", "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2x", "\xe0\x80\x80", "\xe0\x9f\xbf",
        "\xe1\x80", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf",
        "\xf1\x80\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff"}) {
    EXPECT_EQ(decode_utf8(text).octets, 0U) << text;
  }
}

}  // namespace
}  // namespace sallyport
