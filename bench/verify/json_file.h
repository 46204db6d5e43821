#pragma once
// Where a measurement's result goes, besides the terminal.

#include <expected>
#include <string>

namespace sallyport::lab {

/// One line of JSON into the file; nothing when `path` is empty.
[[nodiscard]] std::expected<void, std::string> write_json(const std::string& path,
                                                          const std::string& json);

}  // namespace sallyport::lab
