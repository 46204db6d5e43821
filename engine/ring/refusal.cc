#include "engine/ring/refusal.h"

#include <cerrno>
#include <charconv>
#include <fstream>
#include <system_error>

#include <sys/utsname.h>

namespace sallyport::ring {
namespace {

// DEFER_TASKRUN, which the loop is built on, came with 6.1.
constexpr int kMajor = 6;
constexpr int kMinor = 1;

bool older_than_needed(std::string_view release) {
  int major = 0;
  int minor = 0;
  const char* const end = release.end();
  const auto [dot, error] = std::from_chars(release.begin(), end, major);
  if (error != std::errc{} || dot == end || *dot != '.') return false;
  if (std::from_chars(dot + 1, end, minor).ec != std::errc{}) return false;
  return major < kMajor || (major == kMajor && minor < kMinor);
}

std::string too_old(std::string_view release) {
  return "this kernel (" + std::string(release) +
         ") is too old: sallyport needs Linux 6.1 or newer (Debian 12, Ubuntu 24.04, RHEL 10)";
}

std::string forbidden(std::string_view why) {
  return "io_uring is forbidden to this process (" + std::string(why) +
         "), as the default seccomp profile of Docker and containerd does: start the container "
         "with --security-opt seccomp=sallyport.json (in packaging/seccomp/)";
}

std::string not_permitted(std::optional<int> io_uring_disabled) {
  if (io_uring_disabled == 2) {
    return "io_uring is switched off on this machine (kernel.io_uring_disabled = 2): allow it with "
           "sysctl kernel.io_uring_disabled=0";
  }
  if (io_uring_disabled == 1) {
    return "io_uring is reserved to privileged processes on this machine "
           "(kernel.io_uring_disabled = 1): add our user's group by sysctl kernel.io_uring_group, "
           "or allow all with sysctl kernel.io_uring_disabled=0";
  }
  return forbidden("Operation not permitted");
}

}  // namespace

std::string explain_ring_refusal(int error, std::optional<int> io_uring_disabled,
                                 std::string_view kernel_release) {
  switch (error) {
    case EPERM:  // the sysctl, or a seccomp filter; Docker answers so
      return not_permitted(io_uring_disabled);
    case EACCES:  // a security module, or a seccomp filter that says so
      return forbidden("Permission denied; SELinux and AppArmor can refuse it too");
    case ENOSYS:  // older containerd answers so for what it filters; or no CONFIG_IO_URING
      if (older_than_needed(kernel_release)) return too_old(kernel_release);
      return forbidden("Function not implemented; or the kernel was built without CONFIG_IO_URING");
    case EINVAL:  // a flag or operation that this kernel does not know
      if (older_than_needed(kernel_release)) return too_old(kernel_release);
      return "kernel " + std::string(kernel_release) +
             " refused the ring's set-up as invalid: sallyport needs an unrestricted io_uring of "
             "Linux 6.1 or newer";
    case ENOMEM:  // rings and buffer rings count against RLIMIT_MEMLOCK
      return "the limit of locked memory is too low for io_uring: raise it with "
             "LimitMEMLOCK=64M in the systemd unit, ulimit -l 65536, or docker run --ulimit "
             "memlock=67108864";
    case EMFILE:  // RLIMIT_NOFILE
    case ENFILE:  // fs.file-max
      return "no file descriptor is left for io_uring: raise LimitNOFILE= in the systemd unit, or "
             "ulimit -n";
    default:  // nothing that the manual names: its own text must do
      return "io_uring could not be set up: " + std::generic_category().message(error);
  }
}

std::string explain_ring_refusal_here(int error) {
  std::optional<int> io_uring_disabled;
  std::ifstream sysctl("/proc/sys/kernel/io_uring_disabled");
  if (int value = 0; sysctl >> value) io_uring_disabled = value;
  utsname system{};
  const bool known = ::uname(&system) == 0;
  return explain_ring_refusal(error, io_uring_disabled, known ? system.release : "unknown");
}

}  // namespace sallyport::ring
