#include "verify/template_text.h"

#include <gtest/gtest.h>

namespace sallyport::verify {
namespace {

Question question() {
  Question made;
  made.user.assign(std::string_view{"jdoe"});
  made.client.assign(std::string_view{"vpn-1"});
  made.address = IpAddress::v4(0xc633'6407);
  made.calling_station.assign(std::string_view{"203.0.113.9"});
  made.called_station.assign(std::string_view{"00-11"});
  made.nas.assign(std::string_view{"gw"});
  return made;
}

TEST(TemplateText, FillsEveryPlaceholder) {
  EXPECT_EQ(render_template("{user} {client} {address} {calling_station} {called_station} {nas}!",
                            question()),
            "jdoe vpn-1 198.51.100.7 203.0.113.9 00-11 gw!");
  EXPECT_EQ(render_template("Log in?", question()), "Log in?");
  Question numbered = question();
  numbered.number = 47;
  EXPECT_EQ(render_template("{number}?", numbered), "47?");
  EXPECT_EQ(render_template("{number}?", question()), "?");
}

TEST(TemplateText, WhatAPlaceholderBringsInIsNotATemplate) {
  Question hostile = question();
  hostile.user.assign(std::string_view{"{nas}{"});
  EXPECT_EQ(render_template("{user}-{nas}", hostile), "{nas}{-gw");
}

TEST(TemplateText, IsCutBetweenCharacters) {
  Question made = question();
  const std::string long_text = std::string(kMaxTemplateText - 1, 'x') + "\xC3\xA9";
  EXPECT_EQ(render_template(long_text, made), std::string(kMaxTemplateText - 1, 'x'));
}

TEST(TemplateText, MistakesAreNamed) {
  EXPECT_TRUE(check_template("Log in as {user} from {address}?"));
  EXPECT_TRUE(check_template("no placeholder }"));
  EXPECT_TRUE(check_template("{usr}").error().starts_with("has the unknown placeholder {usr}"));
  EXPECT_TRUE(check_template("{User}").error().contains("{user}"));
  EXPECT_TRUE(check_template("a {user").error().starts_with("has a { without its }"));
  EXPECT_FALSE(check_template(std::string(kMaxTemplateText + 1, 'x')));
}

}  // namespace
}  // namespace sallyport::verify
