#include "engine/config/secret_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/config/report.h"
#include "tests/engine/config/config_testing.h"

namespace sallyport::config {
namespace {

using std::filesystem::perms;
using ::testing::HasSubstr;
using testing::joined;
using testing::kGood;
using testing::load;
using ::testing::Not;

/// Stands for any secret: no message may hold four octets of it in a row.
constexpr std::string_view kHidden = "QZJXKVWPYGBHFM";

void expect_hidden(std::string_view text) {
  for (std::size_t i = 0; i + 4 <= kHidden.size(); ++i) {
    EXPECT_EQ(text.find(kHidden.substr(i, 4)), std::string_view::npos) << text;
  }
}

TEST(SecretSource, ReadsAFileWithoutItsLineEnd) {
  testing::TemporaryFolder folder;
  const struct {
    std::string_view content;
    std::string_view secret;
  } cases[] = {{"abc", "abc"}, {"abc\n", "abc"}, {"abc\r\n", "abc"}, {" a b \n", " a b "}};
  for (const auto& [content, secret] : cases) {
    const auto path = folder.write("secret", content);
    const auto read = secret_from_file(path, "/elsewhere");
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, Secret(secret));
  }
  folder.write("relative", "xyz\n");
  EXPECT_EQ(secret_from_file("relative", folder.path().string()), Secret("xyz"));
}

TEST(SecretSource, RefusesAFileThatOthersMayOpen) {
  testing::TemporaryFolder folder;
  for (const perms others : {perms::others_read, perms::others_write, perms::others_exec}) {
    const auto path = folder.write("secret", kHidden, perms::owner_read | others);
    const auto read = secret_from_file(path, "");
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().mend, "Run: chmod o= " + path);
    expect_hidden(read.error().wrong);
  }
  // A group may be the daemon's own.
  EXPECT_TRUE(secret_from_file(
      folder.write("grouped", kHidden, perms::owner_read | perms::group_read), ""));
}

