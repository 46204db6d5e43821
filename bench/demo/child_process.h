#pragma once
// A program that we start, listen to and end. It cannot outlive us.

#include <expected>
#include <string>
#include <vector>

#include <sys/types.h>

#include "bench/simulators/descriptor.h"

namespace sallyport::lab {

class ChildProcess {
 public:
  /// `arguments[0]` is the program's path. Its standard error comes to us; its standard output goes
  /// where ours does.
  [[nodiscard]] static std::expected<ChildProcess, std::string> start(
      const std::vector<std::string>& arguments);
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  ~ChildProcess();  ///< ends it

  /// Readable when it has written, non-blocking.
  [[nodiscard]] int error_fd() const { return error_.get(); }
  /// Readable when it has ended.
  [[nodiscard]] int exit_fd() const { return pidfd_.get(); }
  /// SIGTERM, once more when that takes long, at last SIGKILL. Nothing if it has ended already.
  void end();

 private:
  ChildProcess(pid_t pid, Descriptor pidfd, Descriptor error);
  /// True: it has ended, and has been waited for.
  bool reap(int timeout_ms);
  pid_t pid_ = -1;
  Descriptor pidfd_;
  Descriptor error_;
};

}  // namespace sallyport::lab
