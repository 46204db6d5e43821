// Octets of a connection, arriving in pieces: the packets found are the stream's own octets in
// order, whatever the pieces. And any packet of RADIUS/1.1, carried to a hop with a secret and
// back: what comes out is a right packet of that hop.

#include <algorithm>
#include <array>

#include "protocol/check.h"
#include "protocol/radius/stream_frame.h"
#include "protocol/radius/translate.h"

namespace sallyport::radius {
namespace {

class CountingRandom final : public RandomSource {
 public:
  void fill(MutableOctets out) noexcept override {
    for (std::uint8_t& octet : out) octet = next_++;
  }

 private:
  std::uint8_t next_ = 0x7c;
};

const HopKey& key() {
  static const HopKey key{Secret(std::string_view("secret"))};
  return key;
}

constexpr Authenticator kOther{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
constexpr std::array<std::uint8_t, 8> kOwnState{'s', 'a', 'l', 'l', 'y', 0, 0, 1};

/// How many octets of `stream` are whole packets; the first piece that comes ends at `first`.
std::size_t whole_packets(Octets stream, std::size_t first) {
  std::size_t used = 0;
  for (std::size_t there = std::min(first, stream.size());; there = stream.size()) {
    for (;;) {
      const auto packet = first_packet(stream.first(there).subspan(used));
      if (!packet) {
        CHECK(ends_stream(packet.error()));
        return used;
      }
      if (!*packet) break;
      CHECK((*packet)->data() == stream.data() + used);
      CHECK((*packet)->size() >= kMinPacketOctets && (*packet)->size() <= kMaxPacketOctets);
      used += (*packet)->size();
    }
    if (there == stream.size()) return used;
  }
}

void carry(const PacketView& packet) {
  std::array<std::uint8_t, kMaxPacketOctets> out;
  const auto request = translate_request(packet,
                                         {.client = HopKey::none(),
                                          .downstream = key(),
                                          .identifier = {1},
                                          .authenticator = kOther,
                                          .proxy_state = kOwnState},
                                         out);
  if (request) {
    const auto sent = PacketView::parse(Octets(out).first(*request));
    CHECK(sent.has_value());
    CHECK(verify_request(*sent, key()) == Authenticity::authentic);
  }
  CountingRandom random;
  const auto reply = translate_reply(packet,
                                     {.downstream = HopKey::none(),
                                      .downstream_authenticator = packet.authenticator(),
                                      .client = key(),
                                      .client_identifier = {2},
                                      .client_authenticator = kOther,
                                      .client_proxy_states = {},
                                      .random = random},
                                     out);
  if (!reply) return;
  const auto sent = PacketView::parse(Octets(out).first(*reply));
  CHECK(sent.has_value());
  CHECK(verify_response(*sent, key(), kOther) == Authenticity::authentic);
  std::array<std::uint8_t, kMaxPacketOctets> back;
  const auto again = translate_reply(*sent,
                                     {.downstream = key(),
                                      .downstream_authenticator = kOther,
                                      .client = HopKey::none(),
                                      .client_identifier = {},
                                      .client_authenticator = {},
                                      .client_proxy_states = {},
                                      .random = random},
                                     back);
  if (again) CHECK(PacketView::parse(Octets(back).first(*again), Version::v1_1).has_value());
}

void run(Octets input) {
  if (input.empty()) return;
  const Octets stream = input.subspan(1);
  const std::size_t used = whole_packets(stream, input[0]);
  CHECK(used == whole_packets(stream, stream.size()));
  for (Octets left = stream.first(used); !left.empty();) {
    const auto packet = first_packet(left);
    CHECK(packet && *packet);
    if (const auto view = PacketView::parse(**packet, Version::v1_1)) carry(*view);
    left = left.subspan((*packet)->size());
  }
}

}  // namespace
}  // namespace sallyport::radius

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sallyport::radius::run({data, size});
  return 0;
}
