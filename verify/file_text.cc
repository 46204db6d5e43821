#include "verify/file_text.h"

#include <array>
#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include "verify/file_descriptor.h"

namespace sallyport::verify {

std::expected<std::string, std::string> read_file(const std::string& path) {
  const auto failed = [&path](int error) {
    return std::unexpected("cannot read " + path + ": " + std::generic_category().message(error));
  };
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return failed(errno);
  std::string text;
  std::array<char, 65'536> part;
  for (;;) {
    const ssize_t octets = ::read(file.get(), part.data(), part.size());
    if (octets == 0) return text;
    if (octets < 0 && errno == EINTR) continue;
    if (octets < 0) return failed(errno);
    text.append(part.data(), static_cast<std::size_t>(octets));
  }
}

}  // namespace sallyport::verify
