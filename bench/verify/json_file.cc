#include "bench/verify/json_file.h"

#include <cerrno>
#include <cstring>
#include <fstream>

#include <fmt/format.h>

namespace sallyport::lab {

std::expected<void, std::string> write_json(const std::string& path, const std::string& json) {
  if (path.empty()) return {};
  std::ofstream file(path);
  file << json << '\n' << std::flush;
  if (!file) return std::unexpected(fmt::format("{}: {}", path, std::strerror(errno)));
  return {};
}

}  // namespace sallyport::lab
