#include "engine/daemon/service_manager.h"

#include <cstdint>
#include <string>

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

namespace sallyport::daemon {

ServiceManager::ServiceManager() {
  std::uint64_t limit_us = 0;
  // sd_watchdog_enabled(3) advises half of the limit.
  if (::sd_watchdog_enabled(0, &limit_us) > 0)
    alive_every_ = std::chrono::milliseconds(limit_us / 1000 / 2);
}

void ServiceManager::ready(std::string_view status) {
  ::sd_notify(0, fmt::format("READY=1\nSTATUS={}", status).c_str());
}

void ServiceManager::reloading() {
  // Type=notify-reload (systemd 253) wants the time; older ones ignore it.
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  ::sd_notify(0, fmt::format("RELOADING=1\nMONOTONIC_USEC={}", us).c_str());
}

void ServiceManager::handed_to(int pid) { ::sd_notify(0, fmt::format("MAINPID={}", pid).c_str()); }

void ServiceManager::stopping() { ::sd_notify(0, "STOPPING=1\nSTATUS=answering what is owed"); }

void ServiceManager::alive() { ::sd_notify(0, "WATCHDOG=1"); }

}  // namespace sallyport::daemon
