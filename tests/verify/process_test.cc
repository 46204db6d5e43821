#include "verify/process.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "verify/file_descriptor.h"

namespace sallyport::verify {
namespace {

constexpr ProcessBounds kBounds{.timeout_ms = 20'000, .max_output = 1 << 16};

std::vector<std::string> shell(const std::string& script) { return {"/bin/sh", "-c", script}; }

TEST(Process, GivesInputAndTakesOutput) {
  const auto printed = run_process({"/bin/cat"}, "a line\n", kBounds);
  ASSERT_TRUE(printed) << printed.error();
  EXPECT_EQ(*printed, "a line\n");
}

TEST(Process, MuchInputAndOutputDoNotWaitForOneAnother) {
  const std::string much(4 << 20, 'x');
  const auto printed =
      run_process({"/bin/cat"}, much, {.timeout_ms = 20'000, .max_output = 8 << 20});
  ASSERT_TRUE(printed) << printed.error();
  EXPECT_EQ(printed->size(), much.size());
}

TEST(Process, WhoReadsNothingIsNotWaitedFor) {
  const std::string much(4 << 20, 'x');
  const auto printed = run_process({"/bin/echo", "done"}, much, kBounds);
  ASSERT_TRUE(printed) << printed.error();
  EXPECT_EQ(*printed, "done\n");
}

TEST(Process, ArgumentsAreNoShells) {
  const auto printed = run_process({"/bin/echo", "$(id); `id`", "-n"}, {}, kBounds);
  ASSERT_TRUE(printed) << printed.error();
  EXPECT_EQ(*printed, "$(id); `id` -n\n");
}

TEST(Process, AnEndWithAnErrorIsOne) {
  const auto printed = run_process(shell("echo secret; exit 3"), {}, kBounds);
  ASSERT_FALSE(printed);
  EXPECT_EQ(printed.error(), "/bin/sh ended with status 3");
  const auto killed = run_process(shell("kill -9 $$"), {}, kBounds);
  ASSERT_FALSE(killed);
  EXPECT_EQ(killed.error(), "/bin/sh was ended by signal 9");
}

constexpr ProcessBounds kQuoting{
    .timeout_ms = 20'000, .max_output = 1 << 16, .quotes_errors = true};

/// What whoever reads the log would have to look for elsewhere.
TEST(Process, ItsLastWordsAreToldWhereTheyMayBe) {
  const std::string script = "echo first >&2; printf 'no \\033[1mroute\\n\\n' >&2; exit 4";
  ::testing::internal::CaptureStderr();
  const auto printed = run_process(shell(script), {}, kQuoting);
  const std::string passed_on = ::testing::internal::GetCapturedStderr();
  ASSERT_FALSE(printed);
  EXPECT_EQ(printed.error(), "/bin/sh ended with status 4: no  [1mroute");
  EXPECT_EQ(passed_on, "first\nno \x1b[1mroute\n\n");
  const auto unquoted = run_process(shell(script), {}, kBounds);
  ASSERT_FALSE(unquoted);
  EXPECT_EQ(unquoted.error(), "/bin/sh ended with status 4");
}

TEST(Process, ManyWordsAreCutAndHoldUpNothing) {
  ::testing::internal::CaptureStderr();
  const auto printed = run_process(
      shell(
          "head -c 1000000 /dev/zero | tr '\\0' x >&2; echo good; exec >&-; echo bad >&2; exit 1"),
      {}, kQuoting);
  static_cast<void>(::testing::internal::GetCapturedStderr());
  ASSERT_FALSE(printed);
  EXPECT_EQ(printed.error(), "/bin/sh ended with status 1: " + std::string(256, 'x'));
  const auto fine = run_process(shell("echo noise >&2; echo good"), {}, kQuoting);
  ASSERT_TRUE(fine) << fine.error();
  EXPECT_EQ(*fine, "good\n");
}

TEST(Process, WhatCannotBeRunSaysWhy) {
  const auto printed = run_process({"/nonexistent/program"}, {}, kBounds);
  ASSERT_FALSE(printed);
  EXPECT_EQ(printed.error(), "cannot run /nonexistent/program: No such file or directory");
}

TEST(Process, TooMuchOutputIsCutOff) {
  const auto printed = run_process({"/usr/bin/yes"}, {}, kBounds);
  ASSERT_FALSE(printed);
  EXPECT_EQ(printed.error(), "/usr/bin/yes printed more than 64 KiB");
}

TEST(Process, WhatTakesTooLongIsKilledWithWhatItStarted) {
  // The child's child holds the pipe's other end as long as it lives.
  std::vector<int> ends(2);
  ASSERT_EQ(::pipe(ends.data()), 0);
  const FileDescriptor reading(ends[0]);
  FileDescriptor writing(ends[1]);
  const auto printed =
      run_process(shell("sleep 600 & sleep 600"), {}, {.timeout_ms = 200, .max_output = 100});
  ASSERT_FALSE(printed);
  EXPECT_EQ(printed.error(), "/bin/sh took longer than 200 ms");
  writing.reset();
  char octet = 0;
  EXPECT_EQ(::read(reading.get(), &octet, 1), 0);  // nobody is left who could write
}

TEST(Process, NobodyWaitsOnceItIsTimeToStop) {
  const FileDescriptor stop(::eventfd(1, 0));
  const auto printed = run_process({"/bin/sleep", "600"}, {}, kBounds, stop.get());
  ASSERT_FALSE(printed);
  EXPECT_EQ(printed.error(), "/bin/sleep was not waited for: sallyport stops");
}

TEST(Process, SignalsAreAsAProgramExpectsThem) {
  // SIGPIPE ends `yes` as soon as `head` has what it wants; ignored, it would complain.
  const auto printed = run_process(shell("yes | head -n 1"), {}, kBounds);
  ASSERT_TRUE(printed) << printed.error();
  EXPECT_EQ(*printed, "y\n");
}

}  // namespace
}  // namespace sallyport::verify
