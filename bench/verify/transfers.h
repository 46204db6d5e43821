#pragma once
// `sallyport-lab bench verify transfers`: CPU per HTTPS transfer of the pool, beside a bare libcurl
// program that makes the same calls, in rounds one after the other.

#include <cstdint>
#include <expected>
#include <string>

namespace sallyport::lab {

struct TransfersOptions {
  std::uint64_t verifications = 10'000;  ///< in each round; two transfers each
  std::uint32_t concurrency = 200;       ///< verifications begun and not yet approved
  std::uint32_t rounds = 5;
  bool bare = false;  ///< only the bare program
  bool pool = false;  ///< only the pool
  std::string json_file;
};

/// Prints the figures; an error is one line for the user.
[[nodiscard]] std::expected<void, std::string> bench_transfers(const TransfersOptions& options);

}  // namespace sallyport::lab
