#pragma once
// Dynamic authorization with its sockets: one thread with poll() that runs a CoaDoor. Requests are
// rare beside those of the shards, which it shares nothing with but the table of clients.

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/config/config.h"
#include "engine/radius/client_table.h"
#include "engine/radius/coa/coa_door.h"
#include "engine/radius/coa/coa_metrics.h"
#include "engine/radius/coa/coa_record.h"
#include "engine/radius/host_addresses.h"
#include "engine/radius/listeners.h"
#include "engine/ring/file_descriptor.h"
#include "protocol/ip_address.h"
#include "protocol/octets.h"

namespace sallyport::radius_door {

/// A socket where requests come in. Immutable but for what its owner sends and receives.
struct CoaListener {
  std::uint16_t number = 0;
  Endpoint configured;
  Endpoint bound;
  ring::FileDescriptor socket;
};
using CoaListeners = std::vector<std::shared_ptr<const CoaListener>>;

/// All that a reload needs, so that nothing of it can fail any more.
struct CoaReload {
  CoaListeners listeners;
  std::shared_ptr<const CoaSettings> settings;
};

/// Used by one thread at a time, but for metrics().
class CoaServer {
 public:
  /// Opens the sockets: those of `inherited` whose name is a configured address are taken instead
  /// of new ones. `addresses`, `clients`: made of the same configuration. `proxy_state`: ours, 1 to
  /// 253 octets. `audit` outlives the server. An error is one line.
  [[nodiscard]] static std::expected<std::unique_ptr<CoaServer>, std::string> open(
      const config::Config& config, const HostAddresses& addresses,
      std::shared_ptr<const ClientTable> clients, Octets proxy_state, CoaAuditQueue& audit,
      std::vector<ListenerCopies> inherited);
  ~CoaServer();  ///< stops

  /// Marks that the process before us has left. Before start().
  void respect(std::span<const std::uint64_t> marks);
  void start();
  void stop();
  /// Listeners that stay keep their socket. An error leaves all as it was.
  [[nodiscard]] std::expected<CoaReload, std::string> prepare(
      const config::Config& config, const HostAddresses& addresses,
      std::shared_ptr<const ClientTable> clients);
  /// The same configuration, of which only the downstream's and [coa]'s part is looked at, with
  /// other addresses of its servers.
  [[nodiscard]] std::expected<CoaReload, std::string> prepare(const config::Config& config,
                                                              const HostAddresses& addresses);
  /// Requests that came by listeners of before are answered still.
  void reload(CoaReload next);
  /// Takes no new request, and waits at most until then for the answers still owed.
  void drain(std::chrono::steady_clock::time_point until);

  /// Copies for a process that takes over, one of each; ours stay ours. The error is one line.
  [[nodiscard]] std::expected<std::vector<ListenerCopies>, std::string> copies() const;
  /// Reads no listener any more, and tells what is remembered.
  [[nodiscard]] std::vector<std::uint64_t> step_back();
  void step_forth();

  [[nodiscard]] const CoaMetrics& metrics() const noexcept;  ///< any thread
  /// Addresses actually bound, in the order of the configuration.
  [[nodiscard]] std::vector<Endpoint> listening() const;

 private:
  struct Impl;
  explicit CoaServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sallyport::radius_door
