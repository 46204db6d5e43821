#include "protocol/http/strictness.h"

#include <gtest/gtest.h>

namespace sallyport::http {
namespace {

// Beast refuses these too; what it lets through one day must not get past us.

TEST(Settle, RefusesALengthBesideAnEncoding) {
  Decisive decisive;
  EXPECT_TRUE(decisive.see(FieldName::host, "a.example"));
  EXPECT_TRUE(decisive.see(FieldName::transfer_encoding, "chunked"));
  EXPECT_TRUE(decisive.see(FieldName::content_length, "5"));
  RequestHead request;
  EXPECT_EQ(settle_request(decisive, request).status, 400);
  ResponseHead answer;
  answer.status = 200;
  EXPECT_EQ(settle_response(decisive, Method::get, answer).status, 502);
}

TEST(Settle, ReadsLengthsOfDigitsOnly) {
  EXPECT_EQ(read_content_length("0"), 0);
  EXPECT_EQ(read_content_length("9999999999999999999"), 9'999'999'999'999'999'999ULL);
  for (const std::string_view text : {"", "+1", "-1", " 1", "1 ", "0x1", "10000000000000000000"}) {
    EXPECT_FALSE(read_content_length(text)) << text;
  }
}

TEST(RequestTarget, IsBounded) {
  RequestHead head;
  EXPECT_FALSE(read_request_target("GET", "/1234", 5, head));
  EXPECT_EQ(read_request_target("GET", "/12345", 5, head).status, 414);
}

}  // namespace
}  // namespace sallyport::http
