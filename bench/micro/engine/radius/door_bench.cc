// A whole exchange through the door, from the client's datagram to the end of its duplicate window,
// with an Outbox that only counts. Every call is another request: the client's port moves on. The
// downstream's replies are signed beforehand, which FixedRandom makes possible.

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "bench/micro/fixed_random.h"
#include "bench/micro/hot_function.h"
#include "bench/micro/protocol/radius/sample_packets.h"
#include "engine/radius/door.h"
#include "protocol/check.h"
#include "protocol/radius/packet.h"

namespace sallyport::micro {
namespace {

using radius_door::AuditRecord;
using radius_door::ClientDatagram;
using radius_door::ClientPath;
using radius_door::Door;
using radius_door::DoorPlan;
using radius_door::DoorSettings;
using radius_door::DownstreamDatagram;

class CountingOutbox final : public radius_door::Outbox {
 public:
  void send_to_client(const ClientPath&, Octets datagram) noexcept override {
    ++answers;
    last_answer = radius::Code{datagram[0]};
  }
  void end_connection(std::uint16_t, radius_door::RadsecEnd) noexcept override {}
  void send_downstream(std::uint16_t, std::uint16_t source_port,
                       Octets datagram) noexcept override {
    ++forwarded;
    port = source_port;
    identifier = datagram[1];
    identifiers.push_back(identifier);
    std::copy_n(datagram.begin() + 4, authenticator.octets.size(), authenticator.octets.begin());
  }
  bool open_source_port(std::uint16_t) noexcept override { return true; }
  bool ask(const verify::Question& question) noexcept override {
    ticket = question.ticket;
    return true;
  }
  void release(verify::Ticket, const verify::JoinKey&, std::uint64_t) noexcept override {}
  bool store(const radius_door::StorageRequest&) noexcept override { return false; }
  bool audit(const AuditRecord&) noexcept override {
    ++audited;
    return true;
  }

  std::uint64_t answers = 0;
  std::uint64_t forwarded = 0;
  std::uint64_t audited = 0;
  radius::Code last_answer{};
  std::uint16_t port = 0;  ///< what was forwarded last, and the answer it waits for
  std::uint8_t identifier = 0;
  std::vector<std::uint8_t> identifiers;  ///< of all since it was cleared
  radius::Authenticator authenticator;
  verify::Ticket ticket;
};

/// A door of one client and one source port. Its windows end while it runs: some 500 answers are
/// kept at any time.
class DoorFixture {
 public:
  DoorFixture() {
    DoorPlan plan;
    plan.exchanges = 2'048;
    plan.max_source_ports = 1;
    plan.instance.fill(7);
    plan.learned_clients = &learned_clients_;
    plan.learned_downstreams = &learned_downstreams_;
    config::Client client;
    client.name = "office";
    client.addresses = {*Prefix::parse("192.0.2.0/24")};
    client.secret = Secret(hops_.client.secret());
    DoorSettings settings;
    settings.clients = std::make_shared<const radius_door::ClientTable>(std::vector{client});
    config::Downstream downstream;
    downstream.host = "radius.example";
    downstream.secret = Secret(hops_.downstream.secret());
    settings.plan = radius_door::DownstreamPlan(downstream);
    radius_door::DownstreamLinks links;
    links[0] = std::make_unique<radius_door::DownstreamLink>(
        plan.max_source_ports, std::make_shared<radius_door::LinkMetrics>());
    settings.duplicate_window_ms = 5'000;
    door_ = std::make_unique<Door>(plan, std::make_shared<const DoorSettings>(settings),
                                   std::move(links), outbox, random_, metrics, now_);
    path_.source = *Endpoint::parse("192.0.2.7:1024", 0);
    path_.local = *IpAddress::parse("192.0.2.1");
  }

  [[nodiscard]] const Hops& hops() const { return hops_; }

  /// Passes 10 ms and hands in a request from the next port.
  void receive_new(Octets request) {
    now_.monotonic_ns += 10'000'000;
    door_->advance(now_);
    path_.source.port = static_cast<std::uint16_t>(std::max(path_.source.port + 1, 1024));
    receive_again(request);
  }
  /// As many at once as there are in a turn under load, each from the next port; then all replies.
  void pass_through_at_once(std::uint32_t count, Octets request, const std::vector<Bytes>& all) {
    now_.monotonic_ns += std::uint64_t{count} * 10'000'000;
    door_->advance(now_);
    outbox.identifiers.clear();
    requests_.clear();
    for (std::uint32_t i = 0; i < count; ++i) {
      path_.source.port = static_cast<std::uint16_t>(std::max(path_.source.port + 1, 1024));
      requests_.push_back({.path = path_, .octets = request});
    }
    door_->client_datagrams(now_, requests_);
    replies_.clear();
    for (const std::uint8_t identifier : outbox.identifiers)
      replies_.push_back({.source_port = outbox.port, .octets = all[identifier]});
    door_->downstream_datagrams(now_, replies_);
  }
  void receive_again(Octets request) {
    outbox.identifiers.clear();
    door_->client_datagrams(now_, std::array{ClientDatagram{.path = path_, .octets = request}});
  }
  void reply(Octets reply) {
    door_->downstream_datagrams(
        now_, std::array{DownstreamDatagram{.source_port = outbox.port, .octets = reply}});
  }
  void approve() {
    verify::Answer answer;
    answer.ticket = outbox.ticket;
    answer.verdict = verify::Verdict::approved;
    answer.push_out = true;
    door_->verdict(now_, answer);
  }

