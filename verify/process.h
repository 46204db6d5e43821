#pragma once
// Programs of the operator's: directories, channels and lists that come from one. No shell. Waits
// for the program: not for a thread that anybody else waits for.

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::verify {

struct ProcessBounds {
  std::uint32_t timeout_ms = 10'000;
  std::size_t max_output = std::size_t{64} << 10;  ///< octets
  /// An error ends with the last line that the program wrote to its standard error. Not for one
  /// that is told secrets: it might repeat them.
  bool quotes_errors = false;
};

/// Runs `command` (absolute path, arguments), gives it `input` and returns its standard output. Its
/// standard error goes to ours. An error is a sentence without its full stop, with nothing of the
/// input, the arguments or the output, control characters as spaces: it cannot be run, ends with
/// anything but 0, prints too much or takes too long; then it and all that it has started are
/// killed. `stop`: a descriptor that is readable when nobody wants the answer any more; -1: none.
/// Any thread.
[[nodiscard]] std::expected<std::string, std::string> run_process(
    const std::vector<std::string>& command, std::string_view input, const ProcessBounds& bounds,
    int stop = -1);

}  // namespace sallyport::verify
