#include <gtest/gtest.h>

#include "protocol/radius/translate.h"
#include "tests/protocol/radius/wire.h"

namespace sallyport::radius {
namespace {

using wire::attribute;
using wire::Bytes;
using wire::hex;
using wire::join;
using wire::text;

constexpr std::string_view kClientSecret = "client secret";
constexpr std::string_view kDownstreamSecret = "downstream secret";
const Authenticator kIn = wire::authenticator_of(0x20);
const Authenticator kOut = wire::authenticator_of(0xa0);
const Bytes kOwnState = hex("0102030405060708");

class TranslateRequest : public ::testing::Test {
 protected:
  /// The packet for the downstream; nullopt: why_ says why not.
  std::optional<Bytes> translate(const Bytes& request) {
    std::array<std::uint8_t, kMaxPacketOctets> out;
    const auto length = translate_request(wire::parsed(request),
                                          {.client = client_,
                                           .downstream = downstream_,
                                           .identifier = {99},
                                           .authenticator = kOut,
                                           .proxy_state = kOwnState},
                                          out);
    if (!length) {
      why_ = length.error();
      return std::nullopt;
    }
    return Bytes(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(*length));
  }

  /// As the client sends it: signed where it carries a Message-Authenticator.
  static Bytes access(std::initializer_list<Bytes> attributes) {
    Bytes request = wire::packet(Code::access_request, 1, kIn, attributes);
    wire::sign_random(request, kClientSecret);
    return request;
  }

