#include "protocol/http/client_kind.h"

#include <initializer_list>
#include <utility>

#include <gtest/gtest.h>

namespace sallyport::http {
namespace {

using enum ClientKind;

ClientKind kind(std::initializer_list<std::pair<const char*, const char*>> fields,
                const char* protocol = "") {
  RequestHead head;
  head.protocol = protocol;
  for (const auto& [name, value] : fields) head.fields.add(name, value);
  return client_kind(head);
}

ClientKind accept(const char* value) { return kind({{"Accept", value}}); }

TEST(ClientKindTest, BrowsersByAccept) {
  // Firefox, Chrome, Safari; curl; Java; fetch() and axios; no field at all.
  EXPECT_EQ(accept("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), page);
  EXPECT_EQ(accept("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,"
                   "image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7"),
            page);
  EXPECT_EQ(accept("*/*"), api);
  EXPECT_EQ(accept("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"), page);
  EXPECT_EQ(accept("application/json, text/plain, */*"), api);
  EXPECT_EQ(kind({}), api);
}

TEST(ClientKindTest, AcceptByWeight) {
  EXPECT_EQ(accept("application/json, text/html;q=0.9"), api);
  EXPECT_EQ(accept("application/json;q=0.5, TEXT/HTML;q=0.9"), page);
  EXPECT_EQ(accept("application/problem+json, text/html;q=0.999"), api);
  EXPECT_EQ(accept("text/html;q=0"), api);
  EXPECT_EQ(accept("text/html;q=0.000, */*"), api);
  EXPECT_EQ(accept("text/html;charset=utf-8;q=1.000"), page);
  EXPECT_EQ(accept("text/html;q=nonsense"), api);
  EXPECT_EQ(accept("text/htmlx"), api);
  EXPECT_EQ(kind({{"Accept", "application/xml"}, {"Accept", "text/html"}}), page);
}

TEST(ClientKindTest, WhatABrowserFetchesForItsPage) {
  constexpr const char* kHtml = "text/html,*/*";
  EXPECT_EQ(kind({{"Sec-Fetch-Mode", "navigate"}, {"Sec-Fetch-Dest", "document"}}), page);
  EXPECT_EQ(kind({{"Sec-Fetch-Mode", "navigate"}, {"Sec-Fetch-Dest", "iframe"}}), page);
  EXPECT_EQ(kind({{"Sec-Fetch-Mode", "navigate"}, {"Sec-Fetch-Dest", "embed"}}), api);
  EXPECT_EQ(kind({{"Sec-Fetch-Mode", "cors"}, {"Sec-Fetch-Dest", "empty"}, {"Accept", kHtml}}),
            api);
  EXPECT_EQ(kind({{"Sec-Fetch-Mode", "no-cors"}, {"Sec-Fetch-Dest", "image"}}), api);
  EXPECT_EQ(kind({{"X-Requested-With", "XMLHttpRequest"}, {"Accept", kHtml}}), api);
  EXPECT_EQ(kind({{"Accept", kHtml}}, "websocket"), api);
  EXPECT_EQ(kind({{"Accept", kHtml}, {"Upgrade", "websocket"}}), api);
}

TEST(ClientKindTest, Grpc) {
  for (const char* type : {"application/grpc", "application/grpc+proto", "Application/gRPC;a=b"}) {
    EXPECT_EQ(kind({{"Content-Type", type}, {"Accept", "text/html"}}), grpc) << type;
  }
  EXPECT_EQ(kind({{"Content-Type", "application/grpc-web+proto"}}), api);
  EXPECT_EQ(kind({{"Content-Type", "application/json"}}), api);
}

}  // namespace
}  // namespace sallyport::http
