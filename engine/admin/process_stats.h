#pragma once
// What the kernel says of this process, for /metrics. Names as every Prometheus client has them.

#include <cstdint>

namespace sallyport::admin {

struct ProcessStats {
  double cpu_seconds = 0;        ///< user and system
  double start_time_unix_s = 0;  ///< 0: not known
  std::uint64_t resident_octets = 0;
  std::uint64_t virtual_octets = 0;
  std::uint64_t open_fds = 0;
  std::uint64_t max_fds = 0;
  std::uint64_t threads = 0;
};

/// Reads /proc/self; what cannot be read stays 0.
[[nodiscard]] ProcessStats read_process_stats();

}  // namespace sallyport::admin
