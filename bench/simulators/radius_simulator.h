#pragma once
// A small RADIUS server to stand behind the proxy: a users file, PAP and CHAP, Status-Server. It
// can be slow, lose datagrams and reject a share of what it should accept. One thread, one socket,
// datagrams received in batches.

#include <array>
#include <atomic>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "bench/simulators/descriptor.h"
#include "bench/simulators/timers.h"
#include "bench/simulators/user_file.h"
#include "protocol/ip_address.h"
#include "protocol/radius/hop_key.h"

namespace sallyport::lab {

/// A password was checked.
struct RadiusEvent {
  std::string user;
  bool accepted = false;
  std::uint64_t unix_ms = 0;
};

struct RadiusSimulatorSettings {
  Endpoint listen;  ///< port 0: any
  Secret secret;    ///< of every client
  UserPasswords users = {};
  std::uint64_t delay_ms = 0;  ///< before each answer
  double loss = 0;             ///< share of requests that are never answered
  double reject_share = 0;     ///< share of good passwords that are rejected all the same
  std::uint64_t seed = 1;
  std::function<void(const RadiusEvent&)> on_event = {};  ///< on the simulator's thread
};

/// Counts since the start; read by any thread.
struct RadiusSimulatorStats {
  std::atomic<std::uint64_t> received{0};
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> rejected{0};
  std::atomic<std::uint64_t> accounting{0};
  std::atomic<std::uint64_t> status_server{0};
  std::atomic<std::uint64_t> lost{0};       ///< on purpose
  std::atomic<std::uint64_t> malformed{0};  ///< not RADIUS, or a code that is not for a server
  std::atomic<std::uint64_t> bad_authenticator{0};
  [[nodiscard]] std::string json() const;
};

class RadiusSimulator {
 public:
  [[nodiscard]] static std::expected<std::unique_ptr<RadiusSimulator>, std::string> start(
      RadiusSimulatorSettings settings);
  ~RadiusSimulator();  ///< stops
  RadiusSimulator(const RadiusSimulator&) = delete;
  RadiusSimulator& operator=(const RadiusSimulator&) = delete;

  [[nodiscard]] const Endpoint& listening() const { return listening_; }
  [[nodiscard]] const RadiusSimulatorStats& stats() const { return stats_; }

 private:
  struct Reply {
    Endpoint to;
    std::vector<std::uint8_t> octets;
  };

  RadiusSimulator(RadiusSimulatorSettings settings, Descriptor socket, const Endpoint& listening);
  void run();
  void receive_batch();
  void on_datagram(const Endpoint& from, Octets datagram);
  void reply(const Endpoint& to, const radius::PacketView& request, radius::Code code);
  [[nodiscard]] bool good_password(const radius::PacketView& request, std::string_view user) const;
  [[nodiscard]] bool happens(double share);
  void send_due(std::uint64_t now_ms);

  RadiusSimulatorSettings settings_;
  radius::HopKey key_;
  Descriptor socket_;
  Descriptor wake_;
  Endpoint listening_;
  std::mt19937_64 random_;
  Timers<Reply> delayed_;
  RadiusSimulatorStats stats_;
  std::thread thread_;
};

}  // namespace sallyport::lab
