#pragma once
// The control socket: how an operator on this machine tells the daemon what to do
// (operator_commands.h). A Unix socket of mode 0600; one line in, an answer out, and the connection
// ends. Whoever may connect is root or the daemon's own user (SO_PEERCRED).

#include <chrono>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "engine/ring/file_descriptor.h"

namespace sallyport::http_door {

/// The daemon's end. Control thread.
class ControlSocket {
 public:
  /// An error is one line that says what to do.
  [[nodiscard]] static std::expected<ControlSocket, std::string> open(const std::string& path);
  /// One that the process before us had opened there.
  [[nodiscard]] static ControlSocket take(const std::string& path, ring::FileDescriptor socket);
  ControlSocket(ControlSocket&&) noexcept = default;
  ControlSocket& operator=(ControlSocket&&) noexcept = default;
  ~ControlSocket();  ///< removes the socket's file
  /// Another process has it from now on: the file stays.
  void leave() noexcept { path_.clear(); }
  /// It has not: the file is ours again.
  void come_back(const std::string& path) { path_ = path; }

  [[nodiscard]] int fd() const noexcept { return socket_.get(); }
  /// Answers a line of somebody, named for the audit log: "operator uid=0".
  using Answer = std::function<std::string(std::string_view line, std::string_view who)>;
  /// Somebody has connected: answers one who does so. Waits for a slow one for half a second, and
  /// as long until he has taken the answer.
  void serve(const Answer& answer);

 private:
  ControlSocket() = default;
  ring::FileDescriptor socket_;
  std::string path_;
};

/// The operator's end, for `sallyport grants` and `users`: the answer, or why there is none.
[[nodiscard]] std::expected<std::string, std::string> ask_control(const std::string& path,
                                                                  std::string_view line);

}  // namespace sallyport::http_door
