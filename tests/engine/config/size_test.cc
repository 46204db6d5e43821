#include "engine/config/size.h"

#include <limits>

#include <gtest/gtest.h>

namespace sallyport::config {
namespace {

TEST(ParseSize, TakesNumbersAndUnits) {
  const struct {
    std::string_view text;
    std::uint64_t octets;
  } cases[] = {
      {"0", 0},
      {"512", 512},
      {"512B", 512},
      {"1kB", 1'000},
      {"1KB", 1'000},
      {"1KiB", 1'024},
      {"16 KiB", 16'384},
      {"3MB", 3'000'000},
      {"3MiB", 3'145'728},
      {"2GB", 2'000'000'000},
      {"2GiB", 2'147'483'648},
      {"1TB", 1'000'000'000'000},
      {"1TiB", 1'099'511'627'776},
      {"18446744073709551615", std::numeric_limits<std::uint64_t>::max()},
  };
  for (const auto& [text, octets] : cases) {
    const auto size = parse_size(text);
    ASSERT_TRUE(size) << text;
    EXPECT_EQ(*size, octets) << text;
  }
}

TEST(ParseSize, SaysWhatIsWrong) {
  const struct {
    std::string_view text;
    SizeError error;
  } cases[] = {
      {"", SizeError::empty},
      {"KiB", SizeError::malformed},
      {"-1", SizeError::malformed},
      {"1.5MB", SizeError::malformed},
      {"1 2", SizeError::malformed},
      {"1K", SizeError::unknown_unit},
      {"1m", SizeError::unknown_unit},
      {"1kib", SizeError::unknown_unit},
      {"1  MB", SizeError::unknown_unit},
      {"1MB ", SizeError::unknown_unit},
      {"18446744073709551616", SizeError::too_large},
      {"16777216TiB", SizeError::too_large},
  };
  for (const auto& [text, error] : cases) {
    const auto size = parse_size(text);
    ASSERT_FALSE(size) << text;
    EXPECT_EQ(size.error(), error) << text;
    EXPECT_FALSE(to_text(size.error()).empty());
  }
}

TEST(SizeText, IsReadBack) {
  EXPECT_EQ(size_text(0), "0");
  EXPECT_EQ(size_text(100), "100");
  EXPECT_EQ(size_text(8'000), "8kB");
  EXPECT_EQ(size_text(16'384), "16KiB");
  EXPECT_EQ(size_text(268'435'456), "256MiB");
  for (const std::uint64_t octets : {1ULL, 999ULL, 1'000ULL, 1'024ULL, 1'000'000ULL, 1'048'576ULL,
                                     123'456'789ULL, 1ULL << 40, ~0ULL}) {
    EXPECT_EQ(parse_size(size_text(octets)), octets);
  }
}

}  // namespace
}  // namespace sallyport::config
