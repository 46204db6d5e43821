#pragma once
// From requests to signed answers: what the small RADIUS server thinks. No sockets and no clock.
// It takes many requests at once, so that their digests are computed side by side.

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "bench/load/workload/fast_random.h"
#include "bench/simulators/radius_counts.h"
#include "bench/simulators/radius_login.h"
#include "bench/simulators/user_directory.h"
#include "protocol/md5/batch.h"
#include "protocol/octets.h"
#include "protocol/radius/hop_key.h"
#include "protocol/radius/packet.h"
#include "protocol/radius/packet_writer.h"
#include "protocol/radius/unsigned_packet.h"

namespace sallyport::lab {

/// A password was checked.
struct RadiusEvent {
  std::string user;
  bool accepted = false;
  std::uint64_t unix_ms = 0;
};

struct RadiusBehaviour {
  double loss = 0;          ///< share of requests that are never answered; not of Status-Server
  double reject_share = 0;  ///< share of what is right and is refused all the same
  bool unchecked = false;   ///< requests need no right authenticators; passwords are still checked
  bool echo_user = false;   ///< Access-Accept says Class = "user:NAME"
  std::function<void(const RadiusEvent&)> on_event = {};  ///< on a thread of the server
};

/// Used by one thread; large, so never on the stack.
class RadiusResponder {
 public:
  static constexpr std::size_t kMaxRequests = 64;

  /// All that is referred to outlives the responder. `seed`: of loss, refusals and challenges.
  RadiusResponder(const RadiusBehaviour& behaviour, const UserDirectory& users,
                  const radius::HopKey& key, std::uint64_t seed, RadiusCounts& counts);

  /// Answers datagrams, at most kMaxRequests of them.
  void respond(std::span<const Octets> datagrams);
  /// Of the datagram with this index; empty: none. Valid until the next respond().
  [[nodiscard]] Octets answer(std::size_t index) const noexcept {
    return Octets(out_[index]).first(exchanges_[index].answer.size());
  }
  /// Chance, from the seed.
  [[nodiscard]] bool happens(double share) noexcept;
  [[nodiscard]] FastRandom& random() noexcept { return random_; }

 private:
  struct Exchange {
    std::optional<radius::PacketView> request;
    radius::Proof proof;
    radius::Authenticator pad;  ///< of User-Password
    radius::UnsignedPacket answer;
  };

  void take(Exchange& exchange, Octets datagram);
  [[nodiscard]] radius::UnsignedPacket decide(const radius::PacketView& request,
                                              const Exchange& exchange, MutableOctets out);
  [[nodiscard]] radius::UnsignedPacket log_in(const radius::PacketView& request,
                                              const radius::Authenticator& pad, MutableOctets out);
  [[nodiscard]] radius::UnsignedPacket change_session(const radius::PacketView& request,
                                                      MutableOctets out);
  [[nodiscard]] radius::UnsignedPacket finish(const radius::PacketView& request,
                                              radius::PacketWriter& writer);

  const RadiusBehaviour& behaviour_;
  const UserDirectory& users_;
  const radius::HopKey& key_;
  FastRandom random_;
  RadiusCounts& counts_;
  md5::Batch batch_;
  std::array<Exchange, kMaxRequests> exchanges_;
  std::array<std::array<std::uint8_t, radius::kMaxPacketOctets>, kMaxRequests> out_;
};

}  // namespace sallyport::lab
