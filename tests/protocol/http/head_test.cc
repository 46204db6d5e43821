#include "protocol/http/head.h"

#include <string>

#include <gtest/gtest.h>

namespace sallyport::http {
namespace {

TEST(FieldName, IsFoundInAnyCase) {
  EXPECT_EQ(field_name("Host"), FieldName::host);
  EXPECT_EQ(field_name("HOST"), FieldName::host);
  EXPECT_EQ(field_name("te"), FieldName::te);
  EXPECT_EQ(field_name("TRANSFER-encoding"), FieldName::transfer_encoding);
  EXPECT_EQ(field_name("accept"), FieldName::accept);
  EXPECT_EQ(field_name("X-Requested-With"), FieldName::x_requested_with);
  EXPECT_EQ(field_name("Strict-Transport-Security"), FieldName::strict_transport_security);
  EXPECT_EQ(field_name("X-Forwarded-Method"), FieldName::x_forwarded_method);
}

TEST(FieldName, IsOtherUnlessAllOctetsAreTheSame) {
  for (const std::string_view name :
       {"", "x", "hos", "hosts", "hpst", "content\rlength", "content_length", "content-lengti",
        "ho\xf3t", "strict-transport-security2"}) {
    EXPECT_EQ(field_name(name), FieldName::other) << name;
  }
}

TEST(Method, IsTakenAsItIsWritten) {
  EXPECT_EQ(method_of("GET"), Method::get);
  EXPECT_EQ(method_of("DELETE"), Method::delete_);
  EXPECT_EQ(method_of("get"), Method::other);
  EXPECT_EQ(method_of("GETS"), Method::other);
  EXPECT_EQ(method_of(""), Method::other);
}

TEST(Fields, KeepTheirOrderAndAreFoundByName) {
  Fields fields;
  fields.add("Accept", "a");
  fields.add("X-Own", "b");
  fields.add("accept", "c");
  EXPECT_EQ(fields.size(), 3);
  EXPECT_EQ(fields.octets(), 17 + 3);
  EXPECT_EQ(fields[2].name, "accept");
  EXPECT_EQ(fields[2].id, FieldName::accept);
  EXPECT_EQ(fields.find(FieldName::accept), "a");
  EXPECT_EQ(fields.find("ACCEPT"), "a");
  EXPECT_EQ(fields.find("x-own"), "b");
  EXPECT_EQ(fields.find("x-owner"), std::nullopt);
  EXPECT_EQ(fields.find(FieldName::host), std::nullopt);
  EXPECT_EQ(fields.count(FieldName::accept), 2);
}

TEST(Fields, AreSetAndRemoved) {
  Fields fields;
  for (const std::string_view name : {"Accept", "X-Own", "Host", "accept", "x-own", "Via", "TE"}) {
    fields.add(name, "a");
  }
  fields.set("X-OWN", "b");
  EXPECT_EQ(fields.size(), 6);
  EXPECT_EQ(fields[5].value, "b");
  fields.remove("ACCEPT");
  EXPECT_EQ(fields.size(), 4);
  fields.remove(FieldName::host);
  EXPECT_EQ(fields.find(FieldName::host), std::nullopt);
  fields.remove({FieldName::via, FieldName::te});
  ASSERT_EQ(fields.size(), 1);
  EXPECT_EQ(fields[0].name, "X-OWN");
  fields.reset();
  EXPECT_EQ(fields.size(), 0);
}

TEST(Fields, TakeViewsOfThemselves) {
  Fields fields;
  fields.add("First", std::string(40, 'x'));
  for (int i = 0; i < 100; ++i) fields.add(fields[0].name, fields[0].value);
  for (std::size_t i = 0; i < fields.size(); ++i) {
    ASSERT_EQ(fields[i].name, "First");
    ASSERT_EQ(fields[i].value, std::string(40, 'x'));
  }
}

TEST(Fields, KnowTheElementsOfLists) {
  Fields fields;
  fields.add("Connection", "close , Upgrade");
  fields.add("Connection", ",x");
  EXPECT_TRUE(fields.has_element(FieldName::connection, "upgrade"));
  EXPECT_TRUE(fields.has_element(FieldName::connection, "CLOSE"));
  EXPECT_TRUE(fields.has_element(FieldName::connection, "x"));
  EXPECT_FALSE(fields.has_element(FieldName::connection, "up"));
  EXPECT_FALSE(fields.has_element(FieldName::te, "x"));
}

}  // namespace
}  // namespace sallyport::http
