#pragma once
// One thread of the bare relay: the daemon's ring and turn, and no RADIUS work. What it costs is
// the wall: a proxy on this kernel that receives and sends four datagrams an exchange cannot cost
// less.
// A datagram is never copied by us: it leaves from the buffer in which the kernel put it.

#include <atomic>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "bench/relay/client_ports.h"
#include "engine/ring/file_descriptor.h"
#include "engine/ring/receive_buffers.h"
#include "engine/ring/ring.h"

namespace sallyport::lab {

/// Counts since the start. Written by the relay's thread, read by any.
struct RelayCounts {
  std::atomic<std::uint64_t> requests{0};     ///< datagrams of clients, sent on
  std::atomic<std::uint64_t> replies{0};      ///< datagrams of the downstream, sent on
  std::atomic<std::uint64_t> strays{0};       ///< of the downstream, to a port that is nobody's
  std::atomic<std::uint64_t> send_errors{0};  ///< of those sent on; the kernel refused them
  std::atomic<std::uint64_t> taken_over{0};   ///< ports that changed their client
  std::atomic<std::uint64_t> starved{0};      ///< receives that found no buffer
  std::atomic<std::uint64_t> turns{0};        ///< io_uring_enter calls that waited
};

class RelayThread {
 public:
  /// `listener`: bound to one address. `downstream`: connected, one for each client; 1 or more.
  /// An error is one line.
  [[nodiscard]] static std::expected<std::unique_ptr<RelayThread>, std::string> open(
      const ring::FileDescriptor& listener, const std::vector<ring::FileDescriptor>& downstream);
  ~RelayThread();  ///< stops
  RelayThread(const RelayThread&) = delete;
  RelayThread& operator=(const RelayThread&) = delete;

  void start(std::optional<unsigned> cpu);  ///< pinned to it
  void stop();                              ///< and waits for the thread's end
  [[nodiscard]] const RelayCounts& counts() const noexcept { return counts_; }

 private:
  struct Arrival {
    std::uint32_t file;
    std::uint16_t buffer;
    Octets octets;
  };
  /// What a send to a client points to until it is submitted. One for each receive buffer.
  struct Outgoing {
    msghdr message;
    iovec part;
    SocketName to;
  };

  explicit RelayThread(std::uint32_t ports);
  [[nodiscard]] std::expected<void, std::string> build(
      const ring::FileDescriptor& listener, const std::vector<ring::FileDescriptor>& downstream);
  void run(std::optional<unsigned> cpu);
  void collect() noexcept;
  void receive_completed(const ring::Completion& completion) noexcept;
  void give_back_sent() noexcept;
  void relay(const Arrival& arrival) noexcept;
  void send_request(const Arrival& arrival) noexcept;
  void send_reply(const Arrival& arrival) noexcept;
  void arm_receivers() noexcept;
  void come_home() noexcept;

  // The ring goes before the buffers: when its descriptor is closed the kernel writes no more.
  ring::FileDescriptor stop_event_;
  std::unique_ptr<ring::ReceiveBuffers> buffers_;
  std::unique_ptr<ring::Ring> ring_;

  ClientPorts ports_;
  msghdr layout_{};
  std::vector<ring::Completion> completions_;
  std::vector<Arrival> arrivals_;
  std::vector<Outgoing> outgoing_;     ///< by receive buffer
  std::vector<std::uint16_t> queued_;  ///< buffers whose octets the kernel has yet to take
  std::vector<std::uint32_t> to_arm_;  ///< files without a receive
  std::uint32_t in_flight_ = 0;        ///< polls, receives and cancels that the kernel holds
  bool stopping_ = false;
  RelayCounts counts_;
  std::thread thread_;
};

}  // namespace sallyport::lab
