#pragma once
// A door with one client network and one downstream, and an Outbox that writes everything down.

#include <deque>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "engine/radius/door.h"
#include "protocol/radius/hop_key.h"
#include "protocol/radius/packet.h"
#include "tests/engine/radius/downstream_testing.h"
#include "tests/engine/radius/packet_builder.h"

namespace sallyport::radius_door::testing {

class SeededRandom final : public RandomSource {
 public:
  explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
  void fill(MutableOctets out) noexcept override {
    for (std::uint8_t& octet : out) octet = static_cast<std::uint8_t>(engine_());
  }

 private:
  std::mt19937_64 engine_;
};

struct RecordingOutbox final : Outbox {
  struct ToClient {
    ClientPath path;
    Bytes octets;
  };
  struct ToDownstream {
    std::uint16_t link;
    std::uint16_t source_port;
    Bytes octets;
  };

  struct Record {
    verify::Ticket ticket;
    Bytes octets;
  };

  void send_to_client(const ClientPath& path, Octets datagram) noexcept override {
    to_client.push_back({path, Bytes(datagram.begin(), datagram.end())});
  }
  void end_connection(std::uint16_t socket, RadsecEnd reason) noexcept override {
    ended_connections.push_back({socket, reason});
  }
  void send_downstream(std::uint16_t link, std::uint16_t source_port,
                       Octets datagram) noexcept override {
    if (!open.contains({link, source_port})) {
      EXPECT_LT(source_port, ports[link]);
    }
    to_downstream.push_back({link, source_port, Bytes(datagram.begin(), datagram.end())});
  }
  bool open_source_port(std::uint16_t link) noexcept override {
    ++port_attempts;
    if (ports[link] >= ports_allowed) return false;
    ++ports[link];
    return true;
  }
  void connect(std::uint16_t link, std::uint16_t connection) noexcept override {
    begun.push_back({link, connection});
  }
  void disconnect(std::uint16_t link, std::uint16_t connection) noexcept override {
    open.erase({link, connection});
    ended.push_back({link, connection});
  }
  bool ask(const verify::Question& question) noexcept override {
    if (takes_questions) questions.push_back(question);
    return takes_questions;
  }
  void release(verify::Ticket ticket, const verify::JoinKey&, std::uint64_t) noexcept override {
    released.push_back(ticket);
  }
  bool store(const StorageRequest& request) noexcept override {
    if (takes_records) {
      records.push_back({request.ticket, Bytes(request.packet.begin(), request.packet.end())});
    }
    return takes_records;
  }
  verify::Challenges* challenges() noexcept override { return held_logins; }
  verify::Verifier* links() noexcept override { return link_asker; }
  bool audit(const AuditRecord& record) noexcept override {
    if (takes_audit) audited.push_back(record);
    return takes_audit;
  }

  std::vector<ToClient> to_client;
  std::vector<std::pair<std::uint16_t, RadsecEnd>> ended_connections;
  std::vector<ToDownstream> to_downstream;
  std::vector<verify::Question> questions;
  std::vector<verify::Ticket> released;
  std::vector<Record> records;
  std::vector<AuditRecord> audited;
  unsigned ports_allowed = 64;
  std::map<std::uint16_t, unsigned> ports;  ///< open, by link
  unsigned port_attempts = 0;
  using Connection = std::pair<std::uint16_t, std::uint16_t>;  ///< link and number
  std::vector<Connection> begun;
  std::vector<Connection> ended;
  std::set<Connection> open;
  verify::Challenges* held_logins = nullptr;
  verify::Verifier* link_asker = nullptr;
  bool takes_questions = true;
  bool takes_records = true;
  bool takes_audit = true;
};

/// What an Access-Request says; the defaults make a plain PAP login of alice.
struct Login {
  std::uint8_t identifier = 1;
  std::uint8_t authenticator = 1;  ///< fills all 16 octets
  std::string user = "alice";
  std::string password = "wonderland";
  std::string calling_station = "00-11-22-33-44-55";
  std::vector<std::string> proxy_states = {};
  bool message_authenticator = true;
  Bytes eap = {};     ///< instead of the password
  Bytes vendor = {};  ///< a Vendor-Specific value, beside the password if that is not empty
  Bytes state = {};
};

class DoorTest : public ::testing::Test {
 protected:
  DoorTest() {
    plan_.exchanges = 64;
    plan_.max_source_ports = 4;
    plan_.instance.fill(7);
    settings_.downstream.pools = {
        {.name = "downstream", .status_server = config::StatusServer::no}};
  }

  /// Builds the door; until then plan_, client_ and settings_ may be changed.
  Door& door() {
    if (!door_) {
      plan_.learned_clients = &learned_clients_;
      plan_.learned_downstreams = &learned_downstreams_;
      auto settings = snapshot();
      DownstreamLinks links = make_links(*settings);
      door_ = std::make_unique<Door>(plan_, std::move(settings), std::move(links), outbox_, random_,
                                     metrics_, now_);
    }
    return *door_;
  }
  [[nodiscard]] std::shared_ptr<const DoorSettings> snapshot() const {
    DoorSettings settings = settings_;
    config::Client client = client_;
    settings.clients = std::make_shared<const ClientTable>(std::vector{client});
    settings.plan = plan_of(settings.downstream, *downstream_key_);
    return std::make_shared<const DoorSettings>(std::move(settings));
  }

  [[nodiscard]] DownstreamLinks make_links(const DoorSettings& settings) {
    DownstreamLinks links;
    for (const ServerEntry& server : settings.plan.servers) {
      link_metrics_.push_back(std::make_shared<LinkMetrics>());
      links[server.link] = std::make_unique<DownstreamLink>(plan_.max_source_ports,
                                                            link_metrics_.back(), server.transport);
    }
    return links;
  }

