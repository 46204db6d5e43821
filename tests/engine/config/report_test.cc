#include "engine/config/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/engine/config/config_testing.h"

namespace sallyport::config {
namespace {

using ::testing::EndsWith;
using testing::kGood;
using ::testing::StartsWith;

TEST(CheckFile, SaysThatAFileIsGood) {
  testing::TemporaryFolder folder;
  const std::string path = folder.write("good.toml", kGood);
  const CheckReport report = check_file(path, {});
  EXPECT_EQ(report.exit_status, 0);
  EXPECT_EQ(report.text, path +
                             " is good: 1 client, listening on 0.0.0.0:1812, downstream "
                             "192.0.2.200:1812, Notakey v2 at https://demo.notakey.com.\n");
}

TEST(CheckFile, PrintsWarningsBeforeIt) {
  testing::TemporaryFolder folder;
  const CheckReport report = check_file(
      folder.write("open.toml", std::string(kGood) + "[admin]\nlisten = \"0.0.0.0\"\n"), {});
  EXPECT_EQ(report.exit_status, 0);
  EXPECT_THAT(report.text, StartsWith("warning: "));
}

TEST(CheckFile, ListsAndCountsMistakes) {
  testing::TemporaryFolder folder;
  const std::string path =
      folder.write("bad.toml", std::string(kGood) + "ttl = 60\n[log]\nlevl = \"info\"\n");
  const CheckReport report = check_file(path, {});
  EXPECT_EQ(report.exit_status, 1);
  EXPECT_EQ(report.text,
            path +
                ":11:7: notakey.ttl: is a number without a unit. Mend: Write numbers with ms, s, "
                "m or h, in quotes: \"500ms\", \"60s\", \"1m30s\".\n" +
                path +
                ":13:1: log.levl: is not a setting. Mend: Did you mean level?\n2 mistakes.\n");
}

TEST(CheckFile, CountsOneMistakeAsOne) {
  const CheckReport report = check_file("/nonexistent/sallyport.toml", {});
  EXPECT_EQ(report.exit_status, 1);
  EXPECT_THAT(report.text, StartsWith("/nonexistent/sallyport.toml: cannot be read"));
  EXPECT_THAT(report.text, EndsWith("1 mistake.\n"));
}

TEST(DownstreamText, IsAsInAUrl) {
  Downstream downstream;
  downstream.host = "radius.example.com";
  EXPECT_EQ(downstream_text(downstream), "radius.example.com:1812");
  downstream.host = "2001:db8::1";
  downstream.port = 1645;
  EXPECT_EQ(downstream_text(downstream), "[2001:db8::1]:1645");
}

TEST(DownstreamText, CountsSeveralServers) {
  Downstream downstream;
  downstream.servers.resize(3);
  downstream.servers[0].pool = "near";
  EXPECT_EQ(downstream_text(downstream), "3 servers in 2 pools");
  downstream.servers.resize(1);
  EXPECT_EQ(downstream_text(downstream), "1 server in 1 pool");
}

}  // namespace
}  // namespace sallyport::config
