#pragma once
// The control socket: how an operator on this machine opens, lists and ends grants. A Unix socket
// of mode 0600; one line in, an answer out, and the connection ends. Whoever may connect is root or
// the daemon's own user (SO_PEERCRED).
//
//     add<TAB>ADDRESS<TAB>USER<TAB>SECONDS<TAB>REASON      list
//     end<TAB>ID      end-address<TAB>ADDRESS      end-user<TAB>USER      end-all
//
// An answer begins with "ok" or "error: …"; lines of a list follow.

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "engine/ring/file_descriptor.h"

namespace sallyport::http_door {

class Grants;

/// What a line does to the grants, and its answer. Pure of I/O and clock. `default_ms`: how long a
/// grant lasts that says 0 seconds.
[[nodiscard]] std::string obey(std::string_view line, Grants& grants, std::uint64_t now_unix_ms,
                               std::uint64_t default_ms);
/// Whether obey() can change anything for this line.
[[nodiscard]] bool changes(std::string_view line) noexcept;

/// The daemon's end. Control thread.
class ControlSocket {
 public:
  /// An error is one line that says what to do.
  [[nodiscard]] static std::expected<ControlSocket, std::string> open(const std::string& path);
  ControlSocket(ControlSocket&&) noexcept = default;
  ControlSocket& operator=(ControlSocket&&) noexcept = default;
  ~ControlSocket();  ///< removes the socket's file

  [[nodiscard]] int fd() const noexcept { return socket_.get(); }
  /// Somebody has connected: answers one who does so. Waits for a slow one for half a second, and
  /// as long until he has taken the answer.
  void serve(const std::function<std::string(std::string_view line)>& answer);

 private:
  ControlSocket() = default;
  ring::FileDescriptor socket_;
  std::string path_;
};

/// The operator's end, for `sallyport grant`: the answer, or why there is none.
[[nodiscard]] std::expected<std::string, std::string> ask_control(const std::string& path,
                                                                  std::string_view line);

}  // namespace sallyport::http_door
