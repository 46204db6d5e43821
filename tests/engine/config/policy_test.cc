// [[policy]], and what belongs to it.

#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/config/message_texts.h"
#include "engine/config/policy_text.h"
#include "tests/engine/config/config_testing.h"

namespace sallyport::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::joined;
using testing::kGood;
using testing::load;

std::string with(std::string_view more) { return std::string(kGood) + std::string(more); }

std::string mistakes(std::string_view more) {
  const auto loaded = load(with(more));
  return loaded ? "none" : joined(loaded.error());
}

TEST(Policy, IsReadInFull) {
  const auto loaded = load(with(R"([second_factor]
group_attribute = "26.9.1"
remember = "8h"
accept_attributes = ["Class = mfa=push"]
limited_message = "Wait, {user}."
[second_factor.limits]
user = "7/1m"
user_long = "40/2h"
pair = "off"
place = "9/10s"
cool_down = "5m"
[[policy]]
name = "night"
clients = ["vpn"]
networks = ["192.0.2.0/25"]
users = ["svc-*", "alice"]
realms = ["example.net"]
groups = ["staff"]
nas_port_types = ["Virtual", "19", "77"]
hours = ["mon-fri 22:00-06:00", "sat,sun"]
action = "exempt"
on_unavailable = "silent"
remember = "1h"
accept_attributes = ["26.9.1 = shell:priv-lvl=1", "Filter-Id=staff"]
message = "Not now at {nas}."
[[policy]]
name = "rest"
)"));
  ASSERT_TRUE(loaded) << joined(loaded.error());
  EXPECT_TRUE(loaded->warnings.empty()) << joined(loaded->warnings);
  const SecondFactor& common = loaded->config.second_factor;
  EXPECT_EQ(common.group_attribute, "26.9.1");
  EXPECT_EQ(common.remember_ms, 8 * 3'600'000u);
  EXPECT_EQ(common.accept_attributes.at(0).value, "mfa=push");
  EXPECT_EQ(common.limits.user, (verify::Rate{7, 60'000}));
  EXPECT_EQ(common.limits.user_long, (verify::Rate{40, 7'200'000}));
  EXPECT_EQ(common.limits.pair.count, 0u);
  EXPECT_EQ(common.limits.place, (verify::Rate{9, 10'000}));
  EXPECT_EQ(common.limits.cool_down_ms, 300'000u);
  ASSERT_EQ(loaded->config.policies.size(), 2u);
  const Policy& night = loaded->config.policies[0];
  EXPECT_THAT(night.clients, ElementsAre("vpn"));
  EXPECT_EQ(night.networks.at(0).text(), "192.0.2.0/25");
  EXPECT_THAT(night.users, ElementsAre("svc-*", "alice"));
  EXPECT_THAT(night.nas_port_types, ElementsAre(5, 19, 77));
  EXPECT_THAT(night.hours,
              ElementsAre(Hours{.days = 0b001'1111, .from_minute = 1'320, .until_minute = 360},
                          Hours{.days = 0b110'0000}));
  EXPECT_EQ(night.action, PolicyAction::exempt);
  EXPECT_EQ(night.on_unavailable, PolicyOnUnavailable::silent);
  EXPECT_EQ(night.remember_ms, 3'600'000u);
  EXPECT_EQ(night.accept_attributes.at(0).name.vendor, 9u);
  EXPECT_EQ(night.accept_attributes.at(1).name.type, 11);
  EXPECT_EQ(night.message, "Not now at {nas}.");
  EXPECT_EQ(loaded->config.policies[1].action, PolicyAction::push);
}

TEST(Policy, MistakesAreNamed) {
  EXPECT_THAT(mistakes("[[policy]]\n"), HasSubstr("policy.name: is missing"));
  EXPECT_THAT(mistakes("[[policy]]\nname = \"a\"\nclients = [\"wifi\"]\n"),
              HasSubstr("there is no client \"wifi\""));
  EXPECT_THAT(mistakes("[[policy]]\nname = \"a\"\nusers = [\"x\"]\n[[policy]]\nname = \"a\"\n"),
              HasSubstr("is the name of two policies"));
  EXPECT_THAT(mistakes("[second_factor]\ngroup_attribute = \"\"\n"
                       "[[policy]]\nname = \"a\"\ngroups = [\"x\"]\n"),
              HasSubstr("can match nobody"));
  EXPECT_THAT(mistakes("[second_factor]\ngroup_attribute = \"Filter\"\n"),
              HasSubstr("is no attribute that holds groups"));
  EXPECT_THAT(mistakes("[[policy]]\nname = \"a\"\nusers = [\"\"]\n"), HasSubstr("is empty"));
  EXPECT_THAT(mistakes("[[policy]]\nname = \"a\"\nnas_port_types = [\"virtual\"]\n"),
              HasSubstr("is no NAS-Port-Type"));
  EXPECT_THAT(mistakes("[[policy]]\nname = \"a\"\naction = \"allow\"\n"),
              HasSubstr("is not one of \"push\", \"exempt\", \"deny\""));
  for (const char* hours :
       {"", "mo", "mon-", "mon 8:00-9:00", "08:00", "08:00-25:00", "08:60-09:00", "08:00-08:00",
        "24:00-08:00", "mon  08:00-09:00", "08:00-00:00"}) {
    EXPECT_THAT(mistakes(std::string("[[policy]]\nname = \"a\"\nhours = [\"") + hours + "\"]\n"),
                HasSubstr("is no time of the week"))
        << hours;
  }
  for (const char* attribute : {"Class", "Class =", "= x", "Nonsense = x"}) {
    EXPECT_THAT(
        mistakes(std::string("[second_factor]\naccept_attributes = [\"") + attribute + "\"]\n"),
        HasSubstr("is no attribute with a text"))
        << attribute;
  }
  for (const char* attribute :
       {"1 = x", "2 = x", "24 = x", "33 = x", "69 = x", "79 = x", "80 = x"}) {
    EXPECT_THAT(
        mistakes(std::string("[second_factor]\naccept_attributes = [\"") + attribute + "\"]\n"),
        HasSubstr("cannot be added"))
        << attribute;
  }
  EXPECT_THAT(mistakes("[second_factor]\ndenied_message = \"{address}\"\n"),
              HasSubstr("begins no known placeholder"));
  EXPECT_THAT(mistakes("[second_factor]\ndenied_message = \"{user\"\n"),
              HasSubstr("begins no known placeholder"));
}

TEST(Policy, WhatIsUnwiseIsWarnedOf) {
  const auto everybody = load(with("[[policy]]\nname = \"a\"\naction = \"exempt\"\n"));
  ASSERT_TRUE(everybody);
  EXPECT_THAT(joined(everybody->warnings), HasSubstr("exempts every login"));
  const auto hidden =
      load(with("[[policy]]\nname = \"a\"\n[[policy]]\nname = \"b\"\nusers = [\"x\"]\n"));
  ASSERT_TRUE(hidden);
  EXPECT_THAT(joined(hidden->warnings), HasSubstr("policy \"a\" before it matches every login"));
}

TEST(Policy, HoursAreWrittenAsTheyAreRead) {
  for (const char* text :
       {"mon-fri 08:00-18:00", "sat,sun", "22:00-06:00", "fri-mon 00:00-24:00"}) {
    std::vector<Hours> once;
    std::vector<Hours> twice;
    ASSERT_FALSE(add_hours(text, once)) << text;
    ASSERT_FALSE(add_hours(text_of(once[0]), twice)) << text_of(once[0]);
    EXPECT_EQ(once, twice);
  }
  std::vector<Hours> weekend;
  ASSERT_FALSE(add_hours("fri-mon", weekend));
  EXPECT_EQ(weekend[0].days, 0b111'0001);
}

TEST(Policy, EveryExampleOfItsDocumentIsGood) {
  std::ifstream document(std::string(SALLYPORT_SOURCE_FOLDER) + "/docs/second-factor.md");
  ASSERT_TRUE(document);
  int examples = 0;
  std::string example;
  bool inside = false;
  for (std::string line; std::getline(document, line);) {
    if (line == "```toml") {
      inside = true;
      example.clear();
    } else if (inside && line == "```") {
      inside = false;
      ++examples;
      const auto loaded = load(with(example));
      ASSERT_TRUE(loaded) << example << joined(loaded.error());
      EXPECT_TRUE(loaded->warnings.empty()) << example << joined(loaded->warnings);
    } else if (inside) {
      example += line + '\n';
    }
  }
  EXPECT_GE(examples, 3);
}

TEST(Policy, AsksForOneOfItsFactors) {
  const auto loaded = load(with(R"([second_factor]
appended = true
separator = "#"
challenge = false
[store]
type = "sqlite"
path = "codes.db"
[[policy]]
name = "both"
users = ["alice"]
action = "ask"
factors = ["push", "otp"]
[[policy]]
name = "phone"
action = "ask"
factors = ["push"]
)"));
  ASSERT_TRUE(loaded) << joined(loaded.error());
  using enum verify::LoginFactor;
  EXPECT_EQ(factors_of(loaded->config.policies[0]), (verify::LoginFactors{push, otp}));
  EXPECT_EQ(factors_of(loaded->config.policies[1]), (verify::LoginFactors{push}));
  EXPECT_TRUE(asks_codes(loaded->config));
  EXPECT_EQ(loaded->config.second_factor.separator, "#");
  EXPECT_FALSE(loaded->config.second_factor.challenge);
}

constexpr std::string_view kMessages = R"([store]
type = "sqlite"
path = "codes.db"
[[gate.directory]]
name = "users"
type = "ldap"
urls = ["ldaps://ldap.example.net"]
search_base = "dc=example,dc=net"
[[gate.channel]]
name = "mail"
type = "smtp"
address = "mail.example.net:587"
from_mail = "noreply@example.net"
)";

TEST(Policy, SendsCodesWithoutAnHttpDoor) {
  const auto loaded =
      load(with(std::string(kMessages) + "[[policy]]\nname = \"a\"\nusers = [\"x\"]\n"
                                         "action = \"ask\"\nfactors = [\"push\", \"token\"]\n"));
  ASSERT_TRUE(loaded) << joined(loaded.error());
  EXPECT_TRUE(loaded->warnings.empty()) << joined(loaded->warnings);
  using enum verify::LoginFactor;
  EXPECT_EQ(factors_of(loaded->config.policies[0]), (verify::LoginFactors{push, token}));
  EXPECT_TRUE(asks_codes(loaded->config));
  EXPECT_TRUE(sends_messages(loaded->config));
  EXPECT_FALSE(asks(loaded->config, link));
}

TEST(Policy, SaysWhatMessagesLack) {
  const std::string policy = "[[policy]]\nname = \"a\"\naction = ";
  EXPECT_THAT(mistakes(policy + "\"token\"\n"), HasSubstr("no [[gate.directory]]"));
  EXPECT_THAT(mistakes(policy + "\"token\"\n"), HasSubstr("no [[gate.channel]]"));
  EXPECT_THAT(mistakes(policy + "\"token\"\n"), HasSubstr("[store] is missing"));
  const std::string messages(kMessages);
  EXPECT_EQ(mistakes(messages + policy + "\"token\"\n"), "none");
  EXPECT_THAT(mistakes(messages + "carries = [\"link\"]\n" + policy + "\"token\"\n"),
              HasSubstr("no [[gate.channel]] sends such messages"));
  EXPECT_THAT(mistakes(messages + policy + "\"link\"\n"), HasSubstr("no [[http.listener]]"));
  EXPECT_THAT(mistakes(messages + policy + "\"link\"\n"), HasSubstr("gate.url is missing"));
  EXPECT_THAT(mistakes("[second_factor]\nappended = true\nchallenge = false\n" + messages + policy +
                       "\"token\"\n"),
              HasSubstr("no way to bring one"));
}

TEST(Policy, TextsHaveLanguages) {
  const auto loaded = load(with(R"(number_description = "{number}?"
[second_factor]
denied_message = "No."
number_matching = true
[[second_factor.messages]]
language = "de"
denied_message = "Nein, {user}."
[[second_factor.messages]]
language = "pt-BR"
[store]
type = "sqlite"
path = "codes.db"
[[policy]]
name = "germans"
users = ["hans"]
language = "DE"
)"));
  ASSERT_TRUE(loaded) << joined(loaded.error());
  const SecondFactor& common = loaded->config.second_factor;
  EXPECT_EQ(language_index(common.translations, "de"), 1);
  EXPECT_EQ(language_index(common.translations, "pt-br"), 2);
  EXPECT_EQ(language_index(common.translations, ""), 0);
  EXPECT_EQ(language_index(common.translations, "fr"), 0);
  const auto all = completed(common.messages, common.translations);
  EXPECT_EQ(all[0].denied_message, "Nein, {user}.");
  EXPECT_EQ(all[0].expired_message, common.messages.expired_message);
  EXPECT_EQ(all[1].denied_message, "No.");
  for (const Messages& messages : all)
    for (const MessageText& each : kMessageTexts)
      EXPECT_EQ((messages.*each.text).empty(), each.key == "menu_prompt");
}

TEST(Policy, SaysWhatIsWrongWithLanguages) {
  EXPECT_THAT(mistakes("[[policy]]\nname = \"a\"\nlanguage = \"de\"\n"),
              HasSubstr("policy.language: there are no texts in \"de\""));
  EXPECT_THAT(mistakes("[[second_factor.messages]]\nlanguage = \"de\"\n"
                       "[[second_factor.messages]]\nlanguage = \"DE\"\n"),
              HasSubstr("has texts already"));
  EXPECT_THAT(mistakes("[[second_factor.messages]]\ndenied_message = \"Nein.\"\n"),
              HasSubstr("second_factor.messages.language: is missing"));
}

TEST(Policy, SaysWhatNumberMatchingNeeds) {
  constexpr std::string_view kOn = "[second_factor]\nnumber_matching = true\n";
  constexpr std::string_view kStore = "[store]\ntype = \"sqlite\"\npath = \"codes.db\"\n";
  EXPECT_THAT(mistakes(kOn), HasSubstr("second_factor.number_matching needs it"));
  EXPECT_EQ(mistakes(std::string(kOn) + std::string(kStore)), "none");
  EXPECT_THAT(mistakes(std::string(kOn) + "challenge = false\n" + std::string(kStore)),
              HasSubstr("challenge is false"));
  EXPECT_THAT(mistakes("number_description = \"Log in?\"\n"), HasSubstr("does not hold {number}"));
  EXPECT_THAT(mistakes("version = \"v3\"\nclient_id = \"a\"\nclient_secret = \"0123456789abcdef\"\n"
                       "profile = \"9d1e\"\n" +
                       std::string(kOn) + std::string(kStore)),
              HasSubstr("cannot put the number on the phone"));
}

TEST(Policy, NotakeyIsNeededWhereAPhoneIsAsked) {
  const std::string_view without = kGood.substr(0, kGood.find("[notakey]"));
  const auto told = [&](std::string_view policies) {
    const auto loaded = load(std::string(without) +
                             "[store]\ntype = \"sqlite\"\n"
                             "path = \"codes.db\"\n" +
                             std::string(policies));
    return loaded ? "none" : joined(loaded.error());
  };
  constexpr std::string_view kCodes = "[[policy]]\nname = \"codes\"\naction = \"otp\"\n";
  EXPECT_THAT(told(""), HasSubstr("the section [notakey] is missing"));
  EXPECT_EQ(told(kCodes), "none");
  EXPECT_THAT(told(std::string(kCodes) + "users = [\"alice\"]\n"),
              HasSubstr("who matches no policy is asked on the phone"));
  EXPECT_THAT(told("[[policy]]\nname = \"x\"\nusers = [\"a\"]\n" + std::string(kCodes)),
              HasSubstr("policy \"x\" asks the phone"));
  EXPECT_THAT(told(std::string(kCodes) + "[notakey]\naccess_id = \"a\"\n"),
              HasSubstr("notakey.host: is missing"));
}

TEST(Policy, TakesGroupsOfAUserDirectory) {
  constexpr std::string_view kOn = "[second_factor]\ndirectory_groups = true\n";
  constexpr std::string_view kStore = "[store]\ntype = \"memory\"\n";
  constexpr std::string_view kUsers =
      "[[gate.directory]]\nname = \"u\"\ntype = \"list\"\n"
      "[[gate.directory.user]]\nid = \"alice\"\ngroups = [\"x\"]\n";
  constexpr std::string_view kPolicy = "[[policy]]\nname = \"a\"\ngroups = [\"x\"]\n";
  const auto all = [](std::initializer_list<std::string_view> parts) {
    std::string text;
    for (const std::string_view part : parts) text += part;
    return text;
  };
  const auto loaded = load(with(all({kOn, kStore, kUsers, kPolicy})));
  ASSERT_TRUE(loaded) << joined(loaded.error());
  EXPECT_TRUE(loaded->warnings.empty()) << joined(loaded->warnings);
  EXPECT_TRUE(asks_directory(loaded->config));
  EXPECT_TRUE(holds_logins(loaded->config));
  EXPECT_FALSE(asks_codes(loaded->config));

  EXPECT_THAT(mistakes(all({kOn, kStore, kPolicy})),
              HasSubstr("second_factor.directory_groups: is on, and no [[gate.directory]]"));
  EXPECT_THAT(mistakes(all({kOn, kUsers, kPolicy})), HasSubstr("[store] is missing"));
  EXPECT_EQ(mistakes(all({kOn, "group_attribute = \"\"\n", kStore, kUsers, kPolicy})), "none");
  const auto warnings = [](const std::string& text) {
    const auto read = load(with(text));
    return read ? joined(read->warnings) : joined(read.error());
  };
  EXPECT_THAT(warnings(all({kOn, kStore, kUsers})), HasSubstr("no [[policy]] has groups"));
  constexpr std::string_view kLdap =
      "[[gate.directory]]\nname = \"l\"\ntype = \"ldap\"\nurls = [\"ldaps://ldap.example.net\"]\n"
      "search_base = \"dc=example\"\n";
  EXPECT_THAT(warnings(all({kOn, kStore, kLdap, kPolicy})),
              HasSubstr("gate.directory.group_attribute: is missing"));
  EXPECT_EQ(warnings(all({kOn, kStore, kLdap, "group_attribute = \"memberOf\"\n", kPolicy})), "");
}

TEST(Policy, SaysWhatIsWrongWithFactors) {
  const auto policy = [](std::string_view rest) {
    return mistakes("[[policy]]\nname = \"a\"\n" + std::string(rest));
  };
  EXPECT_THAT(policy("action = \"ask\"\n"), HasSubstr("policy.factors"));
  EXPECT_THAT(policy("factors = [\"push\"]\n"), HasSubstr("only for action"));
  EXPECT_THAT(policy("action = \"deny\"\nrequired_groups = [\"vpn\"]\n"),
              HasSubstr("only known of who approves on the phone"));
  EXPECT_EQ(policy("required_groups = [\"vpn\"]\n"), "none");
  EXPECT_THAT(policy("action = \"ask\"\nfactors = [\"sms\"]\n"), HasSubstr("is no factor"));
  EXPECT_THAT(mistakes("[second_factor]\nchallenge = false\n[store]\ntype = \"sqlite\"\n"
                       "path = \"codes.db\"\n[[policy]]\nname = \"a\"\naction = \"otp\"\n"),
              HasSubstr("no way to bring one"));
  for (const std::string_view wrong : {"", "ab", "1", "x", " "})
    EXPECT_THAT(mistakes("[second_factor]\nseparator = \"" + std::string(wrong) + "\"\n"),
                HasSubstr("separator"));
}

}  // namespace
}  // namespace sallyport::config
