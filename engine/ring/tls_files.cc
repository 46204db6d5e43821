#include "engine/ring/tls_files.h"

#include <algorithm>
#include <utility>

#include <sys/stat.h>

namespace sallyport::ring {
namespace {

std::int64_t nanoseconds(const timespec& time) noexcept {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

TlsFiles::TlsFiles(std::vector<std::string> paths) : paths_(std::move(paths)), stamps_(look()) {}

bool TlsFiles::changed() {
  std::vector<Stamp> stamps = look();
  const bool differ = stamps != stamps_;
  stamps_ = std::move(stamps);
  return differ;
}

std::vector<TlsFiles::Stamp> TlsFiles::look() const {
  std::vector<Stamp> stamps;
  stamps.reserve(paths_.size());
  for (const std::string& path : paths_) {
    Stamp stamp;
    struct stat status = {};
    if (::stat(path.c_str(), &status) == 0) {  // any error: a file that is not there for us
      stamp.inode = status.st_ino;
      stamp.size_octets = status.st_size;
      stamp.modified_ns = nanoseconds(status.st_mtim);
      stamp.status_changed_ns = nanoseconds(status.st_ctim);
    }
    stamps.push_back(stamp);
  }
  return stamps;
}

}  // namespace sallyport::ring
