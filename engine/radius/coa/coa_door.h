#pragma once
// Dynamic authorization (RFC 5176): CoA-Requests and Disconnect-Requests from the server side to
// the NAS that they name, and its answers back. Every decision and no I/O: handed datagrams and the
// time, it says through its outbox what to do. One thread. Low rate beside the rest of the RADIUS
// door: memory is taken as it is needed, up to limits::kMaxCoaRequests.

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "engine/radius/client_table.h"
#include "engine/radius/coa/coa_metrics.h"
#include "engine/radius/coa/coa_record.h"
#include "engine/radius/coa/nas_directory.h"
#include "protocol/ip_address.h"
#include "protocol/octets.h"
#include "protocol/radius/authenticator.h"
#include "protocol/radius/packet.h"
#include "protocol/random.h"

namespace sallyport::radius_door {

/// What a reload can change. Immutable; a request keeps those that it began with.
struct CoaSettings {
  std::shared_ptr<const ClientTable> askers;  ///< who may ask: [[coa.client]], downstream servers
  std::shared_ptr<const NasDirectory> nases;  ///< never null
  bool require_message_authenticator = true;
  bool require_event_timestamp = false;
  std::uint32_t event_window_s = 300;
  std::uint32_t retransmit_ms = 2'000;
  std::uint32_t timeout_ms = 20'000;
  std::uint32_t max_pending = 4'096;
  bool audit = true;
};

/// Where a request came from and where its answer must leave.
struct CoaPath {
  Endpoint source;
  IpAddress local;           ///< the address it was sent to: the answer leaves from it
  std::uint16_t socket = 0;  ///< the listener's number
  auto operator<=>(const CoaPath&) const = default;
};

/// A moment, handed in: the two run together.
struct CoaNow {
  std::uint64_t monotonic_us = 0;
  std::int64_t unix_s = 0;  ///< for Event-Timestamp alone
  [[nodiscard]] std::uint64_t ms() const noexcept { return monotonic_us / 1'000; }
};

/// What the door wants done. Octets are valid during the call only.
class CoaOutbox {
 public:
  virtual ~CoaOutbox() = default;
  virtual void send_to_asker(const CoaPath& path, Octets datagram) noexcept = 0;
  /// `source_port`: 0 to limits::kCoaSourcePorts - 1. The NAS's answer must come to the same.
  virtual void send_to_nas(const Endpoint& nas, std::uint16_t source_port,
                           Octets datagram) noexcept = 0;
  /// False: the audit queue is full.
  [[nodiscard]] virtual bool audit(const CoaRecord& record) noexcept = 0;
};

class CoaDoor {
 public:
  /// `proxy_state`: ours, 1 to 253 octets, not empty. All others outlive the door.
  CoaDoor(std::shared_ptr<const CoaSettings> settings, Octets proxy_state, CoaOutbox& outbox,
          RandomSource& random, CoaMetrics& metrics);
  CoaDoor(const CoaDoor&) = delete;
  CoaDoor& operator=(const CoaDoor&) = delete;

  void asker_datagram(CoaNow now, const CoaPath& path, Octets datagram);
  /// `source`: from where it came, `source_port`: ours that it came to.
  void nas_datagram(CoaNow now, const Endpoint& source, std::uint16_t source_port, Octets datagram);
  /// Retransmissions, NAKs for silent NASes and ends of duplicate windows that are due.
  void advance(CoaNow now);
  /// When advance must be called next (CLOCK_MONOTONIC milliseconds); empty: nothing is waiting.
  [[nodiscard]] std::optional<std::uint64_t> next_deadline_ms() const noexcept;

  /// New requests see the new settings.
  void reload(std::shared_ptr<const CoaSettings> settings) noexcept;
  /// No new request is taken from now on; answers and duplicates still are.
  void drain() noexcept { draining_ = true; }
  [[nodiscard]] std::size_t pending() const noexcept { return deadlines_.size(); }

