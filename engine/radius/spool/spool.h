#pragma once
// The accounting spool: a thread that writes records to the disk, many with one commit, says so to
// the shards, and brings them to the accounting server in its own time. The order of a turn is the
// promise: a record is acknowledged after it is committed, and removed after the server has
// acknowledged it.

#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>

#include "engine/config/config.h"
#include "engine/radius/client_table.h"
#include "engine/radius/host_addresses.h"
#include "engine/radius/spool/record_ring.h"
#include "engine/radius/spool/spool_metrics.h"
#include "protocol/ip_address.h"
#include "protocol/radius/hop_key.h"
#include "verify/verification.h"

namespace sallyport::radius_door {

/// What became of a record: goes back to the shard whose exchange waits.
struct StorageAnswer {
  verify::Ticket ticket;
  bool stored = false;  ///< false: the client is to keep it, and is not answered
};

class StorageSink {
 public:
  virtual ~StorageSink() = default;
  /// The spool's thread. False: it found no room; the client will ask again.
  [[nodiscard]] virtual bool deliver(const StorageAnswer& answer) noexcept = 0;
};

/// Where records go; changes with a reload.
struct SpoolTarget {
  Endpoint server;
  std::optional<IpAddress> source;  ///< ours, to send from
  std::shared_ptr<const radius::HopKey> key;
  std::shared_ptr<const ClientTable> clients;  ///< whose secrets hide what is hidden in records
  std::uint32_t retransmit_ms;

  /// Whether what is under way to the one may be waited for from the other.
  [[nodiscard]] bool same_server(const SpoolTarget& other) const {
    return server == other.server && source == other.source &&
           equal_constant_time(key->secret(), other.key->secret()) &&
           retransmit_ms == other.retransmit_ms;
  }
};

/// `addresses`: resolved for this configuration.
[[nodiscard]] SpoolTarget make_spool_target(const config::Config& config,
                                            const HostAddresses& addresses,
                                            std::shared_ptr<const ClientTable> clients);

class Spool {
 public:
  enum class When : std::uint8_t {
    now,
    later,  ///< its file, by its own thread, when the process before us has closed it
  };
  /// Opens the file and its sockets, and reads what waits. `proxy_state`: ours, 1 to 253 octets. An
  /// error is one line that says what to do.
  [[nodiscard]] static std::expected<std::unique_ptr<Spool>, std::string> open(
      const config::Accounting& settings, SpoolTarget target, std::size_t shards,
      Octets proxy_state, When when = When::now);
  ~Spool();  ///< stops

  /// Main thread. `sink` outlives the spool's thread.
  void start(StorageSink& sink);
  /// Main thread, when the shards have stopped: writes what has been delivered, and ends.
  void stop();

  // For a process that takes over; main thread.
  /// Sends nothing more to the server, and waits a second at most for what it has to acknowledge.
  /// Records are taken as ever.
  void leave();
  /// When the shards read nothing more: writes what they have brought, tells them, and closes the
  /// file. From now on nothing is stored.
  void close();
  /// After either: that process has failed, and all is as before.
  void come_back();

  /// One thread at a time. An error leaves all as it was.
  [[nodiscard]] std::expected<void, std::string> retarget(SpoolTarget target);

  /// The shard's thread. The packet is copied. False: too many wait for the disk.
  [[nodiscard]] bool store(std::uint16_t shard, const StorageRequest& request) noexcept;

  [[nodiscard]] const SpoolMetrics& metrics() const noexcept;

 private:
  struct Impl;
  explicit Spool(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sallyport::radius_door
