#include "engine/radius/server.h"

#include <array>
#include <atomic>
#include <functional>
#include <semaphore>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "engine/ring/udp_socket.h"
#include "tests/engine/radius/allocation_counter.h"
#include "tests/engine/radius/packet_builder.h"

namespace sallyport::radius_door {
namespace {

using testing::Bytes;
using ::testing::HasSubstr;
using testing::PacketBuilder;

const char* const kClientSecret = "client secret";
const char* const kDownstreamSecret = "downstream secret";
const IpAddress kLoopback = IpAddress::v4(0x7f00'0001);

bool readable(int fd, int timeout_ms) {
  pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&ready, 1, timeout_ms) == 1;
}

/// A RADIUS server that accepts everyone, or says nothing.
class TestDownstream {
 public:
  explicit TestDownstream(const char* secret = kDownstreamSecret)
      : key_(Secret(std::string_view(secret))) {
    socket_ = ring::open_udp(kLoopback).value();
    EXPECT_TRUE(ring::bind_to(socket_, {.address = kLoopback, .port = 0}));
    thread_ = std::thread([this] { serve(); });
  }
  ~TestDownstream() {
    ending_ = true;
    const auto self = ring::open_udp(kLoopback).value();
    EXPECT_TRUE(ring::connect_to(self, ring::local_endpoint(socket_)));
    EXPECT_EQ(::send(self.get(), "", 0, 0), 0);
    thread_.join();
  }
  [[nodiscard]] std::uint16_t port() const { return ring::local_endpoint(socket_).port; }
  [[nodiscard]] int requests() const { return requests_; }
  std::atomic<bool> silent{false};

 private:
  void serve() {
    std::array<std::uint8_t, 4096> datagram;
    while (!ending_) {
      sockaddr_storage from{};
      socklen_t from_octets = sizeof(from);
      const ssize_t octets = ::recvfrom(socket_.get(), datagram.data(), datagram.size(), 0,
                                        reinterpret_cast<sockaddr*>(&from), &from_octets);
      if (octets < 20) continue;
      ++requests_;
      if (silent) continue;
      const auto request =
          radius::PacketView::parse(Octets(datagram).first(static_cast<std::size_t>(octets)));
      PacketBuilder reply(radius::Code::access_accept, request->identifier().value);
      reply.add_message_authenticator();
      for (const radius::Attribute attribute : *request) {
        if (attribute.type == radius::Type::proxy_state) reply.add(attribute.type, attribute.value);
      }
      const Bytes bytes = reply.sign_response(key_, request->authenticator());
      ::sendto(socket_.get(), bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&from),
               from_octets);
    }
  }

  radius::HopKey key_;
  ring::FileDescriptor socket_;
  std::atomic<int> requests_{0};
  std::atomic<bool> ending_{false};
  std::thread thread_;
};

/// Approves every question, on a thread of its own as verify does.
class ApprovingVerifier final : public verify::Verifier {
 public:
  explicit ApprovingVerifier(verify::VerdictSink& sink) : sink_(sink), questions_(1024) {
    thread_ = std::thread([this] { serve(); });
  }
  ~ApprovingVerifier() override {
    ending_ = true;
    waiting_.release();
    thread_.join();
  }
  [[nodiscard]] bool ask(const verify::Question& question) noexcept override {
    sallyport::testing::count_allocations_of_this_thread();
    ++asked;
    if (!questions_.try_push(question)) return false;
    waiting_.release();
    return true;
  }
  void release(verify::Ticket, const verify::JoinKey&, std::uint64_t) noexcept override {}

  std::atomic<int> asked{0};
  std::atomic<bool> silent{false};

 private:
  void serve() {
    while (waiting_.acquire(), !ending_) {
      verify::Question question;
      if (!questions_.try_pop(question) || silent) continue;
      const verify::Answer answer{.ticket = question.ticket,
                                  .verdict = verify::Verdict::approved,
                                  .push_out = true,
                                  .joined = false,
                                  .waited_ms = 1,
                                  .detail = {}};
      while (!sink_.deliver(answer)) std::this_thread::yield();
    }
  }

