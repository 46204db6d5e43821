#include "engine/ring/send_slots.h"

#include <array>
#include <cerrno>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include "engine/ring/udp_socket.h"

namespace sallyport::ring {
namespace {

constexpr std::uint32_t kConnectedFile = 0;  // to the first receiver
constexpr std::uint32_t kOpenFile = 1;       // to whoever is named

const IpAddress kLoopback = IpAddress::v4(0x7f00'0001);

FileDescriptor bound_socket() {
  auto socket = open_udp(kLoopback);
  EXPECT_TRUE(socket && bind_to(*socket, {.address = kLoopback, .port = 0}));
  return std::move(*socket);
}

std::string next_datagram(const FileDescriptor& socket) {
  pollfd ready{.fd = socket.get(), .events = POLLIN, .revents = 0};
  if (::poll(&ready, 1, 10'000) != 1) return "nothing came";
  std::array<char, 5000> text{};
  const ssize_t octets = ::recv(socket.get(), text.data(), text.size(), 0);
  return octets < 0 ? "error" : std::string(text.data(), static_cast<std::size_t>(octets));
}

/// Texts of these lengths, each unlike the others.
std::vector<std::string> texts_of(std::initializer_list<std::size_t> lengths) {
  std::vector<std::string> texts;
  for (const std::size_t length : lengths)
    texts.emplace_back(length, static_cast<char>('a' + texts.size() % 26));
  return texts;
}

class SendSlotsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto ring = Ring::open({.submission_entries = 16, .completion_entries = 256, .files = 2});
    ASSERT_TRUE(ring) << ring.error();
    ring_ = std::move(*ring);
    slots_ = std::make_unique<SendSlots>(*ring_, 8);
    auto connected = open_udp(kLoopback);
    ASSERT_TRUE(connected && connect_to(*connected, local_endpoint(first_)));
    ASSERT_TRUE(ring_->register_file(kConnectedFile, connected->get()));
    ASSERT_TRUE(ring_->register_file(kOpenFile, sender_.get()));
    ring_->enable();
  }

  void send(const std::vector<std::string>& texts) {
    for (const std::string& text : texts)
      ASSERT_TRUE(slots_->send(kConnectedFile, as_octets(text)));
  }
  /// System calls of the kernel's network stack that what is waiting will take.
  std::uint32_t queued() {
    slots_->flush();
    return ring_->unsubmitted();
  }
  void expect(const FileDescriptor& socket, const std::vector<std::string>& texts) {
    ring_->submit();
    for (const std::string& text : texts) EXPECT_EQ(next_datagram(socket), text);
  }

  FileDescriptor first_ = bound_socket();
  FileDescriptor second_ = bound_socket();
  FileDescriptor sender_ = bound_socket();
  std::unique_ptr<Ring> ring_;
  std::unique_ptr<SendSlots> slots_;
};

TEST_F(SendSlotsTest, DatagramsOfOneLengthShareASend) {
  const auto texts = texts_of({130, 130, 130, 130});
  send(texts);
  EXPECT_EQ(queued(), 1u);
  expect(first_, texts);
}

TEST_F(SendSlotsTest, OnlyTheLastOneMayBeShorter) {
  const auto texts = texts_of({130, 130, 40, 40, 130});
  send(texts);
  EXPECT_EQ(queued(), 3u) << "130 130 40, then 40, then 130";
  expect(first_, texts);
}

TEST_F(SendSlotsTest, ASlotTakesNoMoreThanItHolds) {
  const auto texts = texts_of({1'200, 1'200, 1'200, 1'200, 1'200});
  send(texts);
  EXPECT_EQ(queued(), 2u) << "three fill a slot";
  expect(first_, texts);
}

TEST_F(SendSlotsTest, TheKernelIsGivenAtMostSixtyFourAtOnce) {
  const std::vector<std::string> texts(SendSlots::kMaxShared + 1, "twenty octets, each.");
  send(texts);
  EXPECT_EQ(queued(), 2u);
  expect(first_, texts);
}

TEST_F(SendSlotsTest, LongOnesGoAlone) {
  const auto texts = texts_of({SendSlots::kMaxSharedOctets + 1, SendSlots::kMaxSharedOctets + 1});
  send(texts);
  EXPECT_EQ(queued(), 2u) << "they may be longer than the path's MTU";
  expect(first_, texts);
}

TEST_F(SendSlotsTest, EachDestinationGetsItsOwn) {
  const auto texts = texts_of({50, 50, 50, 50});
  const Endpoint first = local_endpoint(first_);
  const Endpoint second = local_endpoint(second_);
  for (const auto& [to, text] : {std::pair(first, texts[0]), std::pair(first, texts[1]),
                                 std::pair(second, texts[2]), std::pair(first, texts[3])})
    ASSERT_TRUE(slots_->send_to(kOpenFile, to, &kLoopback, as_octets(text)));
  EXPECT_EQ(queued(), 3u);
  expect(first_, {texts[0], texts[1], texts[3]});
  expect(second_, {texts[2]});
}

TEST_F(SendSlotsTest, TheAddressThatAnAnswerLeavesFromPartsThem) {
  const IpAddress other = IpAddress::v4(0x7f00'0002);
  const Endpoint to = local_endpoint(first_);
  for (const IpAddress* from : {&kLoopback, &kLoopback, &other})
    ASSERT_TRUE(slots_->send_to(kOpenFile, to, from, as_octets("x")));
  EXPECT_EQ(queued(), 2u);
}

TEST_F(SendSlotsTest, WhereADeviceDoesNotBearItEachGoesAlone) {
  const auto texts = texts_of({130, 130, 130});
  const Completion refusal{.tag = {.operation = Operation::send, .generation = 3, .index = 0},
                           .result = -EIO};
  EXPECT_EQ(slots_->refused(refusal), 3u) << "all that shared the slot are lost";
  send(texts);
  EXPECT_EQ(queued(), 3u);
  expect(first_, texts);
}

TEST_F(SendSlotsTest, AFullBufferSaysNothingAgainstSharing) {
  const Completion refusal{.tag = {.operation = Operation::send, .generation = 3, .index = 0},
                           .result = -EAGAIN};
  EXPECT_EQ(slots_->refused(refusal), 3u);
  send(texts_of({130, 130, 130}));
  EXPECT_EQ(queued(), 1u);
}

}  // namespace
}  // namespace sallyport::ring
