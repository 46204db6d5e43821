#include "protocol/http/status.h"

#include <gtest/gtest.h>

namespace sallyport::http {
namespace {

TEST(Status, HasItsPhrase) {
  EXPECT_EQ(reason_phrase(200), "OK");
  EXPECT_EQ(reason_phrase(431), "Request Header Fields Too Large");
  EXPECT_EQ(reason_phrase(299), "");
}

}  // namespace
}  // namespace sallyport::http