TEST(SecretSource, RefusesWhatHoldsNoSecret) {
  testing::TemporaryFolder folder;
  EXPECT_FALSE(secret_from_file(folder.write("empty", ""), ""));
  EXPECT_FALSE(secret_from_file(folder.write("line", "\n"), ""));
  EXPECT_FALSE(secret_from_file(folder.write("huge", std::string(1'025, 'x')), ""));
  EXPECT_TRUE(secret_from_file(folder.write("largest", std::string(1'024, 'x') + "\r\n"), ""));
  EXPECT_FALSE(secret_from_file((folder.path() / "absent").string(), ""));
  EXPECT_FALSE(secret_from_file(folder.path().string(), ""));
  EXPECT_FALSE(secret_from_file("/dev/zero", ""));
  EXPECT_FALSE(secret_from_text(""));
  EXPECT_FALSE(secret_from_environment("ABSENT", {}));
  EXPECT_FALSE(secret_from_environment("EMPTY", {{"EMPTY", ""}}));
  EXPECT_EQ(secret_from_environment("SET", {{"SET", "abc"}}), Secret("abc"));
}

/// A file of notes, or of two secrets, taken whole would be a secret that nobody else has.
TEST(SecretSource, IsOneLineWithoutControls) {
  testing::TemporaryFolder folder;
  const std::string hidden(kHidden);
  for (const std::string_view behind : {"\n\n", "\nsecond", "\n# old: x\n", "\rx", "\n\r"}) {
    const auto path = folder.write("secret", hidden + std::string(behind));
    const auto read = secret_from_file(path, "");
    ASSERT_FALSE(read) << behind;
    EXPECT_THAT(
        read.error().wrong,
        HasSubstr(path + ", which has more than one line: no line end belongs to a secret"));
    expect_hidden(read.error().wrong + read.error().mend);
  }
  for (const char control : {'\0', '\t', '\x1b', '\x7f'}) {
    const auto read = secret_from_text(hidden + control + "x");
    ASSERT_FALSE(read) << int{control};
    EXPECT_EQ(read.error().wrong, "has a control character: its octet 15 of 16");
    EXPECT_FALSE(secret_from_environment("SET", {{"SET", hidden + control}}));
  }
  EXPECT_TRUE(secret_from_text("\xc3\xa9 \xff"));
  const auto keys = secret_from_file(folder.write("keys", "a\nb\n"), "", SecretLines::several);
  EXPECT_EQ(keys, Secret("a\nb"));
  const auto loaded = load(std::string(kGood) + "[gate]\ncookie_keys = \"a\\nb\"\n");
  EXPECT_THAT(joined(loaded.error()), Not(HasSubstr("more than one line")));
}

TEST(SecretSource, IsGivenExactlyOnce) {
  std::string text(kGood);
  text.insert(text.find("[downstream]"), "secret_env = \"X\"\nsecret_file = \"y\"\n");
  const auto loaded = load(text);
  ASSERT_FALSE(loaded);
  ASSERT_EQ(loaded.error().size(), 2U) << joined(loaded.error());
  EXPECT_EQ(loaded.error()[0].text(),
            "t.toml:5:1: client.secret_env: gives the secret a second time. Mend: Keep one of "
            "secret, secret_file and secret_env.");
}

TEST(SecretSource, NoMessageEverHoldsASecret) {
  const std::string hidden(kHidden);
  const std::string rest(kGood.substr(kGood.find("[downstream]")));
  const std::string head = "[[client]]\nname = \"n\"\naddresses = [\"10.0.0.1\"]\n";
  const std::string spoiled[] = {
      "secret = " + hidden,                           // no quotes
      "secret = \"" + hidden,                         // not closed
      "secret = \"" + hidden + "\" " + hidden,        // goes on
      "secret = '" + hidden + "\n'",                  // not closed on its line
      "secret = \"\\" + hidden + "\"",                // not an escape
      "secret = \"\\u" + hidden + "\"",               //
      "secret = [\"" + hidden + "\"]",                // a list
      "secret = { x = \"" + hidden + "\" }",          // a table
      "secret = 0x" + hidden,                         // nearly a number
      "secret = 1" + hidden,                          //
      "secret = t" + hidden,                          // nearly true
      "secret = 2020-01-01" + hidden,                 // nearly a date
      "secret == \"" + hidden + "\"",                 //
      "secret \"" + hidden + "\"",                    //
      "secret = \"x\"\nsecret = \"" + hidden + "\"",  // twice
      "secret_env = \"" + hidden + "\"\nsecret_file = \"" + hidden + "\"",
      "secret_file = \"" + hidden + "\"",          // the secret where a path belongs
      "secret_env = \"" + hidden + "-\"",          // or a variable's name
      "secret = \"" + hidden.substr(0, 8) + "\"",  // short: a warning
      "secret = \"" + hidden + "\"\nsecert = \"" + hidden + "\"",
      "secret = \"" + hidden + "\xff\"",  // not UTF-8
  };
  for (const std::string& line : spoiled) {
    const auto loaded = load(head + line + "\n" + rest);
    expect_hidden(loaded ? joined(loaded->warnings) : joined(loaded.error()));
  }
}

TEST(SecretSource, RedactedTextSaysSetAndNoMore) {
  std::string text(kGood);
  text.replace(text.find("0123456789abcdef"), 16, kHidden);
  text.replace(text.find("fedcba9876543210"), 16, kHidden);
  const auto loaded = load(text + "version = \"v3\"\nclient_id = \"i\"\nclient_secret = \"" +
                           std::string(kHidden) + "\"\n");
  ASSERT_TRUE(loaded) << joined(loaded.error());
  std::string all = summary(loaded->config);
  for (const std::string& line : redacted_lines(loaded->config)) all += line + '\n';
  expect_hidden(all);
  EXPECT_THAT(all, HasSubstr("client[1].secret = set\n"));
  EXPECT_THAT(all, HasSubstr("downstream.secret = set\n"));
  EXPECT_THAT(all, HasSubstr("notakey.client_secret = set\n"));
}

}  // namespace
}  // namespace sallyport::config
