#include "verify/store/fields.h"

#include <gtest/gtest.h>

namespace sallyport::verify {
namespace {

TEST(Fields, ComeBackInTheirOrder) {
  const std::string long_text(65'536, 'x');
  const std::string value = FieldWriter()
                                .text(1, "ann")
                                .number(2, 0xfedc'ba98'7654'3210)
                                .text(1, std::string_view("\0b", 2))
                                .text(255, "")
                                .text(3, long_text)
                                .take();
  FieldReader reader(value);
  auto field = reader.next();
  ASSERT_TRUE(field.has_value());
  EXPECT_EQ(field->number, 1);
  EXPECT_EQ(field->octets, "ann");
  EXPECT_EQ(field->as_number(), std::nullopt);
  field = reader.next();
  ASSERT_TRUE(field.has_value());
  EXPECT_EQ(field->number, 2);
  EXPECT_EQ(field->as_number(), 0xfedc'ba98'7654'3210);
  EXPECT_EQ(reader.next().value().octets, std::string_view("\0b", 2));
  field = reader.next();
  ASSERT_TRUE(field.has_value());
  EXPECT_EQ(field->number, 255);
  EXPECT_EQ(field->octets, "");
  EXPECT_EQ(reader.next().value().octets, long_text);
  EXPECT_FALSE(reader.next().has_value());
  EXPECT_FALSE(reader.broken());
}

TEST(Fields, NothingIsAnEmptyList) {
  FieldReader reader("");
  EXPECT_FALSE(reader.next().has_value());
  EXPECT_FALSE(reader.broken());
}

TEST(Fields, EveryCutIsBrokenOrTheEnd) {
  const std::string value = FieldWriter().text(1, "one").number(2, 7).take();
  const std::size_t first = FieldWriter().text(1, "one").take().size();
  for (std::size_t size = 0; size < value.size(); ++size) {
    FieldReader reader(std::string_view(value).substr(0, size));
    while (reader.next()) {
    }
    EXPECT_EQ(reader.broken(), size != 0 && size != first) << size;
    EXPECT_FALSE(reader.next().has_value());
  }
}

TEST(Fields, ALengthBeyondTheMostIsBroken) {
  std::string value("\x01\x01\x00\x01", 4);  // 65537
  value.append(70'000, 'x');
  FieldReader reader(value);
  EXPECT_FALSE(reader.next().has_value());
  EXPECT_TRUE(reader.broken());
}

}  // namespace
}  // namespace sallyport::verify
