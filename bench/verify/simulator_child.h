#pragma once
// The Notakey simulator in a process of its own, so that what is measured here is ours alone. It
// cannot outlive us.

#include <cstdint>
#include <expected>
#include <string>

#include <sys/types.h>

#include "bench/simulators/simulate.h"

namespace sallyport::lab {

class SimulatorChild {
 public:
  /// Forks: call it before the first thread starts. `behaviour` is that of every user; `streams`
  /// the open requests on one connection. TLS with HTTP/2, polls of `never` are held.
  [[nodiscard]] static std::expected<SimulatorChild, std::string> start(
      const std::string& behaviour, std::uint32_t streams);
  SimulatorChild(SimulatorChild&& other) noexcept;
  SimulatorChild& operator=(SimulatorChild&&) = delete;
  ~SimulatorChild();  ///< ends it

  /// "https://127.0.0.1:43210"
  [[nodiscard]] const std::string& origin() const { return origin_; }
  /// PEM file of the authority that signed its certificate.
  [[nodiscard]] const std::string& ca_file() const { return ca_file_; }

 private:
  SimulatorChild(pid_t pid, std::string origin, std::string ca_file);
  pid_t pid_;
  std::string origin_;
  std::string ca_file_;
};

}  // namespace sallyport::lab
