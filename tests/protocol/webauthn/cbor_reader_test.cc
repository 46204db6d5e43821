#include "protocol/webauthn/cbor_reader.h"

#include <limits>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace sallyport::webauthn {
namespace {

using std::string_view_literals::operator""sv;

TEST(CborReader, ReadsIntegersOfEachWidth) {
  const auto read = [](std::string_view octets) { return CborReader(octets).integer(); };
  // RFC 8949 appendix A.
  EXPECT_EQ(read("\x00"sv), 0);
  EXPECT_EQ(read("\x17"sv), 23);
  EXPECT_EQ(read("\x18\x18"sv), 24);
  EXPECT_EQ(read("\x19\x03\xe8"sv), 1'000);
  EXPECT_EQ(read("\x1a\x00\x0f\x42\x40"sv), 1'000'000);
  EXPECT_EQ(read("\x1b\x00\x00\x00\xe8\xd4\xa5\x10\x00"sv), 1'000'000'000'000);
  EXPECT_EQ(read("\x20"sv), -1);
  EXPECT_EQ(read("\x38\x63"sv), -100);
  EXPECT_EQ(read("\x39\x03\xe7"sv), -1'000);
  EXPECT_EQ(read("\x3a\x00\x0f\x42\x3f"sv), -1'000'000);
  EXPECT_EQ(read("\x3b\x7f\xff\xff\xff\xff\xff\xff\xff"sv),
            std::numeric_limits<std::int64_t>::min());
  // More than fits.
  EXPECT_FALSE(read("\x1b\xff\xff\xff\xff\xff\xff\xff\xff"sv));
  EXPECT_FALSE(read("\x3b\x80\x00\x00\x00\x00\x00\x00\x00"sv));
}

TEST(CborReader, TakesOneItemAfterAnother) {
  CborReader reader(
      "\xa1\x63"
      "abc\x42"
      "xy\x07"sv);
  EXPECT_EQ(reader.map(), 1U);
  EXPECT_EQ(reader.text(), "abc");
  EXPECT_EQ(reader.bytes(), "xy");
  EXPECT_EQ(reader.rest(), "\x07");
  EXPECT_TRUE(reader.skip());
  EXPECT_FALSE(reader.skip());
}

TEST(CborReader, GivesNothingOfAnotherType) {
  for (const std::string_view octets : {"\x01"sv,
                                        "\x41"
                                        "a"sv,
                                        "\x61"
                                        "a"sv,
                                        "\xa0"sv}) {
    const auto type = static_cast<unsigned char>(octets[0]) >> 5;
    EXPECT_EQ(CborReader(octets).integer().has_value(), type == 0);
    EXPECT_EQ(CborReader(octets).bytes().has_value(), type == 2);
    EXPECT_EQ(CborReader(octets).text().has_value(), type == 3);
    EXPECT_EQ(CborReader(octets).map().has_value(), type == 5);
    EXPECT_TRUE(CborReader(octets).skip());
  }
}

TEST(CborReader, SkipsWhateverIsWhole) {
  for (const std::string_view octets :
       {"\x80"sv, "\x83\x01\x02\x03"sv, "\xa2\x01\x02\x03\x04"sv, "\xf4"sv, "\xf6"sv, "\xf7"sv,
        "\xf9\x00\x00"sv, "\xfa\x47\xc3\x50\x00"sv, "\xfb\x7e\x37\xe4\x3c\x88\x00\x75\x9c"sv,
        "\x82\x81\x81\x81\x00\x01"sv}) {
    CborReader reader(octets);
    EXPECT_TRUE(reader.skip());
    EXPECT_TRUE(reader.rest().empty());
  }
}

TEST(CborReader, RefusesWhatIsCutOffOrLies) {
  for (const std::string_view octets :
       {""sv, "\x18"sv, "\x19\x01"sv,
        "\x42"
        "a"sv,
        "\x5b\xff\xff\xff\xff\xff\xff\xff\xff"sv,
        "\x7b\x00\x00\x00\x01\x00\x00\x00\x00"
        "a"sv,
        "\x81"sv, "\xa1\x01"sv, "\x9b\xff\xff\xff\xff\xff\xff\xff\xff\x01"sv,
        "\xbb\x80\x00\x00\x00\x00\x00\x00\x00\x01"sv, "\x1c"sv, "\xfc"sv}) {
    EXPECT_FALSE(CborReader(octets).skip());
    EXPECT_FALSE(CborReader(octets).map());
  }
}

TEST(CborReader, RefusesWhatAuthenticatorsDoNotSend) {
  for (const std::string_view octets : {"\x5f\x41"
                                        "a\xff"sv,
                                        "\x7f\x61"
                                        "a\xff"sv,
                                        "\x9f\xff"sv, "\xbf\xff"sv, "\xc1\x00"sv, "\xff"sv})
    EXPECT_FALSE(CborReader(octets).skip());
}

TEST(CborReader, RefusesWhatIsNestedTooDeep) {
  for (std::size_t depth = 0; depth < 10; ++depth) {
    const std::string octets = std::string(depth, '\x81') + '\0';
    EXPECT_EQ(CborReader(octets).skip(), depth <= CborReader::kMaxDepth) << depth;
  }
  EXPECT_FALSE(CborReader(std::string(1'000'000, '\x81')).skip());
}

}  // namespace
}  // namespace sallyport::webauthn
