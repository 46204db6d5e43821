#pragma once
// A small RADIUS server to stand behind the proxy, made for load: a users file or one password for
// everybody; PAP, CHAP, MS-CHAPv2, EAP-MD5, accounting, Status-Server; CoA and Disconnect as a NAS
// answers them. It can be slow, lose datagrams, change their order and refuse a share of what is
// right. Each thread has a socket of its own; the Identifier picks the thread.

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/simulators/radius_responder.h"
#include "bench/simulators/radius_thread.h"
#include "bench/simulators/user_directory.h"
#include "protocol/ip_address.h"
#include "protocol/radius/hop_key.h"

namespace sallyport::lab {

struct RadiusSimulatorSettings {
  Endpoint listen;  ///< port 0: any
  Secret secret;    ///< of every client
  UserPasswords users = {};
  std::optional<Secret> anybody = std::nullopt;  ///< password of all who are not in `users`
  RadiusBehaviour behaviour = {};
  AnswerTimes times = {};
  std::uint64_t seed = 1;  ///< of all that happens by chance
  unsigned threads = 1;
  std::vector<unsigned> cpus = {};  ///< thread n is pinned to the n-th; empty: not pinned
};

class RadiusSimulator {
 public:
  [[nodiscard]] static std::expected<std::unique_ptr<RadiusSimulator>, std::string> start(
      RadiusSimulatorSettings settings);
  RadiusSimulator(const RadiusSimulator&) = delete;
  RadiusSimulator& operator=(const RadiusSimulator&) = delete;

  [[nodiscard]] const Endpoint& listening() const { return listening_; }
  /// Counts since the start, of all threads.
  [[nodiscard]] std::uint64_t count(RadiusCount count) const;
  /// All of them and CPU seconds of this process, as one line of JSON. Any thread.
  [[nodiscard]] std::string json() const;

 private:
  explicit RadiusSimulator(RadiusSimulatorSettings settings);

  RadiusSimulatorSettings settings_;
  UserDirectory users_;
  radius::HopKey key_;
  Endpoint listening_;
  std::vector<std::unique_ptr<RadiusThread>> threads_;  ///< end before what they refer to
};

}  // namespace sallyport::lab
