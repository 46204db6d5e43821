#include "protocol/http/languages.h"

#include <vector>

#include <gtest/gtest.h>

namespace sallyport::http {
namespace {

const std::vector<std::string> kOurs = {"de", "en", "pt-BR"};

TEST(Languages, TheHeaviestThatWeHaveIsTaken) {
  EXPECT_EQ(accepted_language("de", kOurs), "de");
  EXPECT_EQ(accepted_language("en;q=0.5, de;q=0.6", kOurs), "de");
  EXPECT_EQ(accepted_language("en;q=0.5, de;q=0.5", kOurs), "en");
  EXPECT_EQ(accepted_language("fr, en-GB ; q=0.2", kOurs), "en");
  EXPECT_EQ(accepted_language("pt-br", kOurs), "pt-BR");
  EXPECT_EQ(accepted_language("EN-us", kOurs), "en");
}

TEST(Languages, WhatIsMalformedOrRefusedDoesNotCount) {
  for (const std::string_view text : {"", ",", ";", "de;q=0", "de;q=", "de;q=x", "de;q=0x8",
                                      "de;p=1", "*", "fr", "pt", ";;;q=1,,,,"}) {
    EXPECT_EQ(accepted_language(text, kOurs), "") << text;
  }
  std::string many;
  for (int i = 0; i < 32; ++i) many += "fr,";
  EXPECT_EQ(accepted_language(many + "de", kOurs), "") << "of a long header the first ranges count";
}

}  // namespace
}  // namespace sallyport::http
