#pragma once
// Inside Spool: what it has, and who does what.
//   spool_life.cc  how it is opened, started, left to another process, and stopped: the main thread
//   spool.cc       its own thread's turns

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <expected>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <sys/eventfd.h>

#include "engine/limits.h"
#include "engine/radius/spool/delivery.h"
#include "engine/radius/spool/spool.h"
#include "engine/radius/spool/spool_database.h"
#include "engine/ring/file_descriptor.h"
#include "protocol/random.h"

namespace sallyport::radius_door {

/// A record of the batch at hand.
struct SpoolArrival {
  verify::Ticket ticket;
  IpAddress client;
  std::vector<std::uint8_t> packet;
  RecordNames names;
  std::uint64_t id = 0;   ///< it got; 0: it was known
  bool storable = false;  ///< it may be stored
  bool stored = false;    ///< it is, and committed
};

struct Spool::Impl {
  Impl(const config::Accounting& accounting, SpoolTarget first, std::size_t shards,
       Octets our_proxy_state)
      : settings(accounting),
        configured(first),
        target(std::move(first)),
        proxy_state(our_proxy_state.begin(), our_proxy_state.end()),
        delivery(limits::kSpoolSockets, target.retransmit_ms, random),
        under_way(limits::kSpoolSockets * limits::kIdentifiersPerSourcePort),
        event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    for (std::size_t shard = 0; shard < shards; ++shard) {
      rings.push_back(std::make_unique<RecordRing>(limits::kSpoolRingOctets));
    }
  }

  // spool_life.cc
  [[nodiscard]] std::expected<void, std::string> open_sockets();
  [[nodiscard]] std::expected<void, std::string> open_file();
  [[nodiscard]] bool open_when_free();  ///< the spool's thread; false: it is to stop
  void start();

  // A turn: the spool's thread.
  void run();
  void take_turn();
  void finish();
  void take_target();
  void receive();
  void take_reply(std::uint32_t socket, Octets datagram);
  void take_records();
  void take_record(const StorageRequest& request);
  void write();
  [[nodiscard]] std::expected<void, SpoolError> commit(bool with_records);
  [[nodiscard]] std::expected<void, SpoolError> write_all(bool with_records);
  void answer();
  void depart();
  void send_first(const Delivery::Departure& departure);
  [[nodiscard]] std::size_t write_record(const SpoolDatabase::Record& record,
                                         DeliveryChannel channel);
  void send(DeliveryChannel channel);
  void report();
  [[nodiscard]] bool is_full() const;
  void log_changes();
  void wait();

  const config::Accounting settings;
  SpoolTarget configured;  ///< the main thread's
  SpoolTarget target;      ///< in use by the spool's thread
  const std::vector<std::uint8_t> proxy_state;
  std::unique_ptr<SpoolDatabase> database;  ///< none: another process has the file still
  bool waiting_known = false;               ///< `delivery` has what waits in the file
  SystemRandom random;
  Delivery delivery;
  std::vector<ring::FileDescriptor> sockets;
  std::vector<std::vector<std::uint8_t>> under_way;  ///< what was sent last, by channel
  std::vector<std::unique_ptr<RecordRing>> rings;    ///< by shard
  ring::FileDescriptor event;
  SpoolMetrics metrics;
  StorageSink* sink = nullptr;

  std::vector<SpoolArrival> batch;
  std::vector<std::uint64_t> acknowledged;  ///< by the server, and not removed yet
  std::uint64_t tidy_at_ms = 0;
  std::optional<SpoolError> last_error;
  std::optional<SpoolError> logged_error;
  bool was_refusing = false;
  bool was_silent = false;
  std::array<std::uint8_t, radius::kMaxPacketOctets> scratch;
  std::array<std::uint8_t, radius::kMaxPacketOctets> incoming;

  alignas(64) std::atomic<bool> parked{false};
  std::atomic<bool> stopping{false};
  std::atomic<bool> calm{false};    ///< nothing more is sent to the server
  std::atomic<bool> absent{false};  ///< another process has the spool: nothing more is taken
  std::mutex mutex;
  struct Retarget {
    SpoolTarget target;
    std::vector<ring::FileDescriptor> sockets;
  };
  std::optional<Retarget> next_target;  ///< guarded by the mutex
  std::thread thread;
};

}  // namespace sallyport::radius_door
