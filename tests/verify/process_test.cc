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
  EXPECT_EQ(printed.error(), "/bin/sh ended with an error");
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
