#include "protocol/check.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <unistd.h>

namespace sallyport {

void check_failed(const char* condition, const char* file, int line) noexcept {
  // One write(2) from a buffer of our own: the heap and stdio may be what is broken.
  char text[512];
  const int wanted = std::snprintf(text, sizeof text, "%s:%d: CHECK(%s)\n", file, line, condition);
  const std::size_t length =
      std::min(static_cast<std::size_t>(std::max(wanted, 0)), sizeof text - 1);
  if (::write(STDERR_FILENO, text, length) < 0) {
    // Nowhere left to say it; the abort below still speaks.
  }
  std::abort();
}

}  // namespace sallyport
