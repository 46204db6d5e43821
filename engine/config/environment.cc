#include "engine/config/environment.h"

#include <string_view>

#include <unistd.h>

namespace sallyport::config {

Environment process_environment() {
  Environment out;
  if (environ == nullptr) return out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (equals == std::string_view::npos || equals == 0) continue;
    out.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return out;
}

}  // namespace sallyport::config
