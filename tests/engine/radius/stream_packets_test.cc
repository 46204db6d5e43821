// Packets out of a stream whose buffers end anywhere.

#include "engine/radius/stream_packets.h"

#include <vector>

#include "tests/engine/ring/streams_fixture.h"

namespace sallyport::radius_door {
namespace {

constexpr std::size_t kBuffer = 256;

class StreamPacketsTest : public ring::StreamsTest {
 protected:
  /// What is taken of these octets, all of which have arrived.
  StreamPackets take_from(const std::string& octets) {
    open({.octets_each = kBuffer, .lent = 16, .most = 64});
    const Pair pair = accept_plain();
    ring::send_plain(pair.client, octets);
    EXPECT_TRUE(run_until([&] { return streams_->received_total(pair.server) == octets.size(); }));
    StreamPackets all;
    for (;;) {
      const StreamPackets taken = take_packets(
          *streams_, pair.server, 100, [this](Octets packet) { sizes_.push_back(packet.size()); });
      streams_->consume(pair.server, taken.octets);
      all.octets += taken.octets;
      all.malformed = taken.malformed;
      if (taken.octets == 0 || taken.malformed) return all;
    }
  }
  static std::string packet(std::size_t octets) {
    std::string made(octets, '\0');
    made[0] = 99;
    made[2] = static_cast<char>(octets >> 8);
    made[3] = static_cast<char>(octets);
    return made;
  }
  std::vector<std::size_t> sizes_;
};

TEST_F(StreamPacketsTest, PacketsLieAcrossBuffers) {
  const StreamPackets taken = take_from(packet(254) + packet(60) + packet(20));
  EXPECT_FALSE(taken.malformed);
  EXPECT_EQ(taken.octets, 334U);
  EXPECT_EQ(sizes_, (std::vector<std::size_t>{254, 60, 20}));
}

TEST_F(StreamPacketsTest, ALengthThatCannotBeIsSeenWhereverItsHeadLies) {
  for (std::size_t before = kBuffer - 4; before <= kBuffer; ++before) {
    SCOPED_TRACE(before);
    sizes_.clear();
    for (const char high : {'\0', '\x7f'}) {
      const std::string head = {1, 1, high, 0};
      const StreamPackets taken = take_from(packet(before) + head + std::string(100, '\0'));
      EXPECT_TRUE(taken.malformed);
      EXPECT_EQ(taken.octets, before);
      TearDown();
    }
  }
}

}  // namespace
}  // namespace sallyport::radius_door
