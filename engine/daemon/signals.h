#pragma once
// Signals as events of the main thread. All that we handle are blocked before the first thread
// starts, so that only signalfd delivers them.

#include <chrono>
#include <cstdint>
#include <optional>

#include "engine/ring/file_descriptor.h"

namespace sallyport::daemon {

enum class Signal : std::uint8_t {
  none,     ///< the time was up
  stop,     ///< SIGTERM, SIGINT
  reload,   ///< SIGHUP
  upgrade,  ///< SIGUSR2
};

class Signals {
 public:
  /// Blocks them in this thread and all that it starts; ignores SIGPIPE.
  Signals();
  [[nodiscard]] Signal wait(std::optional<std::chrono::milliseconds> at_most);
  /// From now on SIGTERM and SIGINT end the process at once: an operator who asks twice means it.
  /// Within the first second they do not: that is the same wish sent to a process and its group.
  void next_stop_is_final();

 private:
  ring::FileDescriptor descriptor_;
};

}  // namespace sallyport::daemon
