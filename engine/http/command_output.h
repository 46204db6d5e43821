#pragma once
// What a program prints, for lists that come from one. Waits for it: not for a thread that anybody
// else waits for.

#include <expected>
#include <string>
#include <vector>

namespace sallyport::http_door {

/// Runs `command` (absolute path, arguments; no shell) and returns its standard output. An error is
/// a sentence without its full stop: it cannot be run, ends with anything but 0, or takes longer
/// than 10 s; then it and all that it has started are killed. `stop`: a descriptor that is readable
/// when nobody wants the answer any more.
[[nodiscard]] std::expected<std::string, std::string> command_output(
    const std::vector<std::string>& command, int stop);

}  // namespace sallyport::http_door
