#include "engine/ring/refusal.h"

#include <array>
#include <cerrno>
#include <cstddef>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/ring/file_descriptor.h"
#include "engine/ring/ring.h"

namespace sallyport::ring {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Refusal, NamesTheSysctlThatSwitchesIoUringOff) {
  EXPECT_THAT(explain_ring_refusal(EPERM, 2, "6.8.0"),
              AllOf(HasSubstr("switched off"), HasSubstr("kernel.io_uring_disabled = 2"),
                    HasSubstr("sysctl kernel.io_uring_disabled=0")));
}

TEST(Refusal, NamesTheSysctlThatReservesIoUring) {
  EXPECT_THAT(explain_ring_refusal(EPERM, 1, "6.8.0"),
              AllOf(HasSubstr("privileged"), HasSubstr("kernel.io_uring_group")));
}

TEST(Refusal, NamesTheContainerProfileWhenNoSysctlForbidsIt) {
  const auto profile = AllOf(HasSubstr("seccomp"), HasSubstr("packaging/seccomp/"));
  EXPECT_THAT(explain_ring_refusal(EPERM, 0, "6.8.0"), profile);
  EXPECT_THAT(explain_ring_refusal(EPERM, std::nullopt, "6.1.0-18-amd64"), profile);
  EXPECT_THAT(explain_ring_refusal(ENOSYS, std::nullopt, "6.1.0-18-amd64"), profile);
  EXPECT_THAT(explain_ring_refusal(EACCES, 0, "6.8.0"), profile);
}

TEST(Refusal, NamesAKernelThatIsTooOld) {
  for (const char* release : {"5.15.0-91-generic", "6.0.19", "4.18.0-513.el8.x86_64"}) {
    for (const int error : {EINVAL, ENOSYS}) {
      EXPECT_THAT(explain_ring_refusal(error, std::nullopt, release),
                  AllOf(HasSubstr("too old"), HasSubstr(release), HasSubstr("6.1")));
    }
  }
}

TEST(Refusal, DoesNotBlameTheAgeOfANewKernel) {
  for (const char* release : {"6.1.0", "6.12.3", "7.0.0", "10.2", "unknown", ""}) {
    EXPECT_THAT(explain_ring_refusal(EINVAL, 0, release), Not(HasSubstr("too old"))) << release;
  }
}

TEST(Refusal, NamesTheLimitsToRaise) {
  EXPECT_THAT(explain_ring_refusal(ENOMEM, 0, "6.8.0"), HasSubstr("LimitMEMLOCK="));
  EXPECT_THAT(explain_ring_refusal(EMFILE, 0, "6.8.0"), HasSubstr("LimitNOFILE="));
}

TEST(Refusal, IsOneLine) {
  for (int error = 1; error < 134; ++error) {
    const std::string text = explain_ring_refusal(error, 0, "6.8.0");
    EXPECT_FALSE(text.empty());
    EXPECT_THAT(text, Not(HasSubstr("\n")));
  }
}

/// Denies io_uring_setup to this process, as container runtimes do.
bool deny_io_uring(std::uint32_t error) {
  std::array<sock_filter, 4> program{{
      {.code = BPF_LD | BPF_W | BPF_ABS, .jt = 0, .jf = 0, .k = offsetof(seccomp_data, nr)},
      {.code = BPF_JMP | BPF_JEQ | BPF_K, .jt = 0, .jf = 1, .k = __NR_io_uring_setup},
      {.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = SECCOMP_RET_ERRNO | error},
      {.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = SECCOMP_RET_ALLOW},
  }};
  const sock_fprog filter{.len = program.size(), .filter = program.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

/// What Ring::open says in a child process that may not use io_uring.
std::string refusal_in_sandbox(std::uint32_t error) {
  int pipe_ends[2] = {-1, -1};
  if (::pipe(pipe_ends) != 0) return "no pipe";
  FileDescriptor reader(pipe_ends[0]);
  FileDescriptor writer(pipe_ends[1]);
  const pid_t child = ::fork();
  if (child == 0) {
    std::string said = "no seccomp";
    if (deny_io_uring(error)) {
      const auto ring = Ring::open({});
      said = ring ? "a ring was opened" : ring.error();
    }
    const bool written =
        ::write(writer.get(), said.data(), said.size()) == static_cast<ssize_t>(said.size());
    ::_exit(written ? 0 : 1);
  }
  writer.reset();
  std::array<char, 1024> text{};
  const ssize_t octets = ::read(reader.get(), text.data(), text.size());
  ::waitpid(child, nullptr, 0);
  return octets > 0 ? std::string(text.data(), static_cast<std::size_t>(octets)) : "";
}

TEST(Refusal, ARealSeccompFilterLeadsToTheProfile) {
  EXPECT_THAT(refusal_in_sandbox(EPERM), HasSubstr("packaging/seccomp/"));
  EXPECT_THAT(refusal_in_sandbox(ENOSYS), HasSubstr("packaging/seccomp/"));
}

}  // namespace
}  // namespace sallyport::ring
