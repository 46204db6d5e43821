#include "verify/users/directory.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/verify/users/folder.h"
#include "verify/users/json_users.h"

namespace sallyport::verify {
namespace {

User alice() {
  return {.id = "alice",
          .name = "Alice A.",
          .mail = "alice@example.net",
          .mobile = "+491511234567",
          .telephone = "",
          .language = "de",
          .groups = {"staff"}};
}

TEST(UserId, WhatCanBeOne) {
  for (const char* id : {"alice", "a", "alice@example.net", "EXAMPLE\\alice", "Jörg", "-rf",
                         "*)(uid=*", "a b", "\xf0\x9f\x98\x80"}) {
    EXPECT_TRUE(is_user_id(id)) << id;
  }
  EXPECT_TRUE(is_user_id(std::string(253, 'a')));
}

TEST(UserId, WhatCannot) {
  for (const char* id : {"", " alice", "alice ", "a\nb", "a\tb", "a\x7f", "\xc2\x80", "\xc3",
                         "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff"}) {
    EXPECT_FALSE(is_user_id(id)) << id;
  }
  EXPECT_FALSE(is_user_id(std::string(254, 'a')));
  EXPECT_FALSE(is_user_id(std::string("a\0b", 3)));
}

TEST(User, AShortMessageGoesToTheMobileElseTheTelephone) {
  User user = alice();
  user.telephone = "+4930123";
  EXPECT_EQ(user.number(), "+491511234567");
  user.mobile.clear();
  EXPECT_EQ(user.number(), "+4930123");
}

TEST(ListDirectory, FindsTheExactId) {
  const auto directory = make_directory(ListDirectorySettings{.users = {alice()}});
  ASSERT_TRUE(directory);
  EXPECT_EQ((*directory)->find("alice").value(), alice());
  EXPECT_EQ((*directory)->find("Alice").value(), std::nullopt);
  EXPECT_EQ((*directory)->find("alic").value(), std::nullopt);
  EXPECT_EQ((*directory)->find("").value(), std::nullopt);
}

TEST(ListDirectory, RefusesAnIdThatCannotBeOne) {
  EXPECT_FALSE(make_directory(ListDirectorySettings{.users = {User{}}}));
}

TEST(JsonUsers, OursAndDoormansNames) {
  const auto ours = read_user(
      R"({"id":"alice","name":"Alice A.","mail":"alice@example.net","mobile":"+491511234567",)"
      R"("language":"de","groups":["staff"],"other":{"x":[1]}})");
  ASSERT_TRUE(ours) << ours.error();
  EXPECT_EQ(*ours, alice());
  const auto doormans = read_user(R"({"uid":"alice","email":"a@example.net","telephone":null})");
  ASSERT_TRUE(doormans) << doormans.error();
  EXPECT_EQ(doormans->id, "alice");
  EXPECT_EQ(doormans->mail, "a@example.net");
}

TEST(JsonUsers, MistakesAreNamedAndNothingIsQuoted) {
  EXPECT_EQ(read_user("{").error(), "this is not JSON");
  EXPECT_EQ(read_user("[]").error(), "a user is not a JSON object");
  EXPECT_EQ(read_user(R"({"id":7})").error(), "\"id\" of a user is not a text");
  EXPECT_EQ(read_user(R"({"id":"a","groups":"x"})").error(), "\"groups\" of a user is not a list");
  EXPECT_EQ(read_user(R"({"name":"secret"})").error(), "a user has no \"id\" that could be one");
  EXPECT_EQ(read_users("{}").error(), "this is not a JSON array of users");
  EXPECT_EQ(read_users(R"([{"id":"a"},{"id":""}])").error(),
            "user 2: a user has no \"id\" that could be one");
}

TEST(FileDirectory, SeesAWriteAndARename) {
  const Folder folder;
  const std::string path = folder.write("users.json", R"([{"id":"alice"}])");
  const auto directory = make_directory(FileDirectorySettings{.path = path});
  ASSERT_TRUE(directory) << directory.error();
  EXPECT_TRUE((*directory)->find("alice").value());
  EXPECT_FALSE((*directory)->find("bob").value());
  folder.write("users.json", R"([{"id":"alice"},{"id":"bob"}])");
  EXPECT_TRUE((*directory)->find("bob").value());
  // As editors and deployments do it: another file takes the name.
  const std::string next = folder.write("next.json", R"([{"id":"carol"},{"id":"dave!"}])");
  std::filesystem::rename(next, path);
  EXPECT_TRUE((*directory)->find("carol").value());
  EXPECT_FALSE((*directory)->find("alice").value());
}

TEST(FileDirectory, AMistakeLosesNobody) {
  const Folder folder;
  const std::string path = folder.write("users.json", R"([{"id":"alice"}])");
  const auto directory = make_directory(FileDirectorySettings{.path = path});
  ASSERT_TRUE(directory) << directory.error();
  folder.write("users.json", R"([{"id":"alice"},)");
  EXPECT_TRUE((*directory)->find("alice").value());
  std::filesystem::remove(path);
  EXPECT_TRUE((*directory)->find("alice").value());
  folder.write("users.json", R"([{"id":"bob"}])");
  EXPECT_TRUE((*directory)->find("bob").value());
  EXPECT_FALSE((*directory)->find("alice").value());
}

TEST(FileDirectory, MustBeGoodAtTheStart) {
  const Folder folder;
  const auto none = make_directory(FileDirectorySettings{.path = folder.path("none.json")});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error(),
            "cannot read " + folder.path("none.json") + ": No such file or directory");
  EXPECT_FALSE(make_directory(FileDirectorySettings{.path = folder.write("empty.json", "")}));
}

CommandDirectorySettings script(const Folder& folder, const std::string& text, bool use_stdin) {
  const std::string path = folder.write("users.sh", "#!/bin/sh\n" + text);
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  return {.command = {path}, .use_stdin = use_stdin, .timeout_ms = 20'000};
}

TEST(CommandDirectory, TheIdOnStandardInput) {
  const Folder folder;
  const auto directory = make_directory(script(
      folder, R"(read id; [ "$id" = alice ] && echo '{"id":"alice","mail":"a@x"}'; exit 0)", true));
  ASSERT_TRUE(directory);
  EXPECT_EQ((*directory)->find("alice").value()->mail, "a@x");
  EXPECT_EQ((*directory)->find("bob").value(), std::nullopt);
}

TEST(CommandDirectory, TheIdAsArgumentIsNeverAnOption) {
  const Folder folder;
  const auto directory =
      make_directory(script(folder, R"(echo "{\"id\":\"$1\",\"name\":\"$#\"}")", false));
  ASSERT_TRUE(directory);
  EXPECT_EQ((*directory)->find("alice").value()->name, "1");
  EXPECT_EQ((*directory)->find("a b; id").value()->id, "a b; id");
  EXPECT_EQ((*directory)->find("-rf").value(), std::nullopt);
}

TEST(CommandDirectory, FailuresAreErrors) {
  const Folder folder;
  EXPECT_FALSE((*make_directory(script(folder, "exit 1", true)))->find("alice"));
  EXPECT_FALSE((*make_directory(script(folder, "echo nonsense", true)))->find("alice"));
  CommandDirectorySettings slow = script(folder, "sleep 600", true);
  slow.timeout_ms = 100;
  EXPECT_FALSE((*make_directory(slow))->find("alice"));
  EXPECT_FALSE(make_directory(CommandDirectorySettings{.command = {"users.sh"}}));
}

class Failing final : public Directory {
 public:
  std::expected<std::optional<User>, std::string> find(std::string_view) override {
    ++asked;
    return std::unexpected("it is down");
  }
  int asked = 0;
};

TEST(Directories, OneThatFailsDoesNotStopTheNext) {
  std::vector<Directories::Named> all;
  auto failing = std::make_unique<Failing>();
  const Failing& witness = *failing;
  all.push_back({"ldap", std::move(failing)});
  all.push_back({"list", *make_directory(ListDirectorySettings{.users = {alice()}})});
  Directories directories(std::move(all));
  User found = alice();
  found.after_failure = true;
  EXPECT_EQ(directories.find("alice").value(), found);
  EXPECT_EQ(witness.asked, 1);
  const auto unknown = directories.find("bob");
  ASSERT_FALSE(unknown);  // who knows whether the other one would have known him
  EXPECT_EQ(unknown.error(), "it is down");
}

TEST(Directories, TheFirstThatKnowsHimWins) {
  User other = alice();
  other.name = "Another";
  std::vector<Directories::Named> all;
  all.push_back({"a", *make_directory(ListDirectorySettings{.users = {alice()}})});
  all.push_back({"b", *make_directory(ListDirectorySettings{.users = {other}})});
  all.push_back({"c", std::make_unique<Failing>()});
  Directories directories(std::move(all));
  EXPECT_EQ(directories.find("alice").value(), alice()) << "and nothing behind it matters";
}

TEST(Directories, WhatIsNoIdIsNeverLookedUp) {
  auto failing = std::make_unique<Failing>();
  const Failing& witness = *failing;
  std::vector<Directories::Named> all;
  all.push_back({"a", std::move(failing)});
  Directories directories(std::move(all));
  EXPECT_EQ(directories.find(std::string("a\0b", 3)).value(), std::nullopt);
  EXPECT_EQ(witness.asked, 0);
}

}  // namespace
}  // namespace sallyport::verify
