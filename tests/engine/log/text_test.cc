#include "engine/log/text.h"

#include <string>

#include <gtest/gtest.h>

namespace sallyport::log {
namespace {

std::string escaped(std::string_view text, Escape escape) {
  fmt::memory_buffer out;
  append_escaped(out, text, escape);
  return fmt::to_string(out);
}

struct Case {
  std::string_view name;
  std::string_view text;
  std::string_view plain;
  std::string_view quoted;
  std::string_view json;
};

constexpr Case kCases[] = {
    {"empty", "", "", "", ""},
    {"ascii", "alice@example.com", "alice@example.com", "alice@example.com", "alice@example.com"},
    {"utf8", "Jānis 日本 🙂", "Jānis 日本 🙂", "Jānis 日本 🙂", "Jānis 日本 🙂"},
    {"quote", R"(a"b\c)", R"(a"b\c)", R"(a\"b\\c)", R"(a\"b\\c)"},
    {"newline", "a\nb\r", R"(a\x0ab\x0d)", R"(a\x0ab\x0d)", R"(a\u000ab\u000d)"},
    {"nul", {"a\0b", 3}, R"(a\x00b)", R"(a\x00b)", R"(a\u0000b)"},
    {"escape sequence", "\x1b[2J", R"(\x1b[2J)", R"(\x1b[2J)", R"(\u001b[2J)"},
    {"DEL", "\x7f", R"(\x7f)", R"(\x7f)", R"(\u007f)"},
    {"C1 CSI", "\xc2\x9b", R"(\u{9b})", R"(\u{9b})", R"(\u009b)"},
    {"line separator", "\xe2\x80\xa8", R"(\u{2028})", R"(\u{2028})", R"(\u2028)"},
    {"bidi override", "\xe2\x80\xae", R"(\u{202e})", R"(\u{202e})", R"(\u202e)"},
    {"bare octet", "\xff", R"(\xff)", R"(\xff)", R"(\ufffd)"},
    {"cut sequence", "a\xe6\x97", R"(a\xe6\x97)", R"(a\xe6\x97)", R"(a\ufffd\ufffd)"},
    {"overlong", "\xc0\xaf", R"(\xc0\xaf)", R"(\xc0\xaf)", R"(\ufffd\ufffd)"},
    {"overlong of three", "\xe0\x80\x8a", R"(\xe0\x80\x8a)", R"(\xe0\x80\x8a)",
     R"(\ufffd\ufffd\ufffd)"},
    {"surrogate", "\xed\xa0\x80", R"(\xed\xa0\x80)", R"(\xed\xa0\x80)", R"(\ufffd\ufffd\ufffd)"},
    {"too high", "\xf4\x90\x80\x80", R"(\xf4\x90\x80\x80)", R"(\xf4\x90\x80\x80)",
     R"(\ufffd\ufffd\ufffd\ufffd)"},
};

TEST(Text, HostileTextCannotBreakALine) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(escaped(c.text, Escape::plain), c.plain);
    EXPECT_EQ(escaped(c.text, Escape::quoted), c.quoted);
    EXPECT_EQ(escaped(c.text, Escape::json), c.json);
  }
}

TEST(Text, NoOctetPairLeavesARawControlOrQuote) {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const char pair[] = {static_cast<char>(first), static_cast<char>(second)};
      const std::string out = escaped({pair, 2}, Escape::json);
      for (std::size_t i = 0; i < out.size(); ++i) {
        const auto octet = static_cast<unsigned char>(out[i]);
        ASSERT_GE(octet, 0x20) << first << ' ' << second;
        ASSERT_NE(octet, 0x7f) << first << ' ' << second;
        if (out[i] == '\\') {
          ++i;  // whatever follows a backslash is its own
          ASSERT_LT(i, out.size());
        } else {
          ASSERT_NE(out[i], '"') << first << ' ' << second;
        }
      }
    }
  }
}

TEST(Text, TimeIsRfc3339WithMilliseconds) {
  const std::pair<std::uint64_t, std::string_view> cases[] = {
      {0, "1970-01-01T00:00:00.000Z"},
      {1'709'251'199'007, "2024-02-29T23:59:59.007Z"},
      {4'102'444'800'999, "2100-01-01T00:00:00.999Z"},
  };
  for (const auto& [unix_ms, text] : cases) {
    fmt::memory_buffer out;
    append_time(out, unix_ms);
    EXPECT_EQ(fmt::to_string(out), text);
  }
}

}  // namespace
}  // namespace sallyport::log
