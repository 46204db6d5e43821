// Random packets over both hops and back, from fixed seeds: what must hold whatever a packet
// carries.

#include <algorithm>

#include <gtest/gtest.h>

#include "protocol/radius/translate.h"
#include "tests/protocol/radius/wire.h"

namespace sallyport::radius {
namespace {

using wire::attribute;
using wire::Bytes;
using wire::join;

constexpr std::string_view kClientSecret = "client secret";
constexpr std::string_view kDownstreamSecret = "downstream secret";
constexpr int kPackets = 1000;

/// One attribute of a random packet, with what it says in clear.
struct Clear {
  Bytes whole;        ///< as hidden on the first hop
  Bytes hidden;       ///< in clear, if `salted` or a password; else empty
  int hidden_at = 0;  ///< where salt (or password) begins in `whole`; 0: nothing is hidden
  bool salted = false;
};

class Translation : public ::testing::TestWithParam<std::uint64_t> {
 protected:
  /// Never a type with rules of its own: those have tests of their own.
  int plain_type() {
    constexpr int kSpecial[] = {0, 2, 3, 26, 33, 60, 69, 79, 80, 214, 215};
    for (;;) {
      const int type = static_cast<int>(random_.below(256));
      if (std::ranges::find(kSpecial, type) == std::end(kSpecial)) return type;
    }
  }

  Clear random_attribute(std::string_view secret, const Authenticator& authenticator) {
    const Bytes clear = random_.bytes(1 + random_.below(60));
    const Bytes salted = wire::hide_salted(clear, random_.bytes(2), secret, authenticator);
    switch (random_.below(8)) {
      case 0:
        return {attribute(69, join({{static_cast<std::uint8_t>(random_.below(32))}, salted})),
                clear, 3, true};
      case 1:
        return {
            wire::vendor_specific(311, attribute(16 + static_cast<int>(random_.below(2)), salted)),
            clear, 8, true};
      case 2: {
        const std::uint8_t length = static_cast<std::uint8_t>(salted.size() + 3);
        return {wire::vendor_specific(24757, join({{5, length, 0}, salted})), clear, 9, true};
      }
      case 3: return {attribute(26, random_.bytes(random_.below(254))), {}, 0, false};
      case 4: return {attribute(33, random_.bytes(random_.below(40))), {}, 0, false};
      default: return {attribute(plain_type(), random_.bytes(random_.below(254))), {}, 0, false};
    }
  }

  std::vector<Clear> random_attributes(std::string_view secret,
                                       const Authenticator& authenticator) {
    std::vector<Clear> out;
    for (std::size_t count = random_.below(20); count > 0; --count) {
      out.push_back(random_attribute(secret, authenticator));
    }
    return out;
  }

  static Bytes packet_of(Code code, const Authenticator& authenticator,
                         const std::vector<Clear>& attributes) {
    std::vector<Bytes> wholes;
    for (const Clear& each : attributes) wholes.push_back(each.whole);
    return wire::packet(code, 1, authenticator, wholes);
  }

  /// `carried` says the same as `sent`, hidden for the other hop.
  static void expect_same(const Clear& sent, const Bytes& carried, std::string_view secret,
                          const Authenticator& authenticator) {
    ASSERT_EQ(carried.size(), sent.whole.size());
    if (!sent.salted) {
      EXPECT_EQ(carried, sent.whole) << "byte for byte";
      return;
    }
    const auto begin = carried.begin() + sent.hidden_at;
    EXPECT_TRUE(std::equal(carried.begin(), begin, sent.whole.begin()));
    EXPECT_EQ(wire::reveal_salted(Bytes(begin, carried.end()), secret, authenticator), sent.hidden);
  }

  Authenticator random_authenticator() {
    Authenticator out;
    random_.fill(out.octets);
    return out;
  }

  wire::SeededRandom random_{GetParam()};
  HopKey client_{Secret(kClientSecret)};
  HopKey downstream_{Secret(kDownstreamSecret)};
  std::array<std::uint8_t, kMaxPacketOctets> out_{};
};

TEST_P(Translation, CarriesEveryAttributeOfARequestInOrder) {
  for (int i = 0; i < kPackets; ++i) {
    const Authenticator in = random_authenticator(), out = random_authenticator();
    const std::vector<Clear> attributes = random_attributes(kClientSecret, in);
    const Bytes request = packet_of(Code::access_request, in, attributes);
    const Bytes own_state = random_.bytes(1 + random_.below(253));
    if (request.size() > kMaxPacketOctets) continue;
    const auto length = translate_request(wire::parsed(request),
                                          {.client = client_,
                                           .downstream = downstream_,
                                           .identifier = {5},
                                           .authenticator = out,
                                           .proxy_state = own_state},
                                          out_);
    const std::size_t expected = request.size() + 18 + 2 + own_state.size();
    ASSERT_EQ(length.has_value(), expected <= kMaxPacketOctets);
    if (!length) continue;
    ASSERT_EQ(*length, expected);

    const Bytes sent(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(*length));
    EXPECT_EQ(verify_request(wire::parsed(sent), downstream_), Authenticity::authentic);
    const std::vector<Bytes> carried = wire::attributes_of(sent);
    ASSERT_EQ(carried.size(), attributes.size() + 2);
    for (std::size_t j = 0; j < attributes.size(); ++j) {
      expect_same(attributes[j], carried[j + 1], kDownstreamSecret, out);
    }
    EXPECT_EQ(carried.back(), attribute(33, own_state));
  }
}

TEST_P(Translation, CarriesEveryAttributeOfAReplyInOrder) {
  for (int i = 0; i < kPackets; ++i) {
    const Authenticator downstream = random_authenticator(), client = random_authenticator();
    const std::vector<Clear> attributes = random_attributes(kDownstreamSecret, downstream);
    Bytes reply = packet_of(Code::access_accept, {}, attributes);
    if (reply.size() > kMaxPacketOctets) continue;
    wire::sign_computed(reply, kDownstreamSecret, downstream);
    const Bytes states = attribute(33, random_.bytes(random_.below(254)));
    const auto length = translate_reply(wire::parsed(reply),
                                        {.downstream = downstream_,
                                         .downstream_authenticator = downstream,
                                         .client = client_,
                                         .client_identifier = {5},
                                         .client_authenticator = client,
                                         .client_proxy_states = states,
                                         .random = random_},
                                        out_);
    if (!length) {
      EXPECT_EQ(length.error(), Untranslatable::too_long);
      continue;
    }
    const Bytes sent(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(*length));
    EXPECT_EQ(verify_response(wire::parsed(sent), client_, client), Authenticity::authentic);
    const std::vector<Bytes> carried = wire::attributes_of(sent);
    std::size_t at = 1;  // behind the Message-Authenticator
    for (const Clear& each : attributes) {
      if (each.whole[0] == 33) continue;
      ASSERT_LT(at, carried.size());
      expect_same(each, carried[at++], kClientSecret, client);
    }
    ASSERT_EQ(at + 1, carried.size());
    EXPECT_EQ(carried.back(), states);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, Translation, ::testing::Values(1, 2, 3));

}  // namespace
}  // namespace sallyport::radius
