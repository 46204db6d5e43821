#pragma once
// The bare relay: client -> relay -> downstream and back, as a RADIUS proxy without RADIUS. Packets
// pass unchanged, so a client's secret is the downstream's and answers stay valid.

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "bench/relay/relay_thread.h"
#include "protocol/ip_address.h"

namespace sallyport::lab {

struct RelaySettings {
  Endpoint listen;            ///< one address of this machine; port 0 takes a free one
  Endpoint to;                ///< the downstream
  std::uint32_t ports = 256;  ///< of each thread: as many clients (address and port) as it serves
  unsigned threads = 1;
  std::vector<unsigned> cpus = {};  ///< thread n is pinned to the n-th; empty: not pinned
};

class Relay {
 public:
  [[nodiscard]] static std::expected<Relay, std::string> start(const RelaySettings& settings);

  [[nodiscard]] const Endpoint& listening() const noexcept { return listening_; }
  /// Counts so far and CPU seconds of this process, as one line of JSON.
  [[nodiscard]] std::string json() const;

 private:
  Relay() = default;
  Endpoint listening_;
  std::vector<std::unique_ptr<RelayThread>> threads_;
};

}  // namespace sallyport::lab
