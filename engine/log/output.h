#pragma once
// Where log and audit lines go: standard error, or a file that can be opened anew after rotation.
// Shared by the log thread and the audit thread; a line is never mixed with another. Neither a full
// disk, nor a terminal that stopped reading, nor a closed pipe ends or hangs the process: what
// cannot be written within the caller's patience is handed back.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace sallyport::log {

/// A descriptor that is closed when its owner goes.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) noexcept : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileDescriptor();
  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] bool valid() const noexcept { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// Any thread.
class Output {
 public:
  /// `path` empty: standard error. A file is created with mode 0640 less the umask.
  [[nodiscard]] static std::expected<std::unique_ptr<Output>, std::string> open(std::string path);

  /// Writes whole lines, each ended by '\n', and returns how many octets of them are out for good:
  /// always up to the end of a line. Less than given: the place is full, gone, or took nothing for
  /// `patience`; the rest may be tried again. A line cut in the middle is ended by the next write.
  [[nodiscard]] std::size_t write(std::string_view lines,
                                  std::chrono::milliseconds patience) noexcept;

  /// Opens the file again under its name (SIGHUP after a rotation). On failure the old one stays.
  [[nodiscard]] std::expected<void, std::string> reopen();

  [[nodiscard]] bool terminal() const noexcept { return terminal_; }

 private:
  Output(std::string path, FileDescriptor file);
  [[nodiscard]] bool writable(std::chrono::milliseconds patience) const noexcept;
  [[nodiscard]] int descriptor() const noexcept;

  const std::string path_;
  FileDescriptor file_;  ///< invalid: standard error
  std::mutex mutex_;     ///< over file_ and what follows
  bool regular_ = false;
  bool terminal_ = false;
  bool stalled_ = false;  ///< the last write ran out of patience: the next one does not wait
  bool torn_ = false;     ///< the last write ended inside a line
};

}  // namespace sallyport::log
