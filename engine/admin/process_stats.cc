#include "engine/admin/process_stats.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <system_error>

#include <sys/resource.h>
#include <unistd.h>

namespace sallyport::admin {
namespace {

std::string read_text(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Seconds since the epoch when the machine started (proc(5), /proc/stat).
double boot_time_unix_s() {
  std::ifstream stat("/proc/stat");
  for (std::string line; std::getline(stat, line);) {
    if (!line.starts_with("btime ")) continue;
    std::istringstream value(line.substr(6));
    double seconds = 0;
    return value >> seconds ? seconds : 0;
  }
  return 0;
}

}  // namespace

ProcessStats read_process_stats() {
  ProcessStats stats;
  // Field 2 is the name in parentheses and may hold anything: fields are counted after the last
  // ')'.
  const std::string stat = read_text("/proc/self/stat");
  if (const std::size_t name_end = stat.rfind(')'); name_end != std::string::npos) {
    std::istringstream fields(stat.substr(name_end + 1));
    std::string skipped;
    for (int field = 3; field < 14; ++field) fields >> skipped;
    double user_ticks = 0;
    double system_ticks = 0;
    fields >> user_ticks >> system_ticks;
    for (int field = 16; field < 20; ++field) fields >> skipped;
    double start_ticks = 0;
    double resident_pages = 0;
    double virtual_octets = 0;
    double threads = 0;
    fields >> threads >> skipped >> start_ticks >> virtual_octets >> resident_pages;
    if (fields) {
      const auto ticks_per_s = static_cast<double>(::sysconf(_SC_CLK_TCK));
      stats.cpu_seconds = (user_ticks + system_ticks) / ticks_per_s;
      if (const double boot = boot_time_unix_s(); boot > 0)
        stats.start_time_unix_s = boot + start_ticks / ticks_per_s;
      stats.virtual_octets = static_cast<std::uint64_t>(virtual_octets);
      stats.resident_octets = static_cast<std::uint64_t>(resident_pages) *
                              static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
      stats.threads = static_cast<std::uint64_t>(threads);
    }
  }
  std::error_code error;
  for (std::filesystem::directory_iterator entry("/proc/self/fd", error), end;
       !error && entry != end; entry.increment(error))
    ++stats.open_fds;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) stats.max_fds = limit.rlim_cur;
  return stats;
}

}  // namespace sallyport::admin