  /// A mark for each request that is remembered, answered or not, for a process that takes over.
  [[nodiscard]] std::vector<std::uint64_t> list_remembered() const;
  /// Requests with such a mark are another process's: they are dropped, as long as they could be
  /// told from new ones here.
  void respect(CoaNow now, std::span<const std::uint64_t> marks);

 private:
  /// RFC 5080 §2.2.2. A CoA-Request and a Disconnect-Request may have one Identifier.
  struct Key {
    CoaPath path;
    std::uint8_t code = 0;
    std::uint8_t identifier = 0;
    auto operator<=>(const Key&) const = default;
  };
  /// A NAS's Identifier on one of our ports. One that is in use is not given to another request.
  struct Channel {
    Endpoint nas;
    std::uint16_t number = 0;  ///< source port times 256, and the Identifier
    auto operator<=>(const Channel&) const = default;
  };
  using Serial = std::uint64_t;
  /// One request, until it is forgotten. `answer` empty: it waits for its NAS.
  struct Request {
    Key key;
    radius::Authenticator authenticator;
    CoaRecord record;
    std::uint64_t began_us = 0;
    std::uint64_t until_ms = 0;  ///< answered: forgotten then
    std::vector<std::uint8_t> answer;

    // While it waits.
    std::shared_ptr<const CoaSettings> settings;
    const radius::HopKey* asker = nullptr;
    Nas nas;
    Channel channel;
    std::vector<std::uint8_t> proxy_states;  ///< the asker's, whole
    std::vector<std::uint8_t> sent;          ///< to the NAS
    std::uint64_t give_up_ms = 0;
    std::uint64_t deadline_ms = 0;
    std::uint32_t interval_ms = 0;
  };
  struct Timed {
    std::uint64_t at_ms = 0;
    Serial serial = 0;
    auto operator<=>(const Timed&) const = default;
  };

  [[nodiscard]] bool admit(CoaNow now, const ClientEntry& asker, const radius::PacketView& packet);
  [[nodiscard]] bool is_known(CoaNow now, const Key& key, const radius::PacketView& packet);
  void begin(CoaNow now, const Key& key, const ClientEntry& asker,
             const radius::PacketView& packet);
  [[nodiscard]] std::optional<CoaOutcome> forward(CoaNow now, Request& request, Serial serial,
                                                  const radius::PacketView& packet);
  [[nodiscard]] std::optional<CoaOutcome> write_for_nas(Request& request,
                                                        const radius::PacketView& packet);
  [[nodiscard]] bool take_channel(Request& request, Serial serial);
  void refuse(CoaNow now, Serial serial, CoaOutcome outcome);
  void pass_on(CoaNow now, Serial serial, const radius::PacketView& reply);
  void answer(CoaNow now, Serial serial, Octets octets);
  void give_up_waiting(Serial serial, Request& request);
  void forget(Serial serial);
  void make_room();
  void schedule(Request& request, Serial serial, std::uint64_t now_ms);
  [[nodiscard]] std::uint32_t jittered(std::uint32_t interval_ms, std::uint32_t spread_ms) noexcept;
  void show() noexcept;
  void drop(CoaDrop reason) noexcept { metrics_.drops[static_cast<std::size_t>(reason)].add(); }

  std::shared_ptr<const CoaSettings> settings_;
  const std::vector<std::uint8_t> proxy_state_;
  CoaOutbox& outbox_;
  RandomSource& random_;
  CoaMetrics& metrics_;
  bool draining_ = false;

  Serial next_serial_ = 1;
  std::map<Serial, Request> requests_;
  std::map<Key, Serial> by_key_;
  std::map<Channel, Serial> by_channel_;  ///< those that wait
  std::set<Timed> deadlines_;             ///< those that wait
  std::set<Timed> expiries_;              ///< those answered
  std::uint16_t next_channel_;
  std::unordered_set<std::uint64_t> elsewhere_;
  std::uint64_t elsewhere_until_ms_ = 0;
};

}  // namespace sallyport::radius_door
