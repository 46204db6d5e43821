#pragma once
// `sallyport-lab bench verify pending`: what a waiting verification costs in memory and, by its
// polls, in CPU.

#include <cstdint>
#include <expected>
#include <string>

namespace sallyport::lab {

struct PendingOptions {
  std::uint32_t pending = 100'000;
  std::string mode =
      "interval";               ///< or "held": the server keeps each poll until there is an answer
  std::uint32_t rate = 10'000;  ///< questions a second
  std::uint32_t threads = 1;
  std::string steady = "5s";  ///< watched once all are pending
  std::string json_file;
};

/// Prints the figures; an error is one line for the user.
[[nodiscard]] std::expected<void, std::string> bench_pending(const PendingOptions& options);

}  // namespace sallyport::lab
