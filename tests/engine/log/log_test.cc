#include "engine/log/log.h"

#include <algorithm>
#include <string>
#include <thread>
#include <tuple>

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include "tests/engine/log/temporary_folder.h"

namespace sallyport::log {
namespace {

std::string line(LineStyle style, std::string_view level, std::string_view message) {
  fmt::memory_buffer out;
  append_line(out, style,
              {.unix_ms = 7, .level = level, .component = "verify", .message = message});
  return fmt::to_string(out);
}

TEST(LogLine, IsOneLineInEachStyle) {
  EXPECT_EQ(line(LineStyle::human, "info", "up"), "1970-01-01T00:00:00.007Z info     up\n");
  EXPECT_EQ(line(LineStyle::coloured, "error", "down"),
            "1970-01-01T00:00:00.007Z \x1b[31merror   \x1b[0m down\n");
  EXPECT_EQ(line(LineStyle::json, "warning", "a \"b\"\n\xff"),
            R"({"time":"1970-01-01T00:00:00.007Z","level":"warning","component":"verify",)"
            R"("message":"a \"b\"\u000a\ufffd"})"
            "\n");
  EXPECT_EQ(line(LineStyle::human, "info", "a\nforged line"),
            "1970-01-01T00:00:00.007Z info     a\\x0aforged line\n");
}

TEST(LogLine, SpeaksForAPartOnlyWhenItsNameBegins) {
  const std::tuple<std::string_view, std::string_view, std::string_view> cases[] = {
      {"notakey: connection refused", "notakey", "connection refused"},
      {"verify: a: b", "verify", "a: b"},
      {"ready: RADIUS", "sallyport", "ready: RADIUS"},
      {"notakey", "sallyport", "notakey"},
      {"notakey:", "sallyport", "notakey:"},
      {"", "sallyport", ""},
  };
  for (const auto& [text, component, message] : cases) {
    const Spoken spoken = split_component(text);
    EXPECT_EQ(spoken.component, component) << text;
    EXPECT_EQ(spoken.message, message) << text;
  }
}

TEST(LogStyle, IsHumanOnATerminalAndJsonOtherwise) {
  using config::LogFormat;
  EXPECT_EQ(style_for(LogFormat::automatic, true), LineStyle::coloured);
  EXPECT_EQ(style_for(LogFormat::automatic, false), LineStyle::json);
  EXPECT_EQ(style_for(LogFormat::human, true), LineStyle::coloured);
  EXPECT_EQ(style_for(LogFormat::human, false), LineStyle::human);
  EXPECT_EQ(style_for(LogFormat::json, true), LineStyle::json);
}

TEST(Log, WritesAllThatIsQueuedBeforeItEnds) {
  const TemporaryFolder folder;
  const std::string path = folder.file("log");
  {
    const auto log = Log::start({.format = config::LogFormat::human, .file = path});
    ASSERT_TRUE(log.has_value()) << log.error();
    for (int i = 0; i < 1000; ++i) spdlog::info("line {}", i);
    spdlog::debug("below the level");
  }
  const std::string text = contents(path);
  EXPECT_EQ(std::ranges::count(text, '\n'), 1000);
  EXPECT_NE(text.find(" line 999\n"), std::string::npos);
  EXPECT_EQ(text.find("below the level"), std::string::npos);
}

TEST(Log, LevelCanBeChangedWhileItRuns) {
  const TemporaryFolder folder;
  const std::string path = folder.file("log");
  {
    const auto log = Log::start({.level = config::LogLevel::error, .file = path}).value();
    spdlog::warn("first");
    Log::set_level(config::LogLevel::debug);
    spdlog::debug("second");
  }
  const std::string text = contents(path);
  EXPECT_EQ(text.find("first"), std::string::npos);
  EXPECT_NE(text.find("second"), std::string::npos);
}

TEST(Log, AFullDiskIsCountedAndHoldsUpNobody) {
  const auto log = Log::start({.file = "/dev/full"}).value();
  spdlog::info("lost");
  while (log->lost_lines() == 0) std::this_thread::yield();
  EXPECT_EQ(log->lost_lines(), 1u);
}

TEST(Log, SaysWhyItCannotStart) {
  const auto log = Log::start({.file = "/nonexistent-folder/log"});
  ASSERT_FALSE(log.has_value());
  EXPECT_NE(log.error().find("/nonexistent-folder/log"), std::string::npos);
}

}  // namespace
}  // namespace sallyport::log
