#pragma once
// Why this machine gives us no io_uring, and what its operator can do about it. Shown once, at
// start-up.

#include <optional>
#include <string>
#include <string_view>

namespace sallyport::ring {

/// One line: cause and remedy. `error`: errno of io_uring_setup or io_uring_register.
/// `io_uring_disabled`: the sysctl of that name, empty where the kernel has none (before 6.6).
/// `kernel_release`: uname -r. Pure.
[[nodiscard]] std::string explain_ring_refusal(int error, std::optional<int> io_uring_disabled,
                                               std::string_view kernel_release);

/// The same for this machine: reads /proc/sys/kernel/io_uring_disabled and uname.
[[nodiscard]] std::string explain_ring_refusal_here(int error);

}  // namespace sallyport::ring
