// Nothing on the packet path touches the heap: every allocation is counted while a door is driven
// through all that can happen to a request.

#include <array>

#include <gtest/gtest.h>

#include "engine/radius/door.h"
#include "tests/engine/radius/allocation_counter.h"
#include "tests/engine/radius/downstream_testing.h"
#include "tests/engine/radius/packet_builder.h"

namespace sallyport::radius_door {
namespace {

using radius::Code;
using radius::Type;
using testing::Bytes;
using testing::PacketBuilder;

/// Remembers the last of everything in memory of its own.
struct LastOutbox final : Outbox {
  void send_to_client(const ClientPath&, Octets) noexcept override { ++answers; }
  void end_connection(std::uint16_t, RadsecEnd) noexcept override {}
  void send_downstream(std::uint16_t, std::uint16_t source_port,
                       Octets datagram) noexcept override {
    port = source_port;
    octets = datagram.size();
    std::copy(datagram.begin(), datagram.end(), sent.begin());
  }
  bool open_source_port(std::uint16_t) noexcept override { return true; }
  bool ask(const verify::Question& question) noexcept override {
    ticket = question.ticket;
    return true;
  }
  void release(verify::Ticket, const verify::JoinKey&, std::uint64_t) noexcept override {}
  verify::Challenges* challenges() noexcept override { return desk; }
  bool store(const StorageRequest&) noexcept override { return false; }
  bool audit(const AuditRecord&) noexcept override { return true; }

  std::array<std::uint8_t, radius::kMaxPacketOctets> sent{};
  std::size_t octets = 0;
  std::uint16_t port = 0;
  verify::Ticket ticket;
  verify::Challenges* desk = nullptr;
  unsigned answers = 0;
};

/// Holds one login.
struct OnePlace final : verify::Challenges {
  std::optional<verify::ChallengeState> hold(const verify::HeldLogin& held_login,
                                             RandomSource&) noexcept override {
    login = held_login;
    return verify::ChallengeState{};
  }
  bool redeem(const verify::TypedCode& typed) noexcept override {
    ticket = typed.ticket;
    return true;
  }
  const verify::HeldLogin& held(std::uint32_t) const noexcept override { return login; }
  void let_go(std::uint32_t) noexcept override { login.wanted_groups.reset(); }

  verify::HeldLogin login{};
  verify::Ticket ticket;
};

class CountingRandom final : public RandomSource {
 public:
  void fill(MutableOctets out) noexcept override {
    for (std::uint8_t& octet : out) octet = static_cast<std::uint8_t>(state_ += 0x9d);
  }