  verify::VerdictSink& sink_;
  verify::BoundedQueue<verify::Question> questions_;
  std::counting_semaphore<> waiting_{0};
  std::atomic<bool> ending_{false};
  std::thread thread_;
};

/// A NAS: one connected socket.
class TestClient {
 public:
  explicit TestClient(const Endpoint& server) : key_(Secret(std::string_view(kClientSecret))) {
    socket_ = ring::open_udp(server.address).value();
    EXPECT_TRUE(ring::connect_to(socket_, server));
  }
  [[nodiscard]] Bytes request(std::uint8_t identifier, std::uint64_t unique = 0) const {
    radius::Authenticator authenticator;
    authenticator.octets[0] = identifier;
    for (unsigned i = 0; i < 8; ++i) {
      authenticator.octets[8 + i] = static_cast<std::uint8_t>(unique >> (8 * i));
    }
    PacketBuilder builder(radius::Code::access_request, identifier, authenticator);
    builder.add_message_authenticator();
    builder.add(radius::Type::user_name, "user" + std::to_string(unique));
    builder.add_password(key_, "wonderland");
    return builder.sign_request(key_);
  }
  void send(const Bytes& datagram) const {
    EXPECT_EQ(::send(socket_.get(), datagram.data(), datagram.size(), 0),
              static_cast<ssize_t>(datagram.size()));
  }
  /// Empty: nothing came in time.
  [[nodiscard]] Bytes receive(int timeout_ms = 10'000) const {
    if (!readable(socket_.get(), timeout_ms)) return {};
    Bytes datagram(4096);
    const ssize_t octets = ::recv(socket_.get(), datagram.data(), datagram.size(), 0);
    datagram.resize(octets < 0 ? 0 : static_cast<std::size_t>(octets));
    return datagram;
  }
  [[nodiscard]] Bytes ask(const Bytes& datagram) const {
    send(datagram);
    return receive();
  }
  [[nodiscard]] bool is_authentic_accept(const Bytes& reply, const Bytes& request) const {
    const auto view = radius::PacketView::parse(reply);
    return view && view->code() == radius::Code::access_accept &&
           view->has(radius::Type::message_authenticator) &&
           verify_response(*view, key_, testing::authenticator_of(request)) ==
               radius::Authenticity::authentic;
  }

 private:
  radius::HopKey key_;
  ring::FileDescriptor socket_;
};

config::Config make_config(const TestDownstream& downstream, std::uint32_t shards,
                           const char* listen = "127.0.0.1:0") {
  config::Config config;
  config.radius.listen = {Endpoint::parse(listen, 0).value()};
  config.radius.shards = shards;
  config.radius.max_exchanges = 1024;
  config.clients.push_back(
      {.name = "lab",
       .addresses = {Prefix::parse("127.0.0.0/8").value(), Prefix::parse("::1").value()},
       .secret = Secret(std::string_view(kClientSecret))});
  config.downstream.host = "127.0.0.1";
  config.downstream.port = downstream.port();
  config.downstream.secret = Secret(std::string_view(kDownstreamSecret));
  config.downstream.max_source_ports = 8;
  return config;
}

class ServerTest : public ::testing::Test {
 protected:
  void open(const config::Config& config) {
    reactors_ = ring::Reactors::open(reactors_plan(config)).value();
    auto opened = RadiusServer::open(config, *reactors_, audit_, coa_audit_);
    ASSERT_TRUE(opened) << opened.error();
    server_ = std::move(*opened);
    verifier_ = std::make_unique<ApprovingVerifier>(server_->verdicts());
    server_->use(*verifier_);
    reactors_->start();
  }
  void stop(std::chrono::milliseconds grace) {
    server_->drain(grace);
    reactors_->stop();
  }
  void TearDown() override {
    if (reactors_) reactors_->stop();
    reactors_.reset();
    verifier_.reset();  // it may deliver until the end: before the server goes
  }
  [[nodiscard]] Endpoint listening() const { return server_->listening().front(); }
  [[nodiscard]] std::uint64_t sum(Counter RadiusMetrics::* counter) const {
    std::uint64_t total = 0;
    for (const RadiusMetrics* metrics : server_->metrics()) total += (metrics->*counter).value();
    return total;
  }
  static void wait_until(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline);
      std::this_thread::yield();
    }
  }

  TestDownstream downstream_;
  AuditQueue audit_{std::size_t{1} << 15};
  CoaAuditQueue coa_audit_{2};
  std::unique_ptr<ring::Reactors> reactors_;
  std::unique_ptr<RadiusServer> server_;
  std::unique_ptr<ApprovingVerifier> verifier_;
};

