// RADIUS/1.1 (RFC 9765) on one hop and RADIUS on the other: what is clear here is hidden there.

#include <gtest/gtest.h>

#include "protocol/radius/translate.h"
#include "tests/protocol/radius/wire.h"

namespace sallyport::radius {
namespace {

using wire::attribute;
using wire::Bytes;
using wire::join;
using wire::text;

constexpr std::string_view kSecret = "downstream secret";
const Authenticator kClassic = wire::authenticator_of(0xa0);
const Bytes kState = text("state");

/// Token 01 02 03 04 and zeros, as the header has it.
Authenticator token() { return {{1, 2, 3, 4}}; }

class Radius11 : public ::testing::Test {
 protected:
  /// From a 1.1 client to a downstream with a secret.
  std::optional<Bytes> down(const Bytes& request) {
    return checked(translate_request(parse11(request),
                                     {.client = HopKey::none(),
                                      .downstream = key_,
                                      .identifier = {9},
                                      .authenticator = kClassic,
                                      .proxy_state = kState},
                                     out_));
  }
  /// From a downstream with a secret to a 1.1 client.
  std::optional<Bytes> up(const Bytes& reply) {
    return checked(translate_reply(wire::parsed(reply),
                                   {.downstream = key_,
                                    .downstream_authenticator = kClassic,
                                    .client = HopKey::none(),
                                    .client_identifier = {},
                                    .client_authenticator = token(),
                                    .client_proxy_states = {},
                                    .random = random_},
                                   out_));
  }
  std::optional<Bytes> checked(const std::expected<std::size_t, Untranslatable>& length) {
    why_.reset();
    if (!length) {
      why_ = length.error();
      return std::nullopt;
    }
    return Bytes(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(*length));
  }
  static PacketView parse11(const Bytes& packet) {
    const auto view = PacketView::parse(packet, Version::v1_1);
    EXPECT_TRUE(view.has_value());
    return *view;
  }
  /// From a 1.1 downstream to a client with a secret.
  std::optional<Bytes> from_1_1(const Bytes& reply) {
    return checked(translate_reply(parse11(reply),
                                   {.downstream = HopKey::none(),
                                    .downstream_authenticator = token(),
                                    .client = key_,
                                    .client_identifier = {5},
                                    .client_authenticator = kClassic,
                                    .client_proxy_states = {},
                                    .random = random_},
                                   out_));
  }
  static Bytes packet11(Code code, std::initializer_list<Bytes> attributes) {
    return wire::packet(code, 0, token(), attributes);
  }
  static Bytes reply(std::initializer_list<Bytes> attributes) {
    Bytes packet = wire::packet(Code::access_accept, 9, {}, attributes);
    wire::sign_computed(packet, kSecret, kClassic);
    return packet;
  }
  static Bytes value(const PacketView& view, Type type) {
    const auto found = view.find(type);
    return found ? Bytes(found->begin(), found->end()) : Bytes();
  }

