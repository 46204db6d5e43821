#pragma once
// The load generator's options as they are written on the command line, and what they mean.

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "bench/load/radius_load.h"

namespace sallyport::lab {

struct LoadOptions {
  std::string target;
  std::string secret_file;
  std::string method = "pap";
  std::string capture_secret_file;
  double rate = 0;           ///< 0: not given
  std::uint32_t window = 0;  ///< 0: not given
  bool search = false;
  std::string ramp;
  std::string step = "2s";
  std::string duration = "10s";
  std::string warm_up = "1s";
  std::uint64_t requests = 0;  ///< 0: no limit
  std::string max_p99 = "10ms";
  double max_loss = 0.0001;
  double max_rate = 2'000'000;
  std::string timeout;  ///< empty: 5 s; of a ramp or search 1 s

  std::uint32_t clients = 1;
  std::string source_network;
  std::uint32_t ports = 16;
  std::uint32_t burst = 1;
  double duplicates = 0;
  std::string duplicate_when = "at-once";
  std::string retransmit;  ///< "2s,3"

  std::uint64_t users = 1000;
  std::string user_pattern = "user-%07u";
  std::string password_file;
  std::string expect = "accept";
  std::size_t request_octets = 0;
  bool unsigned_requests = false;
  bool unsigned_answers = false;
  std::uint16_t interims = 1;
  std::uint32_t open_sessions = 0;  ///< 0: by the method
  std::size_t presigned = 0;
  std::uint64_t seed = 1;

  bool gso = false;
  std::uint32_t threads = 1;
  std::vector<unsigned> cores;
  std::string json_file;  ///< "-": standard output, in place of the text
  bool quiet = false;
};

/// Reads the files that the options name. An error is one line that begins with the option.
[[nodiscard]] std::expected<LoadSettings, std::string> settings_of(const LoadOptions& options);

/// "10000:200000:10000", first:last:step, as a list of rates. An error says what is wrong.
[[nodiscard]] std::expected<std::vector<double>, std::string> parse_ramp(std::string_view text);

/// As parse_duration_ms, and "250us".
[[nodiscard]] std::expected<std::uint64_t, std::string> parse_duration_ns(std::string_view text);

}  // namespace sallyport::lab