TEST_F(ServerTest, AnswersAndRepeatsTheSameOctets) {
  open(make_config(downstream_, 2));
  const TestClient client(listening());
  for (std::uint8_t identifier = 0; identifier < 4; ++identifier) {
    const Bytes request = client.request(identifier, identifier);
    const Bytes answer = client.ask(request);
    ASSERT_TRUE(client.is_authentic_accept(answer, request));
    EXPECT_EQ(client.ask(request), answer);
  }
  EXPECT_EQ(verifier_->asked, 4);
  EXPECT_EQ(downstream_.requests(), 4);
  wait_until([this] { return sum(&RadiusMetrics::datagrams_sent) == 12; });
  EXPECT_EQ(sum(&RadiusMetrics::datagrams_received), 12u);
  for (const RadiusMetrics* metrics : server_->metrics()) {
    EXPECT_EQ(metrics->requests.value(), 4u) << "each shard has half of the Identifiers";
  }
  stop(std::chrono::milliseconds(0));
}

TEST_F(ServerTest, AWildcardAnswersFromTheAddressAsked) {
  for (const char* listen : {"0.0.0.0:0", "[::]:0"}) {
    open(make_config(downstream_, 1, listen));
    const bool v4 = listening().address.is_v4();
    for (const char* asked : {v4 ? "127.0.0.2" : "::1", v4 ? "127.0.0.3" : "::1"}) {
      const TestClient client({IpAddress::parse(asked).value(), listening().port});
      const Bytes request = client.request(9, 9);
      EXPECT_TRUE(client.is_authentic_accept(client.ask(request), request)) << asked;
    }
    TearDown();
    server_.reset();
  }
}

TEST_F(ServerTest, AStoppedServerLeavesItsPortAtOnce) {
  config::Config config = make_config(downstream_, 2);
  open(config);
  config.radius.listen = {listening()};
  for (int round = 0; round < 3; ++round) {
    TearDown();
    server_.reset();
    open(config);
    const TestClient client(listening());
    const Bytes request = client.request(1, static_cast<std::uint64_t>(round));
    ASSERT_TRUE(client.is_authentic_accept(client.ask(request), request));
  }
}

TEST_F(ServerTest, StopWaitsForTheAnswersOwed) {
  open(make_config(downstream_, 2));
  downstream_.silent = true;
  const TestClient client(listening());
  const Bytes request = client.request(5, 5);
  client.send(request);
  wait_until([this] { return downstream_.requests() > 0; });
  std::thread stopper([this] { stop(std::chrono::minutes(1)); });
  // Taken only while not draining: once it is dropped, the server has begun to stop.
  std::uint64_t unique = 1000;
  wait_until([&] {
    client.send(client.request(6, unique++));
    std::uint64_t refused = 0;
    for (const RadiusMetrics* metrics : server_->metrics()) {
      refused += metrics->drops[static_cast<std::size_t>(Drop::draining)].value();
    }
    return refused > 0;
  });
  downstream_.silent = false;  // a retransmission of ours gets its reply
  stopper.join();
  Bytes answer;
  bool answered = false;
  while (!answered && !(answer = client.receive(0)).empty()) {
    answered = client.is_authentic_accept(answer, request);
  }
  EXPECT_TRUE(answered);
}

TEST_F(ServerTest, StopEndsInTimeWithQuestionsOpen) {
  open(make_config(downstream_, 2));
  verifier_->silent = true;
  const TestClient client(listening());
  for (std::uint8_t identifier = 0; identifier < 20; ++identifier) {
    client.send(client.request(identifier, identifier));
  }
  wait_until([this] { return verifier_->asked == 20; });
  stop(std::chrono::milliseconds(1));
}

TEST_F(ServerTest, ANeverStartedServerCloses) {
  const config::Config config = make_config(downstream_, 2);
  const auto reactors = ring::Reactors::open(reactors_plan(config)).value();
  const auto opened = RadiusServer::open(config, *reactors, audit_, coa_audit_);
  ASSERT_TRUE(opened) << opened.error();
}

