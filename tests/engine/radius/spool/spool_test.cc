// The spool's thread between shards and an accounting server, both of the test.

#include "engine/radius/spool/spool.h"

#include <atomic>
#include <chrono>
#include <filesystem>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/ring/udp_socket.h"
#include "tests/engine/radius/packet_builder.h"

namespace sallyport::radius_door {
namespace {

using radius::Code;
using radius::Type;
using testing::Bytes;
using testing::PacketBuilder;

constexpr std::array<std::uint8_t, 8> kMark = {1, 2, 3, 4, 5, 6, 7, 8};
const IpAddress kClient = *IpAddress::parse("192.0.2.7");
const IpAddress kLoopback = *IpAddress::parse("127.0.0.1");

struct CountingSink final : StorageSink {
  bool deliver(const StorageAnswer& answer) noexcept override {
    (answer.stored ? stored : refused).fetch_add(1);
    return true;
  }
  std::atomic<std::uint32_t> stored{0};
  std::atomic<std::uint32_t> refused{0};
};

/// Acknowledges whatever comes, on its own thread.
class Server {
 public:
  explicit Server(const radius::HopKey& key) : key_(key), socket_(*ring::open_udp(kLoopback)) {
    EXPECT_TRUE(ring::bind_to(socket_, {.address = kLoopback, .port = 0}));
    thread_ = std::thread([this] { run(); });
  }
  ~Server() {
    stopping_ = true;
    thread_.join();
  }
  [[nodiscard]] Endpoint endpoint() const { return ring::local_endpoint(socket_); }
  [[nodiscard]] std::uint32_t received() const { return received_; }

 private:
  void run() {
    while (!stopping_) {
      pollfd polled{.fd = socket_.get(), .events = POLLIN, .revents = 0};
      if (::poll(&polled, 1, 20) <= 0) continue;
      Bytes request(radius::kMaxPacketOctets);
      sockaddr_storage peer{};
      socklen_t length = sizeof(peer);
      auto* const name = reinterpret_cast<sockaddr*>(&peer);
      const ssize_t octets =
          ::recvfrom(socket_.get(), request.data(), request.size(), 0, name, &length);
      if (octets < 20) continue;
      request.resize(static_cast<std::size_t>(octets));
      const auto view = radius::PacketView::parse(request);
      if (!view || radius::verify_request(*view, key_) != radius::Authenticity::authentic) continue;
      const Bytes reply = PacketBuilder(Code::accounting_response, request[1])
                              .sign_response(key_, testing::authenticator_of(request));
      ++received_;
      ::sendto(socket_.get(), reply.data(), reply.size(), 0, name, length);
    }
  }

  const radius::HopKey& key_;
  ring::FileDescriptor socket_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint32_t> received_{0};
  std::thread thread_;
};

class SpoolTest : public ::testing::Test {
 protected:
  SpoolTest() {
    settings_.spool = (std::filesystem::temp_directory_path() /
                       ("spool_test." + std::to_string(::getpid()) + "." +
                        ::testing::UnitTest::GetInstance()->current_test_info()->name()))
                          .string();
    remove();
  }
  ~SpoolTest() override { remove(); }
  void remove() const {
    for (const char* const suffix : {"", "-wal", "-shm"}) {
      std::filesystem::remove(settings_.spool + suffix);
    }
  }

  [[nodiscard]] std::unique_ptr<Spool> open(const Endpoint& server, std::size_t shards = 1) {
    auto opened = Spool::open(settings_, target(server), shards, kMark);
    EXPECT_TRUE(opened.has_value()) << opened.error();
    (*opened)->start(sink_);
    return std::move(*opened);
  }
  [[nodiscard]] SpoolTarget target(const Endpoint& server) const {
    return {.server = server,
            .source = std::nullopt,
            .key = server_key_,
            .clients = std::make_shared<const ClientTable>(std::vector<config::Client>{}),
            .retransmit_ms = 100};
  }
  void store(Spool& spool, std::uint16_t shard, std::uint32_t number) const {
    PacketBuilder builder(Code::accounting_request, static_cast<std::uint8_t>(number));
    builder.add(Type::acct_session_id, std::to_string(shard) + "." + std::to_string(number));
    const Bytes packet = builder.sign_request(*client_key_);
    while (!spool.store(shard, {.ticket = {number}, .client = kClient, .packet = packet})) {
      std::this_thread::yield();
    }
  }
  static void wait_until(const auto& condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!condition()) {
      ASSERT_LT(std::chrono::steady_clock::now(), end);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  config::Accounting settings_;
  CountingSink sink_;
  std::shared_ptr<const radius::HopKey> client_key_ =
      std::make_shared<const radius::HopKey>(Secret("client secret"));
  std::shared_ptr<const radius::HopKey> server_key_ =
      std::make_shared<const radius::HopKey>(Secret("server secret"));
};

TEST_F(SpoolTest, StoresFromAllShardsAtOnceAndDeliversEveryRecord) {
  constexpr std::uint32_t kEach = 300;
  const Server server(*server_key_);
  const auto spool = open(server.endpoint(), 3);
  std::vector<std::thread> shards;
  for (std::uint16_t shard = 0; shard < 3; ++shard) {
    shards.emplace_back([&, shard] {
      for (std::uint32_t i = 0; i < kEach; ++i) store(*spool, shard, i);
    });
  }
  for (std::thread& shard : shards) shard.join();
  wait_until([&] { return spool->metrics().delivered.value() == 3 * kEach; });
  EXPECT_EQ(sink_.stored, 3 * kEach);
  EXPECT_EQ(sink_.refused, 0U);
  EXPECT_GE(server.received(), 3 * kEach);
}

TEST_F(SpoolTest, WhatWaitsIsThereWhenItIsOpenedAgain) {
  const radius::HopKey other(Secret("another secret"));
  const Server deaf(other);  // its answers would not be believed, and it gives none
  {
    const auto spool = open(deaf.endpoint());
    for (std::uint32_t i = 0; i < 10; ++i) store(*spool, 0, i);
    wait_until([&] { return sink_.stored == 10; });
  }
  const Server server(*server_key_);
  const auto spool = open(server.endpoint());
  wait_until([&] { return spool->metrics().delivered.value() == 10; });
  EXPECT_EQ(deaf.received(), 0U);
}

TEST_F(SpoolTest, AnotherServerTakesOverWhatIsUnderWay) {
  const radius::HopKey other(Secret("another secret"));
  const Server deaf(other);
  const auto spool = open(deaf.endpoint());
  for (std::uint32_t i = 0; i < 10; ++i) store(*spool, 0, i);
  wait_until([&] { return spool->metrics().under_way.value() > 0; });
  const Server server(*server_key_);
  EXPECT_TRUE(spool->retarget(target(server.endpoint())));
  EXPECT_TRUE(spool->retarget(target(server.endpoint())));  // the sockets of the first are kept
  wait_until([&] { return spool->metrics().delivered.value() == 10; });
}

TEST_F(SpoolTest, OnlyOneProcessHasTheFile) {
  const Server server(*server_key_);
  const auto spool = open(server.endpoint());
  const auto second = Spool::open(settings_, target(server.endpoint()), 1, kMark);
  ASSERT_FALSE(second.has_value());
  EXPECT_NE(second.error().find("another process has the database open"), std::string::npos)
      << second.error();
}

}  // namespace
}  // namespace sallyport::radius_door