  [[nodiscard]] Bytes request(const Login& login) const { return request(login, *client_key_); }
  [[nodiscard]] static Bytes request(const Login& login, const radius::HopKey& key) {
    radius::Authenticator authenticator;
    authenticator.octets.fill(login.authenticator);
    PacketBuilder builder(radius::Code::access_request, login.identifier, authenticator);
    if (login.message_authenticator) builder.add_message_authenticator();
    if (!login.user.empty()) builder.add(radius::Type::user_name, login.user);
    if (!login.eap.empty()) builder.add(radius::Type::eap_message, login.eap);
    if (login.eap.empty() && !login.password.empty()) builder.add_password(key, login.password);
    if (!login.vendor.empty()) builder.add(radius::Type::vendor_specific, login.vendor);
    if (!login.calling_station.empty())
      builder.add(radius::Type::calling_station_id, login.calling_station);
    builder.add(radius::Type::nas_identifier, "gateway");
    if (!login.state.empty()) builder.add(radius::Type::state, login.state);
    for (const std::string& state : login.proxy_states)
      builder.add(radius::Type::proxy_state, state);
    return builder.sign_request(key);
  }
  void receive(const Bytes& datagram) {
    door().client_datagrams(now_, std::array{ClientDatagram{.path = path_, .octets = datagram}});
  }
  void receive(const Login& login) { receive(request(login)); }

  /// The downstream's reply to the request sent last.
  [[nodiscard]] PacketBuilder reply_to_last(radius::Code code) const {
    return PacketBuilder(code, outbox_.to_downstream.back().octets[1]);
  }
  void reply(radius::Code code, const std::vector<std::pair<radius::Type, Bytes>>& attributes = {},
             bool message_authenticator = true) {
    PacketBuilder builder = reply_to_last(code);
    if (message_authenticator) builder.add_message_authenticator();
    for (const auto& [type, value] : attributes) builder.add(type, value);
    deliver(builder.sign_response(*downstream_key_,
                                  authenticator_of(outbox_.to_downstream.back().octets)));
  }
  void deliver(const Bytes& datagram) {
    door().downstream_datagrams(
        now_, std::array{DownstreamDatagram{.link = outbox_.to_downstream.back().link,
                                            .source_port = outbox_.to_downstream.back().source_port,
                                            .octets = datagram}});
  }
  void accept() { reply(radius::Code::access_accept, {{radius::Type{25}, Bytes{'c', 'l', 'a'}}}); }
  void answer(verify::Verdict verdict, bool push_out = true) {
    verify::Answer answer;
    answer.ticket = outbox_.questions.back().ticket;
    answer.verdict = verdict;
    answer.push_out = push_out;
    door().verdict(now_, answer);
  }
  /// A login that the downstream accepts and the user is asked about.
  void ask(const Login& login = {}) {
    receive(login);
    if (login.eap.empty()) return accept();
    // With EAP only the name in the Access-Accept is asked.
    reply(radius::Code::access_accept,
          {{radius::Type::user_name, Bytes(login.user.begin(), login.user.end())}});
  }

  void pass_ms(std::uint64_t ms) { now_.monotonic_ns += ms * 1'000'000; }
  /// Moves the clock and runs every timer on its way at its time.
  void run_ms(std::uint64_t ms) {
    const std::uint64_t end_ms = now_.ms() + ms;
    for (auto next = door().next_deadline_ms(); next && *next <= end_ms;
         next = door().next_deadline_ms()) {
      now_.monotonic_ns = std::max(now_.monotonic_ns, *next * 1'000'000);
      door().advance(now_);
    }
    now_.monotonic_ns = std::max(now_.monotonic_ns, end_ms * 1'000'000);
    door().advance(now_);
  }

  [[nodiscard]] std::uint64_t drops(Drop reason) const {
    return metrics_.drops[static_cast<std::size_t>(reason)].value();
  }
  /// The last answer, checked: its authenticators prove the client's secret.
  [[nodiscard]] radius::PacketView last_answer(std::uint8_t authenticator = 1) const {
    return checked(outbox_.to_client.back().octets, *client_key_, authenticator);
  }
  [[nodiscard]] static radius::PacketView checked(const Bytes& octets, const radius::HopKey& key,
                                                  std::uint8_t authenticator) {
    const auto view = radius::PacketView::parse(octets);
    EXPECT_TRUE(view.has_value());
    radius::Authenticator of_request;
    of_request.octets.fill(authenticator);
    EXPECT_EQ(radius::verify_response(*view, key, of_request), radius::Authenticity::authentic);
    return *view;
  }

  LearnedAddresses learned_clients_;
  LearnedAddresses learned_downstreams_;
  DoorPlan plan_;
  config::Client client_{.name = "office",
                         .addresses = {*Prefix::parse("192.0.2.0/24")},
                         .secret = Secret("client secret")};
  DoorSettings settings_;  ///< without clients and plan: snapshot() adds them
  std::shared_ptr<const radius::HopKey> client_key_ =
      std::make_shared<const radius::HopKey>(Secret("client secret"));
  std::shared_ptr<const radius::HopKey> downstream_key_ =
      std::make_shared<const radius::HopKey>(Secret("downstream secret"));
  ClientPath path_{.source = *Endpoint::parse("192.0.2.7:49152", 0),
                   .local = *IpAddress::parse("192.0.2.1"),
                   .socket = 0};
  Now now_{.monotonic_ns = 1'000'000'000'000};
  RecordingOutbox outbox_;
  SeededRandom random_{1};
  RadiusMetrics metrics_;
  std::vector<std::shared_ptr<LinkMetrics>> link_metrics_;  ///< in the order of the servers
  std::unique_ptr<Door> door_;
};

}  // namespace sallyport::radius_door::testing