 private:
  std::uint32_t state_ = 1;
};

/// Signs in place: the reply to what was sent last, without the heap.
std::size_t write_reply(Code code, const LastOutbox& outbox, const radius::HopKey& key,
                        MutableOctets out) {
  const std::uint8_t header[] = {static_cast<std::uint8_t>(code), outbox.sent[1], 0, 20};
  std::copy_n(header, 4, out.begin());
  const radius::Authenticator request = testing::authenticator_of(outbox.sent);
  std::copy(request.octets.begin(), request.octets.end(), out.begin() + 4);
  const radius::Authenticator answer = key.response_authenticator(out.first(20), request);
  std::copy(answer.octets.begin(), answer.octets.end(), out.begin() + 4);
  return 20;
}

constexpr std::size_t kRequests = 256;

std::vector<Bytes> logins(const radius::HopKey& client_key) {
  std::vector<Bytes> requests;
  for (std::size_t i = 0; i < kRequests; ++i) {
    radius::Authenticator authenticator;
    authenticator.octets.fill(static_cast<std::uint8_t>(i));
    requests.push_back(
        PacketBuilder(Code::access_request, static_cast<std::uint8_t>(i), authenticator)
            .add_message_authenticator()
            .add(Type::user_name, "alice")
            .add_password(client_key, "wonderland")
            .add(Type::nas_ip_address, Bytes{192, 0, 2, 9})
            .add(Type::reply_message, Bytes(200 + 50 * (i % 2)))
            .sign_request(client_key));
  }
  return requests;
}

TEST(Allocation, NoneWhileADirectoryIsAsked) {
  const radius::HopKey client_key(Secret("client"));
  const auto downstream_key = std::make_shared<const radius::HopKey>(Secret("downstream"));
  LearnedAddresses clients, downstreams;
  RadiusMetrics metrics;
  LastOutbox outbox;
  OnePlace desk;
  outbox.desk = &desk;
  CountingRandom random;
  DoorSettings settings;
  settings.second_factor.directory_groups = true;
  settings.policies =
      PolicyTable({{.name = "a", .groups = {"a"}, .action = config::PolicyAction::exempt},
                   {.name = "b", .groups = {"b"}, .action = config::PolicyAction::deny},
                   {.name = "c", .groups = {"c"}, .action = config::PolicyAction::otp}},
                  settings.second_factor, {});
  settings.clients = std::make_shared<const ClientTable>(
      std::vector{config::Client{.name = "office",
                                 .addresses = {*Prefix::parse("192.0.2.0/24")},
                                 .secret = Secret("client")}});
  settings.plan = testing::plan_of({}, *downstream_key);
  Now now{.monotonic_ns = 1'000'000'000};
  DoorPlan plan;
  plan.exchanges = 128;
  plan.learned_clients = &clients;
  plan.learned_downstreams = &downstreams;
  DownstreamLinks links = testing::links_to(settings.plan, plan.max_source_ports);
  Door door(plan, std::make_shared<const DoorSettings>(settings), std::move(links), outbox, random,
            metrics, now);
  const std::vector<Bytes> requests = logins(client_key);
  ClientPath path;
  path.source = *Endpoint::parse("192.0.2.1:4000", 0);

  sallyport::testing::count_allocations_of_this_thread();
  const std::uint64_t before = sallyport::testing::counted_allocations();
  for (std::size_t i = 0; i < kRequests; ++i) {
    door.client_datagrams(now, std::array{ClientDatagram{.path = path, .octets = requests[i]}});
    std::array<std::uint8_t, 64> reply;
    const std::size_t octets = write_reply(Code::access_accept, outbox, *downstream_key, reply);
    door.downstream_datagrams(
        now, std::array{DownstreamDatagram{.source_port = outbox.port,
                                           .octets = Octets(reply).first(octets)}});
    verify::CodeAnswer answer{.ticket = desk.ticket, .place = 0};
    desk.login.groups.spelled_alike = true;
    if (i % 5 < 3 && desk.login.groups.add(static_cast<std::uint32_t>(i % 5)))
      answer.verdict = verify::CodeVerdict::groups_known;
    if (i % 5 == 3) answer.verdict = verify::CodeVerdict::groups_known;  // in none: the phone
    door.code_checked(now, answer);
    now.monotonic_ns += 3'000'000;
    door.advance(now);
  }
  sallyport::testing::count_allocations_of_this_thread(false);
  EXPECT_EQ(sallyport::testing::counted_allocations(), before);
  EXPECT_GT(metrics.accepts.value(), 50u);
  EXPECT_GT(metrics.rejects.value(), 100u);
  EXPECT_GT(metrics.challenges.value(), 50u);
  EXPECT_GT(metrics.questions.value(), 50u);
}

TEST(Allocation, NoneAfterConstruction) {
  const radius::HopKey client_key(Secret("client"));
  const auto downstream_key = std::make_shared<const radius::HopKey>(Secret("downstream"));
  LearnedAddresses clients, downstreams;
  RadiusMetrics metrics;
  LastOutbox outbox;
  CountingRandom random;
  DoorSettings settings;
  config::Client client;
  client.name = "office";
  client.addresses = {*Prefix::parse("192.0.2.0/24")};
  client.secret = Secret("client");
  settings.clients = std::make_shared<const ClientTable>(std::vector{client});
  settings.plan = testing::plan_of({}, *downstream_key);
  Now now{.monotonic_ns = 1'000'000'000};
  DoorPlan plan;
  plan.exchanges = 128;  // smaller than what passes: kept answers are evicted too
  plan.learned_clients = &clients;
  plan.learned_downstreams = &downstreams;
  DownstreamLinks links = testing::links_to(settings.plan, plan.max_source_ports);
  Door door(plan, std::make_shared<const DoorSettings>(settings), std::move(links), outbox, random,
            metrics, now);

  const std::vector<Bytes> requests = logins(client_key);
  ClientPath path;
  path.source = *Endpoint::parse("192.0.2.1:4000", 0);

  sallyport::testing::count_allocations_of_this_thread();
  const std::uint64_t before = sallyport::testing::counted_allocations();
  for (unsigned round = 0; round < 20; ++round) {
    path.source.port = static_cast<std::uint16_t>(4'000 + round);
    for (std::size_t i = 0; i < kRequests; ++i) {
      door.client_datagrams(now, std::array{ClientDatagram{.path = path, .octets = requests[i]}});
      std::array<std::uint8_t, 64> reply;
      const Code code = i % 4 == 0   ? Code::access_reject
                        : i % 4 == 1 ? Code::access_challenge
                                     : Code::access_accept;
      if (i % 8 == 7) continue;  // left to retransmission, then to its time-out
      const std::size_t octets = write_reply(code, outbox, *downstream_key, reply);
      door.downstream_datagrams(
          now, std::array{DownstreamDatagram{.source_port = outbox.port,
                                             .octets = Octets(reply).first(octets)}});
      if (code == Code::access_accept) {
        verify::Answer answer;
        answer.ticket = outbox.ticket;
        answer.verdict = static_cast<verify::Verdict>(i % verify::kVerdicts);
        door.verdict(now, answer);
      }
      door.client_datagrams(
          now, std::array{ClientDatagram{.path = path, .octets = requests[i]}});  // a duplicate
      now.monotonic_ns += 3'000'000;
      door.advance(now);
    }
  }
  sallyport::testing::count_allocations_of_this_thread(false);
  EXPECT_EQ(sallyport::testing::counted_allocations(), before);
  EXPECT_GT(outbox.answers, 3'000u);
  EXPECT_GT(metrics.accepts.value(), 100u);
  EXPECT_GT(metrics.rejects.value(), 100u);
  EXPECT_GT(metrics.retransmitted.value(), 0u);
  EXPECT_GT(metrics.downstream_timeouts.value(), 0u);
  EXPECT_GT(metrics.evicted.value(), 0u);
}

}  // namespace
}  // namespace sallyport::radius_door
