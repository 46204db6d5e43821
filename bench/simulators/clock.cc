#include "bench/simulators/clock.h"

#include <ctime>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace sallyport::lab {

std::string iso8601(std::uint64_t unix_ms) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                     fmt::gmtime(static_cast<std::time_t>(unix_ms / 1000)));
}

std::string time_of_day(std::uint64_t unix_ms) {
  return fmt::format("{:%H:%M:%S}", fmt::localtime(static_cast<std::time_t>(unix_ms / 1000)));
}

}  // namespace sallyport::lab