  CountingOutbox outbox;
  radius_door::RadiusMetrics metrics;

 private:
  Hops hops_;
  radius_door::LearnedAddresses learned_clients_;
  radius_door::LearnedAddresses learned_downstreams_;
  FixedRandom random_;
  radius_door::Now now_{.monotonic_ns = 1'000'000'000'000};
  ClientPath path_;
  std::vector<ClientDatagram> requests_;
  std::vector<DownstreamDatagram> replies_;
  std::unique_ptr<Door> door_;
};

using MakeReply = Bytes (*)(const radius::HopKey&, const Answered&);

/// One for each Identifier, all to the same authenticator: that of the request sent last.
std::vector<Bytes> replies(DoorFixture& door, MakeReply make) {
  std::vector<Bytes> all;
  all.reserve(256);
  for (unsigned identifier = 0; identifier < 256; ++identifier)
    all.push_back(make(door.hops().downstream, {.identifier = static_cast<std::uint8_t>(identifier),
                                                .authenticator = door.outbox.authenticator}));
  return all;
}

Calls pass_through() {
  auto door = std::make_unique<DoorFixture>();
  Bytes request = pap_request(door->hops().client);
  door->receive_new(request);
  auto rejects = replies(*door, reject_reply);
  return [door = std::move(door), request = std::move(request),
          rejects = std::move(rejects)](std::uint32_t calls) {
    for (std::uint32_t i = 0; i < calls; ++i) {
      const std::uint64_t answers = door->outbox.answers;
      door->receive_new(request);
      door->reply(rejects[door->outbox.identifier]);
      CHECK(door->outbox.answers == answers + 1);
    }
    CHECK(door->outbox.last_answer == radius::Code::access_reject);
  };
}

/// Datagrams of a turn under load.
constexpr std::uint32_t kAtOnce = 32;

/// The same under load: what a turn brings goes through side by side.
Calls pass_through_at_once() {
  auto door = std::make_unique<DoorFixture>();
  Bytes request = pap_request(door->hops().client);
  door->receive_new(request);
  auto rejects = replies(*door, reject_reply);
  return [door = std::move(door), request = std::move(request),
          rejects = std::move(rejects)](std::uint32_t calls) {
    const std::uint64_t answers = door->outbox.answers;
    for (std::uint32_t left = calls; left > 0;) {
      const std::uint32_t count = std::min(left, kAtOnce);
      door->pass_through_at_once(count, request, rejects);
      left -= count;
    }
    CHECK(door->outbox.answers == answers + calls);
    CHECK(door->outbox.last_answer == radius::Code::access_reject);
  };
}

Calls accounting() {
  auto door = std::make_unique<DoorFixture>();
  // Its authenticator is computed over the Identifier too: each reply is signed for its own.
  Bytes request = accounting_request(door->hops().client);
  std::vector<Bytes> responses(256);
  for (unsigned i = 0; i < 256; ++i) {
    door->receive_new(request);
    const std::uint8_t identifier = door->outbox.identifier;
    responses[identifier] =
        accounting_reply(door->hops().downstream,
                         {.identifier = identifier, .authenticator = door->outbox.authenticator});
    door->reply(responses[identifier]);
  }
  return [door = std::move(door), request = std::move(request),
          responses = std::move(responses)](std::uint32_t calls) {
    for (std::uint32_t i = 0; i < calls; ++i) {
      const std::uint64_t answers = door->outbox.answers;
      door->receive_new(request);
      door->reply(responses[door->outbox.identifier]);
      CHECK(door->outbox.answers == answers + 1);
    }
    CHECK(door->outbox.last_answer == radius::Code::accounting_response);
  };
}

Calls second_factor_approved() {
  auto door = std::make_unique<DoorFixture>();
  Bytes request = pap_request(door->hops().client);
  door->receive_new(request);
  auto accepts = replies(*door, accept_reply);
  return [door = std::move(door), request = std::move(request),
          accepts = std::move(accepts)](std::uint32_t calls) {
    for (std::uint32_t i = 0; i < calls; ++i) {
      const std::uint64_t answers = door->outbox.answers;
      door->receive_new(request);
      door->reply(accepts[door->outbox.identifier]);
      door->approve();
      CHECK(door->outbox.answers == answers + 1);
    }
    CHECK(door->outbox.last_answer == radius::Code::access_accept);
  };
}

Calls duplicate_answered() {
  auto door = std::make_unique<DoorFixture>();
  Bytes request = pap_request(door->hops().client);
  door->receive_new(request);
  door->reply(replies(*door, reject_reply)[door->outbox.identifier]);
  return [door = std::move(door), request = std::move(request)](std::uint32_t calls) {
    const std::uint64_t answered = door->metrics.duplicates_answered.value();
    for (std::uint32_t i = 0; i < calls; ++i) door->receive_again(request);
    CHECK(door->metrics.duplicates_answered.value() == answered + calls);
    CHECK(door->outbox.last_answer == radius::Code::access_reject);
  };
}

}  // namespace

void add_door(HotFunctions& all) {
  all.push_back({"door/pass_through", [] { return pass_through(); }});
  all.push_back({"door/pass_through/32_at_once", [] { return pass_through_at_once(); }});
  all.push_back({"door/accounting", [] { return accounting(); }});
  all.push_back({"door/second_factor_approved", [] { return second_factor_approved(); }});
  all.push_back({"door/duplicate_answered", [] { return duplicate_answered(); }});
}

}  // namespace sallyport::micro
