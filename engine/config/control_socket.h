#pragma once
// Where the daemon of a configuration file listens to operators. Only this is read of the file:
// whoever has to end a grant need not mend first what is wrong elsewhere in it.

#include <expected>
#include <string>

namespace sallyport::config {

/// [http] control_socket, a relative path taken from the file's folder. An error is a line that
/// says what to do.
[[nodiscard]] std::expected<std::string, std::string> find_control_socket(
    const std::string& config_path);

}  // namespace sallyport::config
