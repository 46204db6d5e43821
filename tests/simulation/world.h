#pragma once
// Everything around the door, drawn from one seed: clients, a bad network, a downstream with an
// attacker beside it, a verifier, a clock that only the simulation moves. Runs until nothing is
// left to happen.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include "engine/radius/door.h"
#include "tests/simulation/ledger.h"

namespace sallyport::radius_door::simulation {

class World final : public Outbox, public RandomSource {
 public:
  explicit World(std::uint64_t seed);
  ~World() override;

  /// Runs to the end or to the first breach, which it returns; empty: every invariant held.
  [[nodiscard]] std::string run();
  /// Digest of all that the door did and when: equal for equal seeds.
  [[nodiscard]] std::uint64_t trace() const { return trace_; }
  [[nodiscard]] std::uint64_t accepts() const { return ledger_.accepts(); }
  [[nodiscard]] std::uint64_t joined() const { return joined_; }
  [[nodiscard]] const RadiusMetrics& metrics() const { return metrics_; }

 private:
  /// How bad this world is. Probabilities in thousandths.
  struct Weather {
    unsigned loss = 0;
    unsigned duplication = 0;
    unsigned corruption = 0;
    unsigned forgery = 0;
    unsigned downstream_silence = 0;
    unsigned inbox_full = 0;
    unsigned audit_full = 0;
    std::uint64_t max_delay_ms = 1;
  };
  struct Event {
    std::uint64_t at_ns;
    std::uint64_t order;
    std::function<void()> act;
    bool operator>(const Event& other) const {
      return std::tie(at_ns, order) > std::tie(other.at_ns, other.order);
    }
  };
  /// One login of one user: the request may be sent again, and made anew with a new Identifier.
  struct Attempt {
    std::size_t endpoint = 0;
    std::string kind;
    std::string user;
    std::string password;
    std::string calling_station;
    unsigned proxy_states = 0;
    unsigned retries_left = 0;
    const Request* request = nullptr;  ///< the newest
    bool answered = false;
  };
  /// What the door shows of itself. A datagram that is not authentic must leave it as it was.
  struct Digest {
    std::uint64_t actions, requests, replies, exchanges, awaiting, ports, unanswered, deadline;
    bool operator==(const Digest&) const = default;
  };
  struct Verification {
    std::vector<verify::Ticket> waiting;
  };

  // Chance.
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) { return dice_() % bound; }
  [[nodiscard]] bool chance(unsigned thousandths) { return below(1'000) < thousandths; }
  void fill(MutableOctets out) noexcept override;

  // Time.
  void after_ms(std::uint64_t ms, std::function<void()> act);
  void move_clock(std::uint64_t to_ns);

  // Clients.
  void plan_logins();
  void begin_login();
  [[nodiscard]] Bytes write_proxy_states(unsigned count);
  void make_request(const std::shared_ptr<Attempt>& attempt);
  [[nodiscard]] Bytes write_request(const Attempt& attempt, const Request& request,
                                    const radius::HopKey& key);
  void transmit(const std::shared_ptr<Attempt>& attempt, unsigned left);

  // The network.
  /// Delivers the octets once, twice, late or never, now and then spoiled: then `whole` is false.
  void carry(const Bytes& octets, std::function<void(const Bytes&, bool whole)> deliver,
             bool may_spoil = true);
  [[nodiscard]] Bytes spoiled(Bytes octets);
  void deliver_request(const Request& request, const Bytes& octets, bool whole);
  void deliver_reply(std::uint16_t port, const Bytes& octets,
                     const std::optional<radius::Authenticator>& answers);

  // The downstream servers, and who forges their replies. A way is a link and a source port.
  [[nodiscard]] static std::uint16_t way_of(std::uint16_t link, std::uint16_t port) {
    return static_cast<std::uint16_t>(link << 8 | port);
  }
  void plan_outages(unsigned servers);
  [[nodiscard]] bool is_away(std::uint16_t link) const;
  void answer_probe(std::uint16_t way, const Bytes& octets);
  void downstream_receives(std::uint16_t port, const Bytes& octets);
  void reply(std::uint16_t port, const Bytes& request, radius::Code code,
             const radius::HopKey& key);
  void forge(std::uint16_t port, const Bytes& request, const radius::HopKey& key);
  [[nodiscard]] radius::Code judge(const radius::PacketView& request, const radius::HopKey& key);

  // The verifier.
  void decide(const verify::JoinKey& key);
  void deliver_verdict(const verify::Answer& answer);

  void reload();
  [[nodiscard]] std::shared_ptr<const DoorSettings> settings();
  [[nodiscard]] Digest digest() const;
  void expect_unmoved(const Digest& before, const char* what);
  void note(std::uint64_t what);

  // Outbox.
  void send_to_client(const ClientPath& path, Octets datagram) noexcept override;
  void end_connection(std::uint16_t socket, RadsecEnd reason) noexcept override;
  void send_downstream(std::uint16_t link, std::uint16_t source_port,
                       Octets datagram) noexcept override;
  bool open_source_port(std::uint16_t link) noexcept override;
  bool ask(const verify::Question& question) noexcept override;
  void release(verify::Ticket ticket, const verify::JoinKey& key,
               std::uint64_t user_hash) noexcept override;
  bool store(const StorageRequest&) noexcept override { return false; }  // nothing is spooled
  bool audit(const AuditRecord& record) noexcept override;

  std::mt19937_64 dice_;
  Weather weather_;
  Now now_{.monotonic_ns = 5'000'000'000};
  std::uint64_t order_ = 0;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;

  struct Outage {
    std::uint64_t from_ms = 0, until_ms = 0;
  };
  std::vector<Outage> outages_;  ///< one for each server
  config::DownstreamPolicy policy_ = config::DownstreamPolicy::failover;
  std::vector<Epoch> epochs_;
  std::size_t epoch_ = 0;                                       ///< of the door
  std::size_t clients_epoch_ = 0;                               ///< of the clients, a little later
  std::vector<std::weak_ptr<const DoorSettings>> handed_over_;  ///< one for each epoch so far
  std::deque<Request> requests_;
  std::vector<std::uint8_t> next_identifier_;
  unsigned identifiers_in_use_ = 256;  ///< a client goes round so many: few are reused soon
  unsigned logins_ = 0;
  /// Who waits on an Identifier: source, Identifier, accounting or not.
  std::map<std::tuple<Endpoint, std::uint8_t, bool>, std::shared_ptr<Attempt>> waiting_;
  std::map<Bytes, std::optional<radius::Code>> judgements_;  ///< by authenticator downstream
  std::map<verify::JoinKey, Verification> verifications_;
  std::map<std::uint64_t, verify::JoinKey> join_key_of_;
  std::uint64_t joined_ = 0;                 ///< questions that met one already waiting
  std::map<std::uint16_t, unsigned> ports_;  ///< open, by link

  LearnedAddresses learned_clients_;
  LearnedAddresses learned_downstreams_;
  RadiusMetrics metrics_;
  DoorPlan plan_;
  Ledger ledger_{epochs_, metrics_};
  std::unique_ptr<Door> door_;
  std::uint64_t actions_ = 0;
  std::uint64_t trace_ = 0;
};

}  // namespace sallyport::radius_door::simulation
