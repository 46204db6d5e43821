#pragma once
// The door's invariants, checked from the outside: the ledger sees what was delivered to the door
// and what the door told its Outbox, and knows nothing of how the door works. The first breach is
// kept as text. It also knows which requests the door must take for one exchange ("life").

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "engine/radius/door.h"
#include "protocol/radius/hop_key.h"
#include "protocol/radius/packet.h"
#include "tests/engine/radius/packet_builder.h"

namespace sallyport::radius_door::simulation {

using testing::Bytes;

inline constexpr std::uint32_t kReceiveTimeoutMs = 5'000;
inline constexpr std::uint32_t kDuplicateWindowMs = 10'000;
inline constexpr std::uint32_t kVerificationTtlMs = 20'000;

/// Secrets and policy between two reloads.
struct Epoch {
  std::map<std::string, std::shared_ptr<const radius::HopKey>> client_keys;  ///< by name
  std::shared_ptr<const radius::HopKey> downstream_key;
  config::OnUnavailable on_unavailable = config::OnUnavailable::deny;
};

/// A request as some client made it. Its authenticator is its name: no two have the same.
struct Request {
  ClientPath path;
  radius::Code code = radius::Code::access_request;
  std::uint8_t identifier = 0;
  radius::Authenticator authenticator;
  std::string client;
  std::string user;
  std::string credentials;
  std::string calling_station;
  Bytes proxy_states;         ///< attributes whole, in order
  std::size_t epoch = 0;      ///< whose secret it was made with
  bool proves_secret = true;  ///< its authenticators cannot be made without the secret
  Bytes octets;
};

class Ledger {
 public:
  Ledger(const std::vector<Epoch>& epochs, const RadiusMetrics& metrics)
      : epochs_(epochs), metrics_(metrics) {}

  void set_now_ms(std::uint64_t now_ms) { now_ms_ = now_ms; }
  void set_epoch(std::size_t epoch) { epoch_ = epoch; }

  // Around each call of the door.
  void request_comes(const Request& request);
  void request_came();
  /// False: the door must not react to this reply in any way.
  [[nodiscard]] bool reply_comes(std::uint16_t source_port, const Bytes& reply,
                                 const std::optional<radius::Authenticator>& answers);
  void reply_came();
  /// False: nobody waits for this verdict.
  [[nodiscard]] bool verdict_comes(const verify::Answer& answer);
  void verdict_came();

  // What the door did.
  void sent_downstream(std::uint16_t source_port, const Bytes& datagram);
  void sent_to_client(const ClientPath& path, const Bytes& datagram);
  void asked(const verify::Question& question, bool taken);
  void released(verify::Ticket ticket);
  void audited(const AuditRecord& record, bool taken);

  /// A breach that the world has seen itself. The first one stays.
  void fail(const std::string& what);
  /// After the last window has ended.
  void finish();
  [[nodiscard]] const std::string& breach() const { return breach_; }
  [[nodiscard]] std::uint64_t accepts() const { return accepts_; }

 private:
  struct Life {
    const Request* request = nullptr;
    std::size_t epoch = 0;
    std::uint64_t began_ms = 0;
    std::optional<radius::Code> downstream;  ///< its first authentic reply
    std::optional<verify::Ticket> ticket;
    bool question_refused = false;
    bool released = false;
    bool witnessed = false;  ///< the audit log has "unavailable_allowed"
    std::optional<verify::Answer> verdict;
    std::optional<Bytes> answer;
    std::uint64_t answered_ms = 0;
    bool over = false;
  };
  struct Flight {
    Life* life = nullptr;
    Bytes octets;
    std::uint64_t began_ms = 0;
    bool replied = false;
    bool moved = false;  ///< its request has gone on to another server
  };
  using Key = std::tuple<Endpoint, IpAddress, std::uint8_t, bool>;
  using Identity = std::tuple<std::string, std::string, IpAddress, std::string, std::string>;

  void require(bool condition, const char* what) {
    if (!condition) fail(what);
  }
  [[nodiscard]] static Key key_of(const Request& request);
  [[nodiscard]] bool alive(const Life& life) const;
  [[nodiscard]] bool may_be_allowed(const Life& life) const;
  /// Not a retransmission: what another server has not answered.
  void failed_over(std::uint16_t way, const radius::PacketView& packet);
  void check_status_answer(const Bytes& datagram);
  void check_answer(const Life& life, const radius::PacketView& answer);
  void note_eviction();

  const std::vector<Epoch>& epochs_;
  const RadiusMetrics& metrics_;
  std::uint64_t now_ms_ = 0;
  std::size_t epoch_ = 0;
  std::string breach_;
  std::uint64_t accepts_ = 0;

  std::vector<std::unique_ptr<Life>> lives_;
  std::map<Key, Life*> current_;
  std::map<std::pair<std::uint16_t, std::uint8_t>, Flight> flights_;
  std::deque<Life*> answered_;  ///< oldest first
  std::map<std::uint64_t, Life*> tickets_;
  std::map<verify::JoinKey, Identity> identity_of_;
  std::map<Identity, verify::JoinKey> join_key_of_;

  const Request* incoming_ = nullptr;  ///< the request being delivered
  Life* life_ = nullptr;               ///< whom the present call is about
  bool is_duplicate_ = false;
  std::uint64_t evicted_before_ = 0;
};

}  // namespace sallyport::radius_door::simulation
