#include "protocol/base64url.h"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace sallyport {
namespace {

TEST(Base64url, IsThatOfRfc4648) {
  const std::vector<std::pair<std::string, std::string>> vectors = {
      {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
      {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff\xfe", "-__-"}};
  for (const auto& [octets, text] : vectors) {
    EXPECT_EQ(base64url(as_octets(octets)), text);
    EXPECT_EQ(from_base64url(text), octets);
  }
}

TEST(Base64url, ComesBackTheSameWhateverTheOctets) {
  std::mt19937_64 random(1);
  for (std::size_t length = 0; length < 200; ++length) {
    std::string octets(length, '\0');
    for (char& octet : octets) octet = static_cast<char>(random());
    EXPECT_EQ(from_base64url(base64url(as_octets(octets))), octets);
  }
}

TEST(Base64url, HasOneTextForEachOctetSequence) {
  for (const char* text : {"Z", "Zg=", "Zg==", "Zm9vY", "Zm9v ", " Zm9v", "Zm9v\n", "+//+", "Zh",
                           "Zm9", "Zm8=", "Zm.v", "Z\xc3\xa4"})
    EXPECT_FALSE(from_base64url(text)) << text;
  EXPECT_FALSE(from_base64url(std::string_view("Zm9\0", 4)));
}

}  // namespace
}  // namespace sallyport