  HopKey key_{Secret(kSecret)};
  wire::SeededRandom random_{1};
  std::array<std::uint8_t, kMaxPacketOctets> out_{};
  std::optional<Untranslatable> why_;
};

TEST_F(Radius11, ReservedFieldsAndMessageAuthenticatorsAreIgnored) {
  Bytes packet = packet11(Code::access_request, {attribute(Type::message_authenticator, {1}),
                                                 attribute(Type::message_authenticator, {}),
                                                 attribute(Type::eap_message, {1})});
  packet[1] = 77;
  packet[8] = 77;
  packet[19] = 77;
  const PacketView view = parse11(packet);
  EXPECT_EQ(view.identifier().value, 0);
  EXPECT_EQ(view.authenticator(), token());
  EXPECT_FALSE(view.has(Type::message_authenticator));
  EXPECT_EQ(verify_request(view, HopKey::none()), Authenticity::authentic);
  EXPECT_TRUE(PacketView::parse(packet11(Code::status_server, {}), Version::v1_1).has_value());
}

TEST_F(Radius11, APasswordIsHiddenForTheDownstream) {
  for (const std::size_t octets : {1U, 15U, 16U, 17U, 127U, 128U}) {
    const Bytes password = wire::filled(octets, 'p');
    const auto sent = down(packet11(
        Code::access_request, {attribute(Type::user_name, text("a")), attribute(2, password)}));
    ASSERT_TRUE(sent.has_value()) << octets;
    const PacketView view = wire::parsed(*sent);
    EXPECT_EQ(view.identifier().value, 9);
    EXPECT_EQ(view.message_authenticator_offset(), 22U);
    EXPECT_EQ(verify_request(view, key_), Authenticity::authentic);
    Bytes revealed = wire::reveal_password(value(view, Type::user_password), kSecret, kClassic);
    EXPECT_EQ(revealed.size() % 16, 0U);
    revealed.resize(octets);
    EXPECT_EQ(revealed, password);
    EXPECT_EQ(value(view, Type::user_name), text("a"));
    EXPECT_EQ(value(view, Type::proxy_state), kState);
  }
  for (const std::size_t octets : {0U, 129U, 253U}) {
    EXPECT_FALSE(down(packet11(Code::access_request, {attribute(2, wire::filled(octets, 'p'))})));
    EXPECT_EQ(why_, Untranslatable::bad_user_password) << octets;
  }
}

/// EAP-Message has no place in accounting, but a client may send it, and signs nothing here.
TEST_F(Radius11, EapIsSignedForAHopWithASecretWhateverTheCode) {
  const Bytes eap = attribute(Type::eap_message, {2, 1, 0, 4});
  for (const Code code : {Code::access_request, Code::accounting_request}) {
    const auto sent = down(packet11(code, {attribute(Type::user_name, text("a")), eap}));
    ASSERT_TRUE(sent.has_value());
    const auto view = PacketView::parse(*sent);
    ASSERT_TRUE(view.has_value()) << static_cast<int>(code);
    EXPECT_EQ(verify_request(*view, key_), Authenticity::authentic);
    EXPECT_EQ(value(*view, Type::eap_message), (Bytes{2, 1, 0, 4}));
  }
  const Bytes from = packet11(Code::accounting_response, {eap});
  const auto answer = from_1_1(from);
  ASSERT_TRUE(answer.has_value());
  const auto view = PacketView::parse(*answer);
  ASSERT_TRUE(view.has_value());
  EXPECT_EQ(verify_response(*view, key_, kClassic), Authenticity::authentic);
}

TEST_F(Radius11, ChapNeedsAChallenge) {
  const Bytes chap = attribute(Type::chap_password, wire::filled(17, 3));
  EXPECT_FALSE(down(packet11(Code::access_request, {chap})));
  EXPECT_EQ(why_, Untranslatable::bad_chap_password);
  const Bytes challenge = wire::filled(16, 5);
  const auto sent =
      down(packet11(Code::access_request, {chap, attribute(Type::chap_challenge, challenge)}));
  ASSERT_TRUE(sent.has_value());
  EXPECT_EQ(value(wire::parsed(*sent), Type::chap_challenge), challenge);
}

TEST_F(Radius11, WhatTheDownstreamHidesIsClearForTheClient) {
  const Bytes key = wire::filled(32, 0x5a);
  const Bytes mppe = wire::hide_salted(key, wire::hex("8004"), kSecret, kClassic);
  const Bytes lan_manager = wire::filled(24, 0);  // ends in zeros that are no padding
  const Bytes hidden_keys =
      wire::hide_password(join({lan_manager, wire::zeros(8)}), kSecret, kClassic);
  const auto vendor = [](std::uint8_t type, const Bytes& value) {
    return join({{type, static_cast<std::uint8_t>(value.size() + 2)}, value});
  };
  const auto answer = up(reply(
      {attribute(Type::message_authenticator, wire::zeros(16)),
       attribute(Type::tunnel_password,
                 join({{1}, wire::hide_salted(text("one"), wire::hex("8001"), kSecret, kClassic)})),
       wire::vendor_specific(311, join({vendor(16, mppe), vendor(99, text("other"))})),
       wire::vendor_specific(311, vendor(12, hidden_keys)),
       wire::vendor_specific(32473, text("whatever")), attribute(25, text("class"))}));
  ASSERT_TRUE(answer.has_value());
  const PacketView view = parse11(*answer);
  EXPECT_EQ((*answer)[1], 0);
  EXPECT_EQ(view.authenticator(), token());
  EXPECT_EQ(wire::attributes_of(view),
            (std::vector<Bytes>{
                attribute(Type::tunnel_password, text("\x01one")),
                wire::vendor_specific(311, join({vendor(16, key), vendor(99, text("other"))})),
                wire::vendor_specific(311, vendor(12, lan_manager)),
                wire::vendor_specific(32473, text("whatever")), attribute(25, text("class"))}));
}

TEST_F(Radius11, AHiddenLengthThatCannotBeIsRefused) {
  Bytes salted = wire::hide_salted(text("one"), wire::hex("8001"), kSecret, kClassic);
  salted.pop_back();
  EXPECT_FALSE(up(reply({attribute(Type::tunnel_password, join({{1}, salted}))})));
  EXPECT_EQ(why_, Untranslatable::bad_salted_attribute);
  // The hidden length says more than there is: whoever hid it had another secret.
  const Bytes lie =
      wire::hide_password(wire::filled(16, 200), kSecret, kClassic, wire::hex("8001"));
  EXPECT_FALSE(up(reply({attribute(Type::tunnel_password, join({{1}, wire::hex("8001"), lie}))})));
  EXPECT_EQ(why_, Untranslatable::bad_salted_attribute);
}

TEST_F(Radius11, WhatIsClearIsHiddenWithFreshSalts) {
  const Bytes from = packet11(
      Code::access_accept,
      {attribute(Type::tunnel_password, text("\x02two")),
       attribute(Type::tunnel_password, text("\x03")),
       wire::vendor_specific(311, join({{17, 5}, text("key"), {12, 26}, wire::filled(24, 0)}))});
  const auto sent = from_1_1(from);
  ASSERT_TRUE(sent.has_value());
  const PacketView view = wire::parsed(*sent);
  EXPECT_EQ(verify_response(view, key_, kClassic), Authenticity::authentic);
  const auto attributes = wire::attributes_of(view);
  ASSERT_EQ(attributes.size(), 4U);
  const auto tail = [](const Bytes& octets, std::size_t from_octet) {
    return Bytes(octets.begin() + static_cast<std::ptrdiff_t>(from_octet), octets.end());
  };
  EXPECT_EQ(wire::reveal_salted(tail(attributes[1], 3), kSecret, kClassic), text("two"));
  EXPECT_EQ(wire::reveal_salted(tail(attributes[2], 3), kSecret, kClassic), Bytes());
  const Bytes& vendor = attributes[3];
  ASSERT_EQ(vendor.size(), 6U + 2 + 18 + 2 + 32);
  EXPECT_EQ(wire::reveal_salted(Bytes(vendor.begin() + 8, vendor.begin() + 26), kSecret, kClassic),
            text("key"));
  EXPECT_EQ(wire::reveal_password(tail(vendor, 28), kSecret, kClassic), wire::zeros(32));
  EXPECT_NE(Bytes(attributes[1].begin() + 3, attributes[1].begin() + 5),
            Bytes(attributes[2].begin() + 3, attributes[2].begin() + 5));
}

TEST_F(Radius11, WhatGrowsPastAnAttributeIsRefused) {
  EXPECT_TRUE(down(
      packet11(Code::access_request, {attribute(Type::tunnel_password, wire::filled(240, 1))})));
  EXPECT_FALSE(down(
      packet11(Code::access_request, {attribute(Type::tunnel_password, wire::filled(241, 1))})));
  EXPECT_EQ(why_, Untranslatable::bad_salted_attribute);
}

TEST_F(Radius11, RequestsAndRepliesGoThroughTwoHopsWithoutSecrets) {
  const Bytes request =
      packet11(Code::access_request, {attribute(2, text("clear")), attribute(80, {1, 2})});
  const Authenticator next{{9, 9, 9, 9}};
  std::array<std::uint8_t, kMaxPacketOctets> out;
  const auto length = translate_request(parse11(request),
                                        {.client = HopKey::none(),
                                         .downstream = HopKey::none(),
                                         .authenticator = next,
                                         .proxy_state = kState},
                                        out);
  ASSERT_TRUE(length.has_value());
  const Bytes sent(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(*length));
  const PacketView view = parse11(sent);
  EXPECT_EQ(wire::attributes_of(view),
            (std::vector<Bytes>{attribute(2, text("clear")), attribute(33, kState)}));
  EXPECT_EQ(view.authenticator(), next);
  const Bytes reply = wire::packet(Code::access_reject, 0, next, {});
  EXPECT_EQ(verify_response(parse11(reply), HopKey::none(), next), Authenticity::authentic);
  EXPECT_EQ(verify_response(parse11(reply), HopKey::none(), token()),
            Authenticity::bad_authenticator);
}

TEST_F(Radius11, ALocalReplyHasTheTokenAndNoSignature) {
  std::array<std::uint8_t, kMaxPacketOctets> out;
  const std::size_t length = write_local_reply({.code = Code::access_reject,
                                                .client = HopKey::none(),
                                                .client_identifier = {},
                                                .client_authenticator = token(),
                                                .client_proxy_states = {},
                                                .reply_message = "no",
                                                .eap_failure_identifier = {}},
                                               out);
  EXPECT_EQ(Bytes(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(length)),
            packet11(Code::access_reject, {attribute(18, text("no"))}));
}

}  // namespace
}  // namespace sallyport::radius
