#include "engine/ring/ring.h"

#include <array>
#include <chrono>
#include <cstring>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include "engine/ring/receive_buffers.h"
#include "engine/ring/send_slots.h"
#include "engine/ring/udp_socket.h"

namespace sallyport::ring {
namespace {

constexpr std::uint32_t kServerFile = 0;
constexpr std::uint16_t kGroup = 3;
constexpr Tag kReceive{.operation = Operation::receive_message, .generation = 5, .index = 0};
constexpr Tag kCancel{.operation = Operation::cancel};

const IpAddress kLoopback = IpAddress::v4(0x7f00'0001);

/// A ring that receives on one bound socket, and a plain client connected to it.
class RingTest : public ::testing::Test {
 protected:
  void open(std::uint32_t buffers, const IpAddress& address = kLoopback) {
    auto ring = Ring::open({.submission_entries = 16, .completion_entries = 256, .files = 2});
    ASSERT_TRUE(ring) << ring.error();
    ring_ = std::move(*ring);
    auto opened = ReceiveBuffers::open(*ring_, kGroup, buffers, 4352);
    ASSERT_TRUE(opened) << opened.error();
    buffers_ = std::move(*opened);
    slots_ = std::make_unique<SendSlots>(*ring_, 8);

    auto server = open_udp(address);
    ASSERT_TRUE(server && bind_to(*server, {.address = address, .port = 0}));
    server_ = std::move(*server);
    auto client = open_udp(address);
    ASSERT_TRUE(client && connect_to(*client, local_endpoint(server_)));
    client_ = std::move(*client);
    ASSERT_TRUE(ring_->register_file(kServerFile, server_.get()));
    ring_->enable();
  }

  void arm() {
    layout_ = message_layout();
    ring_->receive_messages(kServerFile, layout_, kGroup, kReceive);
  }
  void client_sends(const std::string& text) {
    ASSERT_EQ(::send(client_.get(), text.data(), text.size(), 0),
              static_cast<ssize_t>(text.size()));
  }
  std::string client_receives() {
    pollfd ready{.fd = client_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, 10'000) != 1) return "nothing came";
    std::array<char, 5000> text{};
    const ssize_t octets = ::recv(client_.get(), text.data(), text.size(), 0);
    return octets < 0 ? "error" : std::string(text.data(), static_cast<std::size_t>(octets));
  }

  /// Waits for at least one completion.
  std::span<const Completion> harvest() {
    std::size_t count = 0;
    slots_->flush();
    while (count == 0) {
      ring_->submit_and_wait(10'000'000'000);
      count = ring_->harvest(completions_);
    }
    return std::span(completions_).first(count);
  }

  std::unique_ptr<ReceiveBuffers> buffers_;
  std::unique_ptr<Ring> ring_;
  std::unique_ptr<SendSlots> slots_;
  FileDescriptor server_;
  FileDescriptor client_;
  msghdr layout_{};
  std::array<Completion, 256> completions_;
};

TEST(Tag, KeepsItsPartsApart) {
  const Tag tag{.operation = Operation::wake_event, .generation = 0xabcdef, .index = 0x12345678};
  EXPECT_EQ(Tag::unpack(tag.pack()), tag);
  const Tag other{.operation = Operation::wake_event, .generation = 0xabcdee, .index = 0x12345678};
  EXPECT_NE(other.pack(), tag.pack());
}

TEST_F(RingTest, EchoesWhatItReceives) {
  open(8);
  arm();
  int echoed = 0;
  for (const std::string text : {"first", "second", "third"}) {
    client_sends(text);
    for (const Completion& completion : harvest()) {
      ASSERT_EQ(completion.tag, kReceive);
      ASSERT_TRUE(completion.more());
      const auto id = completion.buffer();
      ASSERT_TRUE(id);
      const auto datagram =
          read_message(buffers_->take(*id, static_cast<std::size_t>(completion.result)));
      ASSERT_TRUE(datagram);
      EXPECT_EQ(datagram->source, local_endpoint(client_));
      EXPECT_EQ(datagram->local, kLoopback);
      EXPECT_EQ(as_text(datagram->payload), text);
      EXPECT_TRUE(
          slots_->send_to(kServerFile, datagram->source, &datagram->local, datagram->payload));
      buffers_->give_back(*id);
      buffers_->publish();
      ++echoed;
    }
    slots_->flush();
    ring_->submit();
    EXPECT_EQ(client_receives(), text);
  }
  EXPECT_EQ(echoed, 3);
}

TEST_F(RingTest, RecoversWhenDatagramsOutnumberBuffers) {
  open(4);
  arm();
  ring_->submit();
  constexpr int kDatagrams = 50;
  for (int i = 0; i < kDatagrams; ++i) client_sends(std::to_string(i));

  int received = 0;
  int starved = 0;
  while (received < kDatagrams) {
    bool ended = false;
    for (const Completion& completion : harvest()) {
      if (const auto id = completion.buffer()) {
        const auto datagram =
            read_message(buffers_->take(*id, static_cast<std::size_t>(completion.result)));
        ASSERT_TRUE(datagram);
        EXPECT_EQ(as_text(datagram->payload), std::to_string(received++));
        buffers_->give_back(*id);
      }
      if (completion.more()) continue;
      ended = true;
      if (completion.result == -ENOBUFS) ++starved;
    }
    buffers_->publish();
    if (ended) arm();
  }
  EXPECT_GT(starved, 0);
  EXPECT_EQ(buffers_->out(), 0u);
}

TEST_F(RingTest, EveryBufferIsHomeAfterCancel) {
  open(8);
  arm();
  for (int i = 0; i < 3; ++i) client_sends("x");
  bool ended = false;
  bool canceled = false;
  int received = 0;
  ring_->submit_and_wait(10'000'000'000);
  ring_->cancel_all(kCancel);
  while (!ended || !canceled) {
    for (const Completion& completion : harvest()) {
      canceled |= completion.tag == kCancel;
      if (completion.tag != kReceive) continue;
      if (const auto id = completion.buffer()) {
        static_cast<void>(buffers_->take(*id, static_cast<std::size_t>(completion.result)));
        EXPECT_EQ(buffers_->out(), 1u);
        buffers_->give_back(*id);
        ++received;
      }
      ended |= !completion.more();
    }
  }
  EXPECT_EQ(received, 3);
  EXPECT_EQ(buffers_->out(), 0u);
  ring_->retire();
}

TEST_F(RingTest, GivingABufferBackTwiceIsFatal) {
  open(8);
  static_cast<void>(buffers_->take(2, 10));
  buffers_->give_back(2);
  EXPECT_DEATH(buffers_->give_back(2), "CHECK");
  static_cast<void>(buffers_->take(2, 10));
  EXPECT_DEATH(static_cast<void>(buffers_->take(2, 10)), "CHECK");
}

TEST_F(RingTest, RetireFreesThePortAtOnce) {
  open(8);
  const Endpoint bound = local_endpoint(server_);
  server_.reset();
  ring_->retire();
  const auto again = open_udp(kLoopback);
  EXPECT_TRUE(bind_to(*again, bound));
}

TEST_F(RingTest, AnUnusedRingFreesThePortAtOnce) {
  auto ring = Ring::open({.submission_entries = 8, .completion_entries = 16, .files = 1});
  ASSERT_TRUE(ring) << ring.error();
  auto socket = open_udp(kLoopback);
  ASSERT_TRUE(bind_to(*socket, {.address = kLoopback, .port = 0}));
  const Endpoint bound = local_endpoint(*socket);
  ASSERT_TRUE((*ring)->register_file(0, socket->get()));
  socket->reset();
  ring->reset();
  EXPECT_TRUE(bind_to(*open_udp(kLoopback), bound));
}

TEST_F(RingTest, TheWaitEndsAtItsDeadlineAndNotBefore) {
  open(8);
  arm();
  const auto begin = std::chrono::steady_clock::now();
  ring_->submit_and_wait(20'000'000);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(20));
  EXPECT_EQ(ring_->harvest(completions_), 0u);
  ring_->submit_and_wait(0);
  EXPECT_EQ(ring_->harvest(completions_), 0u);
}

TEST_F(RingTest, WaitsForCompanyButNotForLong) {
  constexpr std::uint32_t kMinTimeout = std::uint32_t{1} << 15;  // IORING_FEAT_MIN_TIMEOUT
  open(8);
  if ((ring_->raw().features & kMinTimeout) == 0) GTEST_SKIP() << "needs Linux 6.12";
  arm();
  client_sends("first");
  std::thread later([this] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    client_sends("second");
  });
  ring_->submit_and_wait(std::nullopt, {.completions = 2, .wait_us = 20'000'000});
  later.join();
  EXPECT_EQ(ring_->harvest(completions_), 2u);
  client_sends("third");
  ring_->submit_and_wait(std::nullopt, {.completions = 2, .wait_us = 1000});
  EXPECT_EQ(ring_->harvest(completions_), 1u);
  ring_->submit_and_wait(1'000'000, {.completions = 2, .wait_us = 1000});  // nobody at all
  EXPECT_EQ(ring_->harvest(completions_), 0u);
}

TEST_F(RingTest, WaitsForNoCompanyWhereEnoughAreThere) {
  constexpr std::uint32_t kAnHourUs = 3'600'000'000;
  open(8);
  arm();
  ring_->submit();
  client_sends("one");
  client_sends("two");
  ring_->submit_and_wait(std::nullopt, {.completions = 4, .wait_us = kAnHourUs, .enough = 2});
  EXPECT_EQ(ring_->harvest(completions_), 2u);
}

TEST_F(RingTest, ASlotIsFreeOnceItIsSubmitted) {
  open(8);
  ASSERT_TRUE(connect_to(server_, local_endpoint(client_)));
  // Eight slots, forty datagrams: each slot is overwritten four times. Were a send not over when it
  // is submitted, datagrams would come out changed.
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(slots_->send(kServerFile, as_octets(std::to_string(i))));
  slots_->flush();
  ring_->submit();
  for (int i = 0; i < 40; ++i) EXPECT_EQ(client_receives(), std::to_string(i));
  EXPECT_EQ(ring_->harvest(completions_), 0u) << "success posts no completion";
}

TEST_F(RingTest, AFullSocketBufferRefusesAndNeverWaits) {
  // Local datagrams, since UDP over loopback drops at the receiver and never fills the sender.
  open(8);
  int ends[2] = {-1, -1};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
  const FileDescriptor near(ends[0]);
  const FileDescriptor far(ends[1]);
  ASSERT_TRUE(ring_->register_file(1, near.get()));
  std::size_t refused = 0;
  std::size_t sent = 0;
  while (refused == 0) {
    ASSERT_TRUE(slots_->send(1, as_octets(std::to_string(sent++))));
    slots_->flush();
    ring_->submit();
    ASSERT_EQ(ring_->unsubmitted(), 0u);
    ring_->submit_and_wait(0);
    const std::size_t count = ring_->harvest(completions_);
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_EQ(completions_[i].tag.operation, Operation::send);
      EXPECT_EQ(completions_[i].result, -EAGAIN);
      ++refused;
    }
  }
  // What was taken is unchanged, though all of it went through the same slots.
  for (std::size_t i = 0; i + 1 < sent; ++i) {
    std::array<char, 32> text{};
    const ssize_t octets = ::recv(far.get(), text.data(), text.size(), MSG_DONTWAIT);
    ASSERT_GT(octets, 0);
    EXPECT_EQ(std::string(text.data(), static_cast<std::size_t>(octets)), std::to_string(i));
  }
}

TEST_F(RingTest, ARefusedSendNamesItsSlot) {
  open(8);
  const Endpoint nowhere{.address = IpAddress::v4(0x7f00'0001), .port = 0};
  ASSERT_TRUE(slots_->send_to(kServerFile, nowhere, nullptr, as_octets("x")));
  const auto completions = harvest();
  ASSERT_EQ(completions.size(), 1u);
  EXPECT_EQ(completions[0].tag, (Tag{.operation = Operation::send, .generation = 1, .index = 0}));
  EXPECT_EQ(completions[0].result, -EINVAL);
  EXPECT_EQ(slots_->refused(completions[0]), 1u) << "one datagram was lost";
}

TEST_F(RingTest, ADatagramLongerThanASlotIsRefused) {
  open(8);
  const std::string longest(SendSlots::kPayloadOctets, 'x');
  EXPECT_TRUE(slots_->send_to(kServerFile, local_endpoint(client_), nullptr, as_octets(longest)));
  EXPECT_FALSE(
      slots_->send_to(kServerFile, local_endpoint(client_), nullptr, as_octets(longest + "x")));
}

TEST_F(RingTest, ACompletionRingThatOverflowsLosesNothing) {
  open(8);
  constexpr std::size_t kCancels = 600;  // the ring holds 256
  for (std::uint32_t i = 0; i < kCancels; ++i) {
    ring_->cancel(kReceive, {.operation = Operation::cancel, .generation = 0, .index = i});
  }
  std::vector<bool> seen(kCancels, false);
  for (std::size_t total = 0; total < kCancels;) {
    for (const Completion& completion : harvest()) {
      ASSERT_FALSE(seen.at(completion.tag.index));
      seen[completion.tag.index] = true;
      ++total;
    }
  }
  EXPECT_GT(ring_->overflows(), 0u);
}

TEST_F(RingTest, AnswersFromTheAddressThatWasAsked) {
  open(8, IpAddress::v4(0));
  const auto bound = local_endpoint(server_);
  arm();
  for (const std::uint32_t asked : {0x7f00'0002u, 0x7f00'0003u}) {
    const Endpoint target{.address = IpAddress::v4(asked), .port = bound.port};
    // Connected: the kernel hands over only what comes from the address that was asked.
    ASSERT_TRUE(connect_to(client_, target));
    client_sends("who");
    const auto completions = harvest();
    ASSERT_EQ(completions.size(), 1u);
    const std::uint16_t id = completions[0].buffer().value();
    const auto datagram =
        read_message(buffers_->take(id, static_cast<std::size_t>(completions[0].result)));
    ASSERT_TRUE(datagram);
    EXPECT_EQ(datagram->local, target.address);
    ASSERT_TRUE(slots_->send_to(kServerFile, datagram->source, &datagram->local, as_octets("me")));
    slots_->flush();
    ring_->submit();
    EXPECT_EQ(client_receives(), "me");
    buffers_->give_back(id);
    buffers_->publish();
  }
}

TEST(ReadMessage, RefusesWhatIsShortOrInconsistent) {
  std::array<std::uint8_t, 16 + kNameOctets + kControlOctets + 8> buffer{};
  EXPECT_FALSE(read_message({}));
  EXPECT_FALSE(read_message(Octets(buffer).first(buffer.size() - 9)));
  EXPECT_FALSE(read_message(buffer)) << "no name";

  const auto put = [&buffer](std::size_t at, std::uint32_t value) {
    std::memcpy(buffer.data() + at, &value, sizeof(value));
  };
  put(0, sizeof(sockaddr_in));  // namelen
  buffer[16] = AF_INET;
  EXPECT_FALSE(read_message(buffer)) << "no packet info";
  put(4, kControlOctets + 1);
  EXPECT_FALSE(read_message(buffer)) << "control longer than its room";
  put(4, kControlOctets);
  const std::uint64_t length = ~std::uint64_t{0};
  std::memcpy(buffer.data() + 16 + kNameOctets, &length, sizeof(length));
  EXPECT_FALSE(read_message(buffer)) << "control message longer than the control data";
}

TEST(ReadMessage, CutsThePayloadAtTheBuffersEnd) {
  std::array<std::uint8_t, 16 + kNameOctets + kControlOctets + 8> buffer{};
  io_uring_recvmsg_out out{};
  out.namelen = sizeof(sockaddr_in);
  out.controllen = static_cast<std::uint32_t>(
      write_source(kLoopback, MutableOctets(buffer).subspan(16 + kNameOctets, kControlOctets)));
  out.payloadlen = 5000;
  std::memcpy(buffer.data(), &out, sizeof(out));
  buffer[16] = AF_INET;
  const auto datagram = read_message(buffer);
  ASSERT_TRUE(datagram);
  EXPECT_EQ(datagram->payload.size(), 8u);
  EXPECT_EQ(datagram->local, kLoopback);
}

}  // namespace
}  // namespace sallyport::ring
