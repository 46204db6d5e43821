#include "bench/simulators/signals.h"

#include <cstdio>

#include <fmt/format.h>
#include <pthread.h>

#include "protocol/check.h"

namespace sallyport::lab {

Signals::Signals() {
  sigemptyset(&set_);
  for (const int number : {SIGINT, SIGTERM, SIGUSR1}) sigaddset(&set_, number);
  CHECK(pthread_sigmask(SIG_BLOCK, &set_, nullptr) == 0);
}

int Signals::wait() const {
  int number = 0;
  CHECK(sigwait(&set_, &number) == 0);
  return number;
}

void print_line(const std::string& line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

}  // namespace sallyport::lab
