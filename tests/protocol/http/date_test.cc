#include "protocol/http/date.h"

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

}  // namespace
}  // namespace sallyport::http
