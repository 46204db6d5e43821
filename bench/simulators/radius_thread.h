#pragma once
// One thread of the small RADIUS server: a socket, batches of datagrams in and out, and the answers
// that have to wait for their time.

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include <sys/socket.h>

#include "bench/simulators/radius_counts.h"
#include "bench/simulators/radius_responder.h"
#include "bench/simulators/timers.h"
#include "engine/ring/file_descriptor.h"

namespace sallyport::lab {

/// When answers leave.
struct AnswerTimes {
  std::uint64_t delay_ms = 0;
  std::uint64_t jitter_ms = 0;  ///< more or less than delay_ms, each as likely as any other
  double reorder = 0;           ///< share held back longer, so that later ones overtake them

  [[nodiscard]] bool at_once() const noexcept {
    return delay_ms == 0 && jitter_ms == 0 && reorder == 0;
  }
};

class RadiusThread {
 public:
  /// `socket`: bound. All that is referred to outlives the thread.
  RadiusThread(ring::FileDescriptor socket, const AnswerTimes& times,
               const RadiusBehaviour& behaviour, const UserDirectory& users,
               const radius::HopKey& key, std::uint64_t seed);
  ~RadiusThread();  ///< stops
  RadiusThread(const RadiusThread&) = delete;
  RadiusThread& operator=(const RadiusThread&) = delete;

  void start(std::optional<unsigned> cpu);  ///< pinned to it
  [[nodiscard]] const RadiusCounts& counts() const noexcept { return counts_; }

 private:
  static constexpr std::size_t kBatch = RadiusResponder::kMaxRequests;

  /// A datagram and its other end.
  struct Message {
    sockaddr_storage peer;
    iovec part;
  };
  struct LateAnswer {
    sockaddr_storage peer;
    socklen_t peer_octets;
    std::vector<std::uint8_t> octets;
  };

  void run(std::optional<unsigned> cpu);
  void wait_until(std::uint64_t due_us);  ///< or until a datagram has come
  [[nodiscard]] std::size_t receive();
  void send_answers(std::size_t received);
  void hold_answers(std::size_t received);
  void send_due();
  void send(std::size_t count);

  ring::FileDescriptor socket_;
  const AnswerTimes& times_;
  RadiusCounts counts_;
  RadiusResponder responder_;
  Timers<LateAnswer> late_;  ///< times in microseconds
  std::array<std::array<std::uint8_t, radius::kMaxPacketOctets>, kBatch> in_;
  std::array<Octets, kBatch> datagrams_;
  std::array<Message, kBatch> received_;
  std::array<mmsghdr, kBatch> headers_in_{};
  std::array<iovec, kBatch> parts_out_{};
  std::array<mmsghdr, kBatch> headers_out_{};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace sallyport::lab
