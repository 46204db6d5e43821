#pragma once
// What systemd is told (sd_notify(3)). Without systemd all of it does nothing.

#include <chrono>
#include <optional>
#include <string_view>

namespace sallyport::daemon {

class ServiceManager {
 public:
  ServiceManager();
  /// Also the end of a reload.
  void ready(std::string_view status);
  void reloading();
  void stopping();
  /// Another process is the service from now on.
  void handed_to(int pid);
  void alive();  ///< the watchdog's sign of life
  /// How often alive() is due; none: no watchdog.
  [[nodiscard]] std::optional<std::chrono::milliseconds> alive_every() const noexcept {
    return alive_every_;
  }

 private:
  std::optional<std::chrono::milliseconds> alive_every_;
};

}  // namespace sallyport::daemon
