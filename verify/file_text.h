#pragma once
// A whole file as text, for what operators write: lists, users, texts of messages.

#include <expected>
#include <string>

namespace sallyport::verify {

/// An error is "cannot read PATH: why", without its full stop. Waits for the disk.
[[nodiscard]] std::expected<std::string, std::string> read_file(const std::string& path);

}  // namespace sallyport::verify
