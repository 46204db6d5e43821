#include "engine/log/output.h"

#include <csignal>
#include <filesystem>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/engine/log/temporary_folder.h"

namespace sallyport::log {
namespace {

using ring::FileDescriptor;

constexpr std::chrono::milliseconds kNoPatience{0};

TEST(Output, AppendsToAFile) {
  const TemporaryFolder folder;
  const std::string path = folder.file("log");
  for (const char* line : {"one\n", "two\n"}) {
    auto output = Output::open(path);
    ASSERT_TRUE(output.has_value()) << output.error();
    EXPECT_EQ((*output)->write(line, kNoPatience), 4u);
  }
  EXPECT_EQ(contents(path), "one\ntwo\n");
}

TEST(Output, SaysWhichFileCannotBeOpened) {
  const auto output = Output::open("/nonexistent-folder/log");
  ASSERT_FALSE(output.has_value());
  EXPECT_EQ(output.error(),
            "cannot open the log file /nonexistent-folder/log: No such file or directory");
}

TEST(Output, TellsBesideAFileAloneAndCutsWhatIsLong) {
  const TemporaryFolder folder;
  const auto file = Output::open(folder.file("log")).value();
  const auto standard = Output::open("").value();
  ::testing::internal::CaptureStderr();
  file->tell_beside("the disk is full");
  standard->tell_beside("twice");
  file->tell_beside(std::string(10'000, 'x'));
  const std::string told = ::testing::internal::GetCapturedStderr();
  EXPECT_TRUE(told.starts_with("sallyport: the disk is full\nsallyport: xxx")) << told;
  EXPECT_EQ(told.size(), 28u + PIPE_BUF);
  EXPECT_TRUE(told.ends_with("x\n"));
}

TEST(Output, ReopensUnderItsNameAfterARotation) {
  const TemporaryFolder folder;
  const std::string path = folder.file("log");
  const auto output = Output::open(path).value();
  EXPECT_EQ(output->write("old\n", kNoPatience), 4u);
  std::filesystem::rename(path, folder.file("log.1"));
  EXPECT_EQ(output->write("still old\n", kNoPatience), 10u);
  ASSERT_TRUE(output->reopen().has_value());
  EXPECT_EQ(output->write("new\n", kNoPatience), 4u);
  EXPECT_EQ(contents(folder.file("log.1")), "old\nstill old\n");
  EXPECT_EQ(contents(path), "new\n");
}

TEST(Output, KeepsTheOldFileWhenReopeningFails) {
  const TemporaryFolder folder;
  const std::string path = folder.file("log");
  const auto output = Output::open(path).value();
  std::filesystem::rename(path, folder.file("log.1"));
  std::filesystem::create_directory(path);
  EXPECT_FALSE(output->reopen().has_value());
  EXPECT_EQ(output->write("line\n", kNoPatience), 5u);
  EXPECT_EQ(contents(folder.file("log.1")), "line\n");
}

TEST(Output, AFullDiskTakesNothingAndEndsNothing) {
  const auto output = Output::open("/dev/full");
  ASSERT_TRUE(output.has_value()) << output.error();
  EXPECT_EQ((*output)->write("line\n", kNoPatience), 0u);
  EXPECT_EQ((*output)->write("line\n", kNoPatience), 0u);
}

/// A FIFO stands for a terminal or a pipe whose reader has stopped.
class StalledReader : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
    reader_ = FileDescriptor(::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    ASSERT_TRUE(reader_.valid());
    ASSERT_GT(::fcntl(reader_.get(), F_SETPIPE_SZ, 4096), 0);
    output_ = Output::open(path_).value();
  }
  std::string read_all() {
    std::string all;
    char buffer[4096];
    for (ssize_t n; (n = ::read(reader_.get(), buffer, sizeof buffer)) > 0;)
      all.append(buffer, static_cast<std::size_t>(n));
    return all;
  }

  TemporaryFolder folder_;
  std::string path_ = folder_.file("fifo");
  FileDescriptor reader_;
  std::unique_ptr<Output> output_;
};

TEST_F(StalledReader, GetsOnlyWholeLinesAndHoldsUpNobody) {
  const std::string line = std::string(999, 'x') + '\n';
  std::string lines;
  for (int i = 0; i < 20; ++i) lines += line;
  const std::size_t out = output_->write(lines, kNoPatience);
  EXPECT_EQ(out, 4000u) << "four lines of 1000 fit into 4096 octets";
  EXPECT_EQ(output_->write(line, kNoPatience), 0u) << "still nobody reads";

  EXPECT_EQ(read_all().substr(0, out), lines.substr(0, out));
  EXPECT_EQ(output_->write("next\n", kNoPatience), 5u);
  const std::string after = read_all();
  EXPECT_EQ(after.substr(after.size() - 6), "\nnext\n") << "a cut line is ended first";
}

TEST_F(StalledReader, GoneForGoodIsNotDeadly) {
  std::signal(SIGPIPE, SIG_IGN);  // as main() does
  reader_ = FileDescriptor();
  EXPECT_EQ(output_->write("line\n", kNoPatience), 0u);
}

}  // namespace
}  // namespace sallyport::log
