#pragma once
// How a command of the lab runs until it is told to end, and how it speaks to whoever started it.

#include <csignal>
#include <string>

namespace sallyport::lab {

/// SIGINT, SIGTERM and SIGUSR1 are taken by waiting for them. Made before any thread starts, so
/// that all threads block them.
class Signals {
 public:
  Signals();
  [[nodiscard]] int wait() const;  ///< its number

 private:
  sigset_t set_{};
};

/// To standard output, at once: whoever started us reads a pipe.
void print_line(const std::string& line);

}  // namespace sallyport::lab
