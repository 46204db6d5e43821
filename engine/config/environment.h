#pragma once
// The environment as a value that is handed in: tests bring their own, and only
// process_environment() reads the real one.

#include <functional>
#include <map>
#include <string>

namespace sallyport::config {

using Environment = std::map<std::string, std::string, std::less<>>;

/// A copy of this process's variables. Call it before threads that may change them.
[[nodiscard]] Environment process_environment();

}  // namespace sallyport::config
