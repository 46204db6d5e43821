#include "protocol/http/scan.h"

#include <string>

#include <gtest/gtest.h>

#include "protocol/http/field_text.h"

namespace sallyport::http {
namespace {

template <char also>
std::size_t found(std::string_view text) {
  return static_cast<std::size_t>(find_control<also>(text.data(), text.data() + text.size()) -
                                  text.data());
}

/// Octet by octet, as it is defined.
std::size_t expected(std::string_view text, char also) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto octet = static_cast<unsigned char>(text[at]);
    if ((octet < 0x20 && octet != '\t') || octet == 0x7f || text[at] == also) return at;
  }
  return text.size();
}

TEST(Scan, FindsEveryControlAtEveryPlace) {
  for (int octet = 0; octet < 256; ++octet) {
    for (std::size_t at = 0; at < 20; ++at) {
      // Spaces and tabs around it: they are what borrows and marks could be mistaken for.
      for (const char other : {' ', 'a', '\t', '\x80', '\xff', '!'}) {
        std::string text(20, other);
        text[at] = static_cast<char>(octet);
        EXPECT_EQ(found<'\r'>(text), expected(text, '\r')) << octet << " at " << at;
        EXPECT_EQ(found<':'>(text), expected(text, ':')) << octet << " at " << at;
      }
    }
  }
}

TEST(Scan, StopsAtTheFirstOfTwo) {
  for (const char first : {'\x01', '\x7f', '\r', ':'}) {
    for (std::size_t at = 0; at + 1 < 18; ++at) {
      std::string text(18, '\t');
      text[at] = first;
      text[at + 1] = '\0';
      EXPECT_EQ(found<':'>(text), at);
    }
  }
}

TEST(Scan, LooksAtNothingBehindTheEnd) {
  const std::string text = "abcdefgh\r";
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_EQ(found<'\r'>(std::string_view(text).substr(0, size)), size);
  }
}

TEST(Scan, KnowsTokens) {
  EXPECT_TRUE(is_token("!#$%&'*+-.^_`|~09azAZ"));
  EXPECT_FALSE(is_token(""));
  for (const char c : std::string_view("\"(),/:;<=>?@[\\]{} \t\x7f\x80\xff\0", 24)) {
    EXPECT_FALSE(is_token(std::string("a") + c)) << static_cast<int>(c);
  }
}

}  // namespace
}  // namespace sallyport::http
