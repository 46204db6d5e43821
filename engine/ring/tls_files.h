#pragma once
// Notices that files have changed, by asking the file system: certificates are replaced under us.

#include <cstdint>
#include <string>
#include <vector>

namespace sallyport::ring {

/// A set of files, watched by size, inode and time of change: what a rename over a file changes,
/// too. A file that is not there is watched for coming. Off the packet path; one thread.
class TlsFiles {
 public:
  explicit TlsFiles(std::vector<std::string> paths);

  /// Whether any differs from how it was at the call before (at first: from the construction). A
  /// reload that fails because a key is not written yet is tried again when it is.
  [[nodiscard]] bool changed();

 private:
  struct Stamp {
    std::uint64_t inode = 0;
    std::int64_t size_octets = -1;  ///< -1: not there
    std::int64_t modified_ns = 0;
    std::int64_t status_changed_ns = 0;
    bool operator==(const Stamp&) const = default;
  };
  [[nodiscard]] std::vector<Stamp> look() const;

  std::vector<std::string> paths_;
  std::vector<Stamp> stamps_;
};

}  // namespace sallyport::ring
