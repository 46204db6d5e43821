#include "protocol/http/date.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

namespace sallyport::http {
namespace {

TEST(Date, IsWrittenAsTheStandardDoes) {
  DateBuffer buffer;
  EXPECT_EQ(write_date(784'111'777, buffer), "Sun, 06 Nov 1994 08:49:37 GMT");  // RFC 9110 §5.6.7
  EXPECT_EQ(write_date(0, buffer), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(write_date(1'709'164'800, buffer), "Thu, 29 Feb 2024 00:00:00 GMT");
  EXPECT_EQ(write_date(253'402'300'799, buffer), "Fri, 31 Dec 9999 23:59:59 GMT");
}

TEST(Date, AgreesWithTheCalendarOnEachDay) {
  using std::chrono::days, std::chrono::sys_days, std::chrono::year_month_day;
  DateBuffer buffer;
  for (std::int64_t day = 0; day < 366 * 450; ++day) {
    const year_month_day date{sys_days{days{day}}};
    const std::string_view text = write_date(day * 86'400, buffer);
    ASSERT_EQ(std::stoi(std::string(text.substr(5, 2))), static_cast<unsigned>(date.day()));
    ASSERT_EQ(std::stoi(std::string(text.substr(12, 4))), static_cast<int>(date.year()));
  }
}

}  // namespace
}  // namespace sallyport::http