  HopKey client_{Secret(kClientSecret)};
  HopKey downstream_{Secret(kDownstreamSecret)};
  std::optional<Untranslatable> why_;
};

const Bytes kName = attribute(Type::user_name, text("nemo"));
const Bytes kMessageAuthenticator = attribute(Type::message_authenticator, wire::zeros(16));
const Bytes kOwnProxyState = attribute(Type::proxy_state, kOwnState);

Bytes password(const Bytes& clear, std::string_view secret, const Authenticator& authenticator) {
  return attribute(Type::user_password, wire::hide_password(clear, secret, authenticator));
}

std::vector<Bytes> without_first(std::vector<Bytes> attributes) {
  attributes.erase(attributes.begin());
  return attributes;
}

TEST_F(TranslateRequest, SignsFirstHidesAnewAndMarksLast) {
  const auto out = translate(access(
      {kName, password(text("arctangent"), kClientSecret, kIn), attribute(4, hex("c0a80110"))}));
  ASSERT_TRUE(out.has_value());
  const PacketView view = wire::parsed(*out);
  EXPECT_EQ(view.code(), Code::access_request);
  EXPECT_EQ(view.identifier().value, 99);
  EXPECT_EQ(view.authenticator(), kOut);
  EXPECT_EQ(view.message_authenticator_offset(), 22U) << "first";
  EXPECT_EQ(verify_request(view, downstream_), Authenticity::authentic);
  EXPECT_EQ(without_first(wire::attributes_of(view)),
            (std::vector<Bytes>{kName, password(text("arctangent"), kDownstreamSecret, kOut),
                                attribute(4, hex("c0a80110")), kOwnProxyState}));
}

TEST_F(TranslateRequest, ReplacesTheClientsMessageAuthenticatorWhereverItStood) {
  for (const Bytes& request :
       {access({kMessageAuthenticator, kName}), access({kName, kMessageAuthenticator}),
        access({kName, kMessageAuthenticator, attribute(Type::state, hex("aabb"))})}) {
    const auto out = translate(request);
    ASSERT_TRUE(out.has_value());
    const PacketView view = wire::parsed(*out);
    EXPECT_EQ(view.message_authenticator_offset(), 22U);
    EXPECT_EQ(verify_request(view, downstream_), Authenticity::authentic);
  }
}

TEST_F(TranslateRequest, KeepsTheClientsProxyStatesAndAddsItsOwnLast) {
  const Bytes first = attribute(Type::proxy_state, text("one"));
  const Bytes empty = attribute(Type::proxy_state, {});
  const auto out = translate(access({first, kName, empty, kOwnProxyState}));
  ASSERT_TRUE(out.has_value());
  EXPECT_EQ(without_first(wire::attributes_of(*out)),
            (std::vector<Bytes>{first, kName, empty, kOwnProxyState, kOwnProxyState}));

  std::array<std::uint8_t, kMaxPacketOctets> states;
  const std::size_t length = copy_proxy_states(wire::parsed(*out), /*skip_last=*/true, states);
  EXPECT_EQ(Bytes(states.begin(), states.begin() + static_cast<std::ptrdiff_t>(length)),
            join({first, empty, kOwnProxyState}));
}

TEST_F(TranslateRequest, KeepsTheChallengeOfChap) {
  const Bytes chap = attribute(Type::chap_password, wire::filled(17, 0x33));
  const auto copied = translate(access({kName, chap}));
  ASSERT_TRUE(copied.has_value());
  const Bytes challenge =
      attribute(Type::chap_challenge, Bytes(kIn.octets.begin(), kIn.octets.end()));
  EXPECT_EQ(without_first(wire::attributes_of(*copied)),
            (std::vector<Bytes>{kName, chap, challenge, kOwnProxyState}));

  const Bytes own = attribute(Type::chap_challenge, wire::filled(20, 0x44));
  const auto left = translate(access({own, chap}));
  ASSERT_TRUE(left.has_value());
  EXPECT_EQ(without_first(wire::attributes_of(*left)),
            (std::vector<Bytes>{own, chap, kOwnProxyState}));
}

TEST_F(TranslateRequest, RefusesCredentialsThatCannotBe) {
  const Bytes right_password = password(text("x"), kClientSecret, kIn);
  const Bytes right_chap = attribute(Type::chap_password, wire::filled(17, 1));
  const std::pair<Bytes, Untranslatable> cases[] = {
      {access({right_password, right_chap}), Untranslatable::conflicting_passwords},
      {access({right_chap, right_password}), Untranslatable::conflicting_passwords},
      {access({attribute(Type::chap_password, wire::filled(16, 1))}),
       Untranslatable::bad_chap_password},
      {access({attribute(Type::chap_password, wire::filled(18, 1))}),
       Untranslatable::bad_chap_password},
      {access({attribute(Type::chap_password, {})}), Untranslatable::bad_chap_password},
      {access({right_chap, attribute(Type::chap_password, {})}), Untranslatable::bad_chap_password},
      {access({attribute(Type::user_password, {})}), Untranslatable::bad_user_password},
      {access({attribute(Type::user_password, wire::zeros(15))}),
       Untranslatable::bad_user_password},
      {access({attribute(Type::user_password, wire::zeros(144))}),
       Untranslatable::bad_user_password},
      // FreeRADIUS 0.9.2 and 1.1.3 to 1.1.7 fell over Tunnel-Password in an Access-Request.
      {access({attribute(Type::tunnel_password, {})}), Untranslatable::bad_salted_attribute},
      {access({attribute(Type::tunnel_password, hex("00"))}), Untranslatable::bad_salted_attribute},
      {access({attribute(Type::tunnel_password, hex("008001"))}),
       Untranslatable::bad_salted_attribute},
  };
  for (const auto& [request, reason] : cases) {
    EXPECT_FALSE(translate(request).has_value());
    EXPECT_STREQ(to_text(*why_), to_text(reason));
  }
}

TEST_F(TranslateRequest, HidesTunnelPasswordUnderEachHopsAuthenticator) {
  const Bytes value = wire::hide_salted(text("tunnel"), hex("8123"), kClientSecret, kIn);
  const auto out = translate(access({attribute(69, join({{1}, value}))}));
  ASSERT_TRUE(out.has_value());
  const Octets hidden = *wire::parsed(*out).find(Type::tunnel_password);
  EXPECT_EQ(wire::reveal_salted(Bytes(hidden.begin() + 1, hidden.end()), kDownstreamSecret, kOut),
            text("tunnel"));
}

TEST_F(TranslateRequest, ComputesTheAuthenticatorOfAccounting) {
  const Bytes session = attribute(44, text("session"));
  Bytes request = wire::packet(Code::accounting_request, 1, {}, {kName, session});
  wire::sign_computed(request, kClientSecret, {});
  const auto out = translate(request);
  ASSERT_TRUE(out.has_value());
  const PacketView view = wire::parsed(*out);
  EXPECT_EQ(verify_request(view, downstream_), Authenticity::authentic);
  EXPECT_FALSE(view.has(Type::message_authenticator)) << "the client sent none";
  EXPECT_EQ(wire::attributes_of(view), (std::vector<Bytes>{kName, session, kOwnProxyState}));
}

TEST_F(TranslateRequest, SignsAccountingAnewWhereTheClientSigned) {
  Bytes request = wire::packet(Code::accounting_request, 1, {}, {kName, kMessageAuthenticator});
  wire::sign_computed(request, kClientSecret, {});
  const auto out = translate(request);
  ASSERT_TRUE(out.has_value());
  const PacketView view = wire::parsed(*out);
  EXPECT_TRUE(view.has(Type::message_authenticator));
  EXPECT_EQ(verify_request(view, downstream_), Authenticity::authentic);
}

TEST_F(TranslateRequest, HidesUnderZerosWhereTheAuthenticatorIsComputed) {
  const Bytes value = wire::hide_salted(text("tunnel"), hex("8123"), kClientSecret, {});
  Bytes request = wire::packet(Code::coa_request, 1, {}, {attribute(69, join({{1}, value}))});
  wire::sign_computed(request, kClientSecret, {});
  const auto out = translate(request);
  ASSERT_TRUE(out.has_value());
  const PacketView view = wire::parsed(*out);
  EXPECT_EQ(verify_request(view, downstream_), Authenticity::authentic);
  const Octets hidden = *view.find(Type::tunnel_password);
  EXPECT_EQ(wire::reveal_salted(Bytes(hidden.begin() + 1, hidden.end()), kDownstreamSecret, {}),
            text("tunnel"));
}

TEST_F(TranslateRequest, NeverCarriesStatusServerOrReplies) {
  Bytes status = wire::packet(Code::status_server, 1, kIn, {kMessageAuthenticator});
  wire::sign_random(status, kClientSecret);
  EXPECT_FALSE(translate(status).has_value());
  EXPECT_EQ(why_, Untranslatable::wrong_code);
  for (const Code code : {Code::access_accept, Code::access_reject, Code::access_challenge,
                          Code::accounting_response, Code::coa_ack, Code::protocol_error}) {
    EXPECT_FALSE(translate(wire::packet(code, 1, kIn, {})).has_value());
    EXPECT_EQ(why_, Untranslatable::wrong_code);
  }
}

/// A request that leaves `room` octets of 4096 unused.
Bytes nearly_full(std::size_t room, const std::vector<Bytes>& begin) {
  std::vector<Bytes> attributes = begin;
  std::size_t left = kMaxPacketOctets - kHeaderOctets - room;
  for (const Bytes& each : begin) left -= each.size();
  while (left > 0) {
    const std::size_t next = left > 255 + 2 || left <= 255 ? std::min<std::size_t>(left, 255) : 200;
    attributes.push_back(attribute(18, wire::filled(next - 2, 'm')));
    left -= next;
  }
  return wire::packet(Code::access_request, 1, kIn, attributes);
}

TEST_F(TranslateRequest, NeverGrowsPast4096) {
  const Bytes chap = attribute(Type::chap_password, wire::filled(17, 1));
  const std::size_t added = 18 + kOwnProxyState.size();  // Message-Authenticator, Proxy-State
  const auto full = translate(nearly_full(added, {}));
  ASSERT_TRUE(full.has_value());
  EXPECT_EQ(full->size(), kMaxPacketOctets);
  EXPECT_TRUE(translate(nearly_full(added + 18, {chap})).has_value());

  for (const std::size_t room : {std::size_t{0}, std::size_t{17}, std::size_t{18}, added - 1}) {
    EXPECT_FALSE(translate(nearly_full(room, {})).has_value()) << room;
    EXPECT_EQ(why_, Untranslatable::too_long);
  }
  EXPECT_FALSE(translate(nearly_full(added + 17, {chap})).has_value()) << "CHAP-Challenge";
  EXPECT_EQ(why_, Untranslatable::too_long);
}

/// What we write we also take: whoever keeps a packet of ours may parse it again.
TEST_F(TranslateRequest, NeverExceedsTheAttributesThatAreTaken) {
  const auto request = [](std::size_t attributes) {
    return wire::packet(Code::access_request, 1, kIn,
                        std::vector<Bytes>(attributes, attribute(18, text("m"))));
  };
  const auto most = translate(request(kMaxAttributes - 2));
  ASSERT_TRUE(most.has_value());
  EXPECT_TRUE(PacketView::parse(*most).has_value());
  EXPECT_FALSE(translate(request(kMaxAttributes - 1)).has_value());
  EXPECT_EQ(why_, Untranslatable::too_long);
}

TEST_F(TranslateRequest, CarriesEapUnbrokenAndInOrder) {
  const Bytes eap[] = {attribute(79, wire::filled(253, 1)), attribute(79, wire::filled(253, 2)),
                       attribute(79, wire::filled(40, 3))};
  const auto out = translate(access({kName, eap[0], eap[1], eap[2], kMessageAuthenticator}));
  ASSERT_TRUE(out.has_value());
  EXPECT_EQ(without_first(wire::attributes_of(*out)),
            (std::vector<Bytes>{kName, eap[0], eap[1], eap[2], kOwnProxyState}));
}

TEST_F(TranslateRequest, LeavesPaddingBehind) {
  const Bytes plain = access({kName});
  EXPECT_EQ(translate(join({plain, wire::filled(100, 0xee)})), translate(plain));
}

TEST(RevealUserPassword, RefusesWhatCannotBeAPassword) {
  const HopKey key{Secret(kClientSecret)};
  std::array<std::uint8_t, 256> out{};
  for (const std::size_t length : {0U, 1U, 15U, 17U, 129U, 144U}) {
    EXPECT_FALSE(reveal_user_password(wire::zeros(length), key, kIn, out).has_value()) << length;
  }
  EXPECT_FALSE(
      reveal_user_password(wire::zeros(32), key, kIn, MutableOctets(out).first(16)).has_value());
}

TEST(RevealUserPassword, RevealsUpTo128OctetsAndStripsTheirPadding) {
  const HopKey key{Secret(kClientSecret)};
  for (std::size_t length = 0; length <= 128; ++length) {
    const Bytes clear = wire::filled(length, 'w');
    std::array<std::uint8_t, 128> out{};
    const auto revealed =
        reveal_user_password(wire::hide_password(clear, kClientSecret, kIn), key, kIn, out);
    ASSERT_EQ(revealed, length);
    EXPECT_EQ(Bytes(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(length)), clear);
  }
}

TEST_F(TranslateRequest, PutsAnotherPasswordInItsPlace) {
  const Bytes request = access(
      {kName, password(text("wonderland,123456"), kClientSecret, kIn), attribute(31, text("x"))});
  for (const std::size_t length : {1u, 15u, 16u, 17u, 128u}) {
    const Bytes clear = text(std::string(length, 'w'));
    std::array<std::uint8_t, kMaxPacketOctets> out;
    const auto octets = translate_request(wire::parsed(request),
                                          {.client = client_,
                                           .downstream = downstream_,
                                           .identifier = {99},
                                           .authenticator = kOut,
                                           .proxy_state = kOwnState,
                                           .password = clear},
                                          out);
    ASSERT_TRUE(octets.has_value());
    const Bytes sent(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(*octets));
    const PacketView view = wire::parsed(sent);
    std::array<std::uint8_t, 128> revealed;
    const auto found = view.find(Type::user_password);
    ASSERT_TRUE(found.has_value());
    const auto size = reveal_user_password(*found, downstream_, kOut, revealed);
    ASSERT_EQ(size, length);
    EXPECT_EQ(as_text(Octets(revealed).first(length)), std::string(length, 'w'));
    EXPECT_EQ(as_text(*view.find(Type::user_name)), "nemo");
    EXPECT_EQ(as_text(*view.find(Type{31})), "x");
  }
}

}  // namespace
}  // namespace sallyport::radius
