#include "bench/demo/private_folder.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "bench/simulators/descriptor.h"

namespace sallyport::lab {

std::expected<PrivateFolder, std::string> PrivateFolder::make() {
  std::error_code error;
  std::string path =
      (std::filesystem::temp_directory_path(error) / "sallyport-demo.XXXXXX").string();
  // mkdtemp makes it with mode 0700.
  if (error || ::mkdtemp(path.data()) == nullptr)
    return std::unexpected(fmt::format("cannot make a temporary folder: {}", std::strerror(errno)));
  return PrivateFolder(path);
}

PrivateFolder::~PrivateFolder() {
  if (path_.empty()) return;
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::expected<std::string, std::string> PrivateFolder::write(std::string_view name,
                                                             std::string_view text) const {
  std::string path = (path_ / name).string();
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return std::unexpected(fmt::format("{}: {}", path, std::strerror(errno)));
  return path;
}

}  // namespace sallyport::lab
