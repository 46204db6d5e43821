#include "engine/http/grants_file.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sallyport::http_door {
namespace {

using testing::HasSubstr;

class GrantsFile : public testing::Test {
 protected:
  GrantsFile() {
    std::string folder = std::filesystem::temp_directory_path() / "sallyport-XXXXXX";
    folder_ = ::mkdtemp(folder.data());
  }
  ~GrantsFile() override { std::filesystem::remove_all(folder_); }

  static void fill(Grants& grants) {
    ASSERT_TRUE(grants.add({.address = *IpAddress::parse("192.0.2.1"),
                            .user = "alice",
                            .since_ms = 1'700'000'000'000,
                            .until_ms = 1'700'036'000'000,
                            .by = "push",
                            .reason = "asked for \"it\" politely"}));
    ASSERT_TRUE(grants.add({.address = *IpAddress::parse("2001:db8::1"),
                            .user = "j\xc4\x81nis b\xc4\x93rzi\xc5\x86\xc5\xa1",
                            .since_ms = 5,
                            .until_ms = 6,
                            .by = "",
                            .reason = ""}));
    ASSERT_EQ(grants.end_user("alice").size(), 1u);
  }
  [[nodiscard]] std::string path() const { return folder_ / "grants"; }

  std::filesystem::path folder_;
};

TEST_F(GrantsFile, TextReadsBackTheSame) {
  Grants grants(64, 1);
  EXPECT_EQ(grants_text(grants), "sallyport grants 1\nend\t0\t1\n");
  fill(grants);
  const auto kept = read_grants_text(grants_text(grants));
  ASSERT_TRUE(kept);
  ASSERT_EQ(kept->grants.size(), 1u);
  EXPECT_EQ(kept->grants[0], *grants.find(2));
  EXPECT_EQ(kept->next_id, 3u);
}

TEST_F(GrantsFile, ATextCutShortOrChangedIsRefused) {
  Grants grants(64, 1);
  fill(grants);
  const std::string text = grants_text(grants);
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(read_grants_text(text.substr(0, size))) << size;
  }
  EXPECT_FALSE(read_grants_text(text + "\n"));
  EXPECT_FALSE(read_grants_text("sallyport grants 2\nend\t0\t1\n"));
  const auto error = [](std::string_view lines) {
    const auto kept = read_grants_text(lines);
    return kept ? "" : kept.error();
  };
  constexpr std::string_view kFirst = "sallyport grants 1\n";
  EXPECT_EQ(error(std::string(kFirst) + "1\t2\t3\t192.0.2.1\talice\t\t\tmore\nend\t1\t2\n"),
            "line 2 is not a grant");
  EXPECT_EQ(error(std::string(kFirst) + "1\t2\t3\texample.net\talice\t\t\nend\t1\t2\n"),
            "line 2 is not a grant");
  EXPECT_EQ(error(std::string(kFirst) + "1\t-2\t3\t192.0.2.1\talice\t\t\nend\t1\t2\n"),
            "line 2 is not a grant");
  EXPECT_THAT(error(std::string(kFirst) + "end\t1\t2\n"), HasSubstr("line 2 does not end"));
  EXPECT_THAT(error(kFirst), HasSubstr("cut short"));
}

TEST_F(GrantsFile, SavesAndLoads) {
  Grants grants(64, 1);
  EXPECT_TRUE(load_grants(path())->grants.empty()) << "no file yet";
  fill(grants);
  ASSERT_TRUE(save_grants(path(), grants));
  ASSERT_TRUE(save_grants(path(), grants)) << "over the old one";
  const auto kept = load_grants(path());
  ASSERT_TRUE(kept) << kept.error();
  EXPECT_EQ(kept->grants.size(), 1u);
  EXPECT_EQ(kept->next_id, 3u);
  EXPECT_EQ(std::filesystem::status(path()).permissions(), std::filesystem::perms(0600));
  EXPECT_FALSE(std::filesystem::exists(path() + ".new"));
}

TEST_F(GrantsFile, AFileLeftBesideByACrashDoesNotCount) {
  Grants grants(64, 1);
  fill(grants);
  ASSERT_TRUE(save_grants(path(), grants));
  std::ofstream(path() + ".new") << "sallyport grants 1\n7\t1\t";
  EXPECT_EQ(load_grants(path())->grants.size(), 1u);
  ASSERT_TRUE(save_grants(path(), grants));
  EXPECT_EQ(load_grants(path())->grants.size(), 1u);
}

TEST_F(GrantsFile, ErrorsNameThePath) {
  const Grants grants(64, 1);
  const std::string nowhere = folder_ / "no" / "grants";
  EXPECT_THAT(save_grants(nowhere, grants).error(), HasSubstr(nowhere));
  std::ofstream(path()) << "something else\n";
  EXPECT_THAT(load_grants(path()).error(), HasSubstr(path() + ": line 1 is not"));
  EXPECT_THAT(load_grants(folder_).error(), HasSubstr("cannot read"));
}

}  // namespace
}  // namespace sallyport::http_door
