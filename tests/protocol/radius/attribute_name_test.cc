#include "protocol/radius/attribute_name.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace sallyport::radius {
namespace {

TEST(AttributeName, IsAWordANumberOrOneOfAVendor) {
  EXPECT_EQ(AttributeName::parse("Filter-Id"), AttributeName{.type = 11});
  EXPECT_EQ(AttributeName::parse("filter-id"), AttributeName{.type = 11});
  EXPECT_EQ(AttributeName::parse("25"), AttributeName{.type = 25});
  EXPECT_EQ(AttributeName::parse("26.14122.5"),
            (AttributeName{.type = 26, .vendor_type = 5, .vendor = 14'122}));
  for (const char* bad :
       {"", "Filter", "0", "256", "26", "26.", "26.9", "26.9.", "26.9.0", "26.0.1", "26.9.256",
        "26.16777216.1", "26.9.1.", "25.1", "11 ", "-1", "+11"})
    EXPECT_EQ(AttributeName::parse(bad), std::nullopt) << bad;
  for (const char* text : {"Filter-Id", "Class", "77", "26.9.1"})
    EXPECT_EQ(AttributeName::parse(text)->text(), text);
}

std::vector<std::string> values(const AttributeName& name, const std::vector<std::uint8_t>& whole) {
  std::vector<std::string> out;
  const Attribute attribute{
      .type = static_cast<Type>(whole[0]), .value = Octets(whole).subspan(2), .whole = whole};
  for_each_value(name, attribute, [&](Octets value) { out.emplace_back(as_text(value)); });
  return out;
}

using Texts = std::vector<std::string>;

TEST(AttributeName, FindsItsValues) {
  EXPECT_EQ(values({.type = 11}, {11, 4, 'a', 'b'}), (Texts{"ab"}));
  EXPECT_EQ(values({.type = 11}, {12, 4, 'a', 'b'}), Texts{});
  const AttributeName cisco{.type = 26, .vendor_type = 1, .vendor = 9};
  EXPECT_EQ(values(cisco, {26, 15, 0, 0, 0, 9, 1, 3, 'a', 2, 3, 'b', 1, 3, 'c'}),
            (Texts{"a", "c"}));
  EXPECT_EQ(values(cisco, {26, 9, 0, 0, 0, 8, 1, 3, 'a'}), Texts{});
}

TEST(AttributeName, StopsWhereAVendorsAttributesAreNotLaidOutSo) {
  const AttributeName cisco{.type = 26, .vendor_type = 1, .vendor = 9};
  EXPECT_EQ(values(cisco, {26, 2}), Texts{});
  EXPECT_EQ(values(cisco, {26, 5, 0, 0, 0}), Texts{});
  EXPECT_EQ(values(cisco, {26, 7, 0, 0, 0, 9, 1}), Texts{});
  EXPECT_EQ(values(cisco, {26, 9, 0, 0, 0, 9, 1, 0, 'a'}), Texts{});
  EXPECT_EQ(values(cisco, {26, 9, 0, 0, 0, 9, 1, 4, 'a'}), Texts{});
  EXPECT_EQ(values(cisco, {26, 12, 0, 0, 0, 9, 1, 3, 'a', 1, 1, 'b'}), (Texts{"a"}));
}

}  // namespace
}  // namespace sallyport::radius
