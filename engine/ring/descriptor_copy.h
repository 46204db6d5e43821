#pragma once
// A second descriptor of the same socket, for a process that takes over.

#include <fcntl.h>

#include "engine/ring/file_descriptor.h"

namespace sallyport::ring {

inline constexpr const char* kNoDescriptorLeft = "no file descriptor is left: raise LimitNOFILE=";

/// Not valid, and errno says why: none is left. It does not outlive an exec.
[[nodiscard]] inline FileDescriptor copy_of(int fd) noexcept {
  return FileDescriptor(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
}

}  // namespace sallyport::ring
