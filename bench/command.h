#pragma once
// How a folder of the lab offers its commands: it adds them to the command line, and the one that
// was given says what is to be run.

#include <expected>
#include <functional>
#include <string>

namespace sallyport::lab {

/// Run after the whole command line has been read. An error is one line for the user.
using Chosen = std::function<std::expected<void, std::string>()>;

}  // namespace sallyport::lab