TEST_F(ServerTest, ReloadMovesToAnotherDownstream) {
  config::Config config = make_config(downstream_, 2);
  open(config);
  const TestClient client(listening());
  for (std::uint8_t identifier = 0; identifier < 2; ++identifier) {
    const Bytes request = client.request(identifier, identifier);
    ASSERT_TRUE(client.is_authentic_accept(client.ask(request), request));
  }
  const int before = downstream_.requests();
  const TestDownstream other("another secret");
  config.downstream.port = other.port();
  config.downstream.secret = Secret(std::string_view("another secret"));
  const auto reloaded = server_->reload(config);
  ASSERT_TRUE(reloaded) << reloaded.error();
  for (std::uint8_t identifier = 2; identifier < 8; ++identifier) {
    // A request that overtakes the reload goes the old way, and is answered too.
    const Bytes request = client.request(identifier, identifier);
    ASSERT_TRUE(client.is_authentic_accept(client.ask(request), request));
  }
  EXPECT_EQ(downstream_.requests() - before + other.requests(), 6);
  EXPECT_GE(other.requests(), 4);
}

TEST_F(ServerTest, ReloadRefusesWhatCannotChange) {
  config::Config config = make_config(downstream_, 2);
  open(config);
  const auto expect_refused = [this](const config::Config& changed, const char* key) {
    const auto reloaded = server_->reload(changed);
    ASSERT_FALSE(reloaded) << key;
    EXPECT_THAT(reloaded.error(), HasSubstr(key));
  };
  config::Config changed = config;
  changed.radius.listen.push_back(Endpoint::parse("127.0.0.1:0", 0).value());
  expect_refused(changed, "radius.listen");
  changed = config;
  changed.radius.shards = 3;
  expect_refused(changed, "radius.shards");
  changed = config;
  changed.radius.max_exchanges = 2048;
  expect_refused(changed, "radius.max_exchanges");
  changed = config;
  changed.downstream.max_source_ports = 64;
  expect_refused(changed, "downstream.max_source_ports");
  changed = config;
  changed.downstream.source_address = IpAddress::parse("203.0.113.1").value();
  expect_refused(changed, "downstream.source_address");
  EXPECT_TRUE(server_->reload(config));
}

TEST_F(ServerTest, ADownstreamThatIsNotThereIsNotFatal) {
  config::Config config = make_config(downstream_, 1);
  {
    const TestDownstream gone;
    config.downstream.port = gone.port();
  }
  open(config);
  const TestClient client(listening());
  client.send(client.request(1, 1));
  // The ICMP error ends the receive; it is armed again and the next one ends it again.
  wait_until([&] {
    client.send(client.request(2, sum(&RadiusMetrics::requests)));
    return sum(&RadiusMetrics::send_errors) >= 5;
  });
}

TEST_F(ServerTest, OpenSaysWhatIsWrong) {
  config::Config config = make_config(downstream_, 1);
  config.downstream.host = "no-such-host.invalid";
  auto reactors = ring::Reactors::open(reactors_plan(config)).value();
  auto opened = RadiusServer::open(config, *reactors, audit_, coa_audit_);
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error(), HasSubstr("no-such-host.invalid"));

  config = make_config(downstream_, 1);
  config.downstream.source_address = IpAddress::parse("203.0.113.1").value();
  reactors = ring::Reactors::open(reactors_plan(config)).value();
  opened = RadiusServer::open(config, *reactors, audit_, coa_audit_);
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error(), HasSubstr("downstream.source_address"));
}

TEST_F(ServerTest, TheShardTakesNoMemoryForTenThousandRequests) {
  open(make_config(downstream_, 1));
  const TestClient client(listening());
  std::uint64_t unique = 0;
  const auto pass = [&](int requests) {
    for (int i = 0; i < requests; ++i, ++unique) {
      const Bytes request = client.request(static_cast<std::uint8_t>(unique), unique);
      ASSERT_TRUE(client.is_authentic_accept(client.ask(request), request)) << unique;
      AuditRecord record;
      while (audit_.try_pop(record)) {
      }
    }
  };
  pass(2'000);  // more than the exchange pool holds; from the first question on it is counted
  const std::uint64_t before = sallyport::testing::counted_allocations();
  pass(10'000);
  EXPECT_EQ(sallyport::testing::counted_allocations(), before);
}

}  // namespace
}  // namespace sallyport::radius_door
