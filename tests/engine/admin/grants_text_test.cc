#include "engine/admin/grants_text.h"

#include <gtest/gtest.h>

namespace sallyport::admin {
namespace {

constexpr std::string_view kLines =
    "7\t192.0.2.1\tj\xc4\x81nis\t1700000000000\t1700003600000\toperator\ton \"call\"\n"
    "123\t2001:db8::1\ta\u202eb\t1700000000001\t1700003600000\tpush\t\n";

TEST(GrantsText, ATableForPeople) {
  EXPECT_EQ(
      grants_table(kLines),
      "id   address      user        since                     until                     "
      "by        reason\n"
      "7    192.0.2.1    j\xc4\x81nis       2023-11-14T22:13:20.000Z  2023-11-14T23:13:20.000Z  "
      "operator  on \"call\"\n"
      "123  2001:db8::1  a\\u{202e}b  2023-11-14T22:13:20.001Z  2023-11-14T23:13:20.000Z  "
      "push\n");
  EXPECT_EQ(grants_table(""), "");
}

TEST(GrantsText, AListForPrograms) {
  EXPECT_EQ(grants_json(kLines),
            "[\n"
            R"(  {"id":7,"address":"192.0.2.1","user":"jānis","since":"2023-11-14T22:13:20.000Z",)"
            R"("until":"2023-11-14T23:13:20.000Z","by":"operator","reason":"on \"call\""},)"
            "\n"
            R"(  {"id":123,"address":"2001:db8::1","user":"a\u202eb",)"
            R"("since":"2023-11-14T22:13:20.001Z","until":"2023-11-14T23:13:20.000Z",)"
            R"("by":"push","reason":""})"
            "\n]\n");
  EXPECT_EQ(grants_json(""), "[]\n");
}

}  // namespace
}  // namespace sallyport::admin
