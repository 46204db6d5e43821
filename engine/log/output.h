#pragma once
// Where log and audit lines go: standard error, or a file that can be opened anew after rotation.
// Shared by the log thread and the audit thread; a line is never mixed with another. Neither a full
// disk, nor a terminal that stopped reading, nor a closed pipe ends or hangs the process: what
// cannot be written within the caller's patience is handed back.

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "engine/ring/file_descriptor.h"

namespace sallyport::log {

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

  /// For what a full or missing file keeps nobody from reading: one line to standard error, unless
  /// that is where all lines go. It is left out when nobody reads there.
  void tell_beside(std::string_view message) const noexcept;

  [[nodiscard]] bool terminal() const noexcept { return terminal_; }

 private:
  Output(std::string path, ring::FileDescriptor file);
  [[nodiscard]] bool writable(std::chrono::milliseconds patience) const noexcept;
  [[nodiscard]] int descriptor() const noexcept;

  const std::string path_;
  ring::FileDescriptor file_;  ///< invalid: standard error
  std::mutex mutex_;           ///< over file_ and what follows
  bool regular_ = false;
  bool terminal_ = false;
  bool stalled_ = false;  ///< the last write ran out of patience: the next one does not wait
  bool torn_ = false;     ///< the last write ended inside a line
};

}  // namespace sallyport::log
