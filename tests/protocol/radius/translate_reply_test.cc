#include <set>

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
const Authenticator kClientAuthenticator = wire::authenticator_of(0x20);
const Authenticator kDownstreamAuthenticator = wire::authenticator_of(0xa0);
const Bytes kMessageAuthenticator = attribute(Type::message_authenticator, wire::zeros(16));
const Bytes kClientStates =
    join({attribute(Type::proxy_state, text("one")), attribute(Type::proxy_state, {}),
          attribute(Type::proxy_state, text("two"))});

class TranslateReply : public ::testing::Test {
 protected:
  std::optional<Bytes> translate(const Bytes& reply, const Bytes& client_states = kClientStates) {
    std::array<std::uint8_t, kMaxPacketOctets> out;
    const auto length = translate_reply(wire::parsed(reply),
                                        {.downstream = downstream_,
                                         .downstream_authenticator = kDownstreamAuthenticator,
                                         .client = client_,
                                         .client_identifier = {17},
                                         .client_authenticator = kClientAuthenticator,
                                         .client_proxy_states = client_states,
                                         .random = random_},
                                        out);
    if (!length) {
      why_ = length.error();
      return std::nullopt;
    }
    return Bytes(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(*length));
  }

  HopKey client_{Secret(kClientSecret)};
  HopKey downstream_{Secret(kDownstreamSecret)};
  wire::SeededRandom random_{1};
  std::optional<Untranslatable> why_;
};

Bytes reply_of(Code code, std::initializer_list<Bytes> attributes) {
  Bytes reply = wire::packet(code, 99, {}, attributes);
  wire::sign_computed(reply, kDownstreamSecret, kDownstreamAuthenticator);
  return reply;
}

Bytes salted(const Bytes& clear, const Bytes& salt = hex("8001")) {
  return wire::hide_salted(clear, salt, kDownstreamSecret, kDownstreamAuthenticator);
}

Bytes revealed(Octets value) {
  return wire::reveal_salted(Bytes(value.begin(), value.end()), kClientSecret,
                             kClientAuthenticator);
}

TEST_F(TranslateReply, SignsForTheClientWithMessageAuthenticatorFirst) {
  for (const Code code :
       {Code::access_accept, Code::access_reject, Code::access_challenge, Code::protocol_error}) {
    const auto out = translate(reply_of(code, {attribute(18, text("hello"))}));
    ASSERT_TRUE(out.has_value());
    const PacketView view = wire::parsed(*out);
    EXPECT_EQ(view.code(), code);
    EXPECT_EQ(view.identifier().value, 17);
    EXPECT_EQ(view.message_authenticator_offset(), 22U);
    EXPECT_EQ(verify_response(view, client_, kClientAuthenticator), Authenticity::authentic);
  }
}

TEST_F(TranslateReply, SignsAccountingResponsesOnlyWhereTheDownstreamDid) {
  const auto plain = translate(reply_of(Code::accounting_response, {}));
  const auto with = translate(reply_of(Code::accounting_response, {kMessageAuthenticator}));
  ASSERT_TRUE(plain.has_value() && with.has_value());
  EXPECT_FALSE(wire::parsed(*plain).has(Type::message_authenticator));
  EXPECT_TRUE(wire::parsed(*with).has(Type::message_authenticator));
  for (const Bytes& reply : {*plain, *with}) {
    EXPECT_EQ(verify_response(wire::parsed(reply), client_, kClientAuthenticator),
              Authenticity::authentic);
  }
}

/// Whatever the downstream echoes: nothing, ours, a stranger's, many.
TEST_F(TranslateReply, ReturnsTheClientsProxyStatesAndNoOther) {
  const Bytes name = attribute(1, text("nemo"));
  const Bytes replies[] = {
      reply_of(Code::access_accept, {name}),
      reply_of(Code::access_accept, {name, kClientStates, attribute(33, text("ours"))}),
      reply_of(Code::access_accept,
               {attribute(33, text("forged")), name, kMessageAuthenticator, attribute(33, {})}),
  };
  for (const Bytes& reply : replies) {
    const auto out = translate(reply);
    ASSERT_TRUE(out.has_value());
    const Bytes attributes(out->begin() + 20 + 18, out->end());
    EXPECT_EQ(attributes, join({name, kClientStates}));
  }
  const auto none = translate(replies[1], {});
  ASSERT_TRUE(none.has_value());
  EXPECT_FALSE(wire::parsed(*none).has(Type::proxy_state));
}

TEST_F(TranslateReply, CarriesEveryKeyToTheClientWithSaltsOfItsOwn) {
  const Bytes send = wire::filled(32, 's'), receive = wire::filled(32, 'r');
  const auto mppe = [](int type, const Bytes& key) {
    return wire::vendor_specific(311, attribute(type, salted(key)));  // all with one salt
  };
  const auto out = translate(reply_of(
      Code::access_accept,
      {attribute(69, join({{1}, salted(text("first"))})), mppe(16, send), mppe(17, receive),
       attribute(69, join({{2}, salted(text("second"))})), attribute(25, text("class"))}));
  ASSERT_TRUE(out.has_value());
  const PacketView view = wire::parsed(*out);
  const std::vector<Bytes> all = wire::attributes_of(view);
  ASSERT_EQ(all.size(), 1U + 5U + 3U);
  EXPECT_EQ(revealed(Octets(all[1]).subspan(3)), text("first"));
  EXPECT_EQ(revealed(Octets(all[2]).subspan(8)), send);
  EXPECT_EQ(revealed(Octets(all[3]).subspan(8)), receive);
  EXPECT_EQ(revealed(Octets(all[4]).subspan(3)), text("second"));
  EXPECT_EQ(all[4][2], 2) << "the Tag";
  EXPECT_EQ(all[5], attribute(25, text("class")));
  const auto salt = [&](std::size_t index, std::ptrdiff_t at) {
    return Bytes(all[index].begin() + at, all[index].begin() + at + 2);
  };
  EXPECT_EQ((std::set<Bytes>{salt(1, 3), salt(2, 8), salt(3, 8), salt(4, 3)}).size(), 4U);
}

TEST_F(TranslateReply, SaltsDifferFromReplyToReply) {
  const Bytes reply =
      reply_of(Code::access_accept, {attribute(69, join({{1}, salted(text("password"))}))});
  std::set<Bytes> values;
  for (int i = 0; i < 16; ++i) values.insert(*translate(reply));
  EXPECT_GT(values.size(), 14U) << "drawn from RandomSource";
}

TEST_F(TranslateReply, RefusesKeysOfImpossibleLength) {
  const Bytes bad[] = {
      attribute(69, wire::filled(3 + 17, 1)),
      attribute(69, wire::filled(253, 1)),  // FreeRADIUS before 3.0.10 wrote past its buffer
      wire::vendor_specific(311, attribute(16, hex("8001"))),
      wire::vendor_specific(311, attribute(17, wire::filled(2 + 241, 1))),
  };
  for (const Bytes& each : bad) {
    EXPECT_FALSE(translate(reply_of(Code::access_accept, {each})).has_value());
    EXPECT_EQ(why_, Untranslatable::bad_salted_attribute);
  }
}

TEST_F(TranslateReply, CarriesNoRequests) {
  for (const Code code : {Code::access_request, Code::accounting_request, Code::coa_request,
                          Code::disconnect_request}) {
    EXPECT_FALSE(translate(wire::packet(code, 1, {}, {})).has_value());
    EXPECT_EQ(why_, Untranslatable::wrong_code);
  }
}

TEST_F(TranslateReply, NeverGrowsPast4096) {
  std::vector<Bytes> attributes(15, attribute(18, wire::filled(253, 'm')));  // 3825 octets
  attributes.push_back(attribute(18, wire::filled(231, 'm')));               // and 233: 4058
  const Bytes full = wire::packet(Code::access_accept, 1, {}, attributes);
  ASSERT_EQ(full.size() + 18, kMaxPacketOctets);
  ASSERT_TRUE(translate(full, {}).has_value());
  EXPECT_EQ(translate(full, {})->size(), kMaxPacketOctets);
  EXPECT_FALSE(translate(full, attribute(33, {})).has_value());
  EXPECT_EQ(why_, Untranslatable::too_long);
  // CVE-2017-10978: the last attribute is an Ascend-Send-Secret that just does not fit.
  std::vector<Bytes> ascend(15, attribute(18, wire::filled(253, 'm')));
  ascend.push_back(attribute(18, wire::filled(231, 'm')));
  ascend.push_back(attribute(214, wire::filled(16, 1)));
  EXPECT_FALSE(translate(wire::packet(Code::access_accept, 1, {}, ascend), {}).has_value());
  EXPECT_EQ(why_, Untranslatable::too_long);
}

TEST_F(TranslateReply, NeverExceedsTheAttributesThatAreTaken) {
  const auto reply = [](std::size_t attributes) {
    return wire::packet(Code::access_accept, 1, {},
                        std::vector<Bytes>(attributes, attribute(18, text("m"))));
  };
  const auto most = translate(reply(kMaxAttributes - 1 - 3));  // kClientStates are three
  ASSERT_TRUE(most.has_value());
  EXPECT_TRUE(PacketView::parse(*most).has_value());
  EXPECT_FALSE(translate(reply(kMaxAttributes - 3)).has_value());
  EXPECT_EQ(why_, Untranslatable::too_long);
}

TEST_F(TranslateReply, KeepsStateClassAndEapAsTheyAre) {
  const Bytes eap[] = {attribute(79, wire::filled(253, 1)), attribute(79, wire::filled(9, 2))};
  const Bytes state = attribute(Type::state, hex("00ff00ff"));
  const auto out = translate(
      reply_of(Code::access_challenge, {state, eap[0], eap[1], kMessageAuthenticator}), {});
  ASSERT_TRUE(out.has_value());
  EXPECT_EQ(Bytes(out->begin() + 38, out->end()), join({state, eap[0], eap[1]}));
}

class LocalReplyTest : public ::testing::Test {
 protected:
  Bytes write(Code code, std::string_view message, std::optional<std::uint8_t> eap = std::nullopt,
              const Bytes& states = kClientStates) {
    std::array<std::uint8_t, kMaxPacketOctets> out;
    const std::size_t length = write_local_reply({.code = code,
                                                  .client = client_,
                                                  .client_identifier = {17},
                                                  .client_authenticator = kClientAuthenticator,
                                                  .client_proxy_states = states,
                                                  .reply_message = message,
                                                  .eap_failure_identifier = eap},
                                                 out);
    return {out.begin(), out.begin() + static_cast<std::ptrdiff_t>(length)};
  }

  HopKey client_{Secret(kClientSecret)};
};

TEST_F(LocalReplyTest, RejectsWithMessageEapFailureAndProxyStates) {
  const Bytes out = write(Code::access_reject, "denied on the phone", 0x2a);
  const PacketView view = wire::parsed(out);
  EXPECT_EQ(view.code(), Code::access_reject);
  EXPECT_EQ(view.identifier().value, 17);
  EXPECT_EQ(view.message_authenticator_offset(), 22U);
  EXPECT_EQ(verify_response(view, client_, kClientAuthenticator), Authenticity::authentic);
  EXPECT_EQ(Bytes(out.begin() + 38, out.end()),
            join({attribute(79, hex("042a0004")), attribute(18, text("denied on the phone")),
                  kClientStates}));
}

// CVE-2024-3596 is about Access-Accepts and their like; what acknowledges accounting grants
// nothing.
TEST_F(LocalReplyTest, CarriesAMessageAuthenticatorWhereOneIsNeeded) {
  const Bytes accept = write(Code::access_accept, "", std::nullopt, {});
  EXPECT_EQ(accept.size(), 38U) << "nothing but the Message-Authenticator";
  const Bytes response = write(Code::accounting_response, "", std::nullopt, {});
  EXPECT_EQ(response.size(), 20U) << "nothing";
  for (const Bytes& out : {accept, response})
    EXPECT_EQ(verify_response(wire::parsed(out), client_, kClientAuthenticator),
              Authenticity::authentic);
}

TEST_F(LocalReplyTest, CutsLongMessagesBetweenCharacters) {
  const auto message = [&](const std::string& words) {
    const Bytes out = write(Code::access_reject, words);
    return std::string(as_text(*wire::parsed(out).find(Type::reply_message)));
  };
  EXPECT_EQ(message(std::string(253, 'a')), std::string(253, 'a'));
  EXPECT_EQ(message(std::string(254, 'a')), std::string(253, 'a'));
  // "ā" is two octets: the 127th would end at 254.
  std::string latvian;
  for (int i = 0; i < 130; ++i) latvian += "ā";
  EXPECT_EQ(message(latvian), latvian.substr(0, 252));
  EXPECT_EQ(message(std::string(250, 'a') + "🔑🔑"), std::string(250, 'a'));
}

TEST_F(LocalReplyTest, GivesProxyStatesTheRoomTheyNeed) {
  Bytes states;
  for (int i = 0; i < 15; ++i) {
    states = join({states, attribute(33, wire::filled(253, static_cast<std::uint8_t>(i)))});
  }
  const Bytes exactly = join({states, attribute(33, wire::filled(231, 1))});  // 4096 - 20 - 18
  ASSERT_EQ(exactly.size(), 4058U);
  const Bytes out = write(Code::access_reject, "left out", std::nullopt, exactly);
  EXPECT_EQ(out.size(), kMaxPacketOctets);
  EXPECT_FALSE(wire::parsed(out).has(Type::reply_message));
  EXPECT_TRUE(write(Code::access_reject, "", std::nullopt, join({exactly, hex("2102")})).empty());

  Bytes many;
  for (std::size_t i = 0; i < kMaxAttributes - 1; ++i) many = join({many, hex("2102")});
  const Bytes full = write(Code::access_reject, "left out", std::nullopt, many);
  EXPECT_EQ(wire::attributes_of(full).size(), kMaxAttributes);
  EXPECT_TRUE(write(Code::access_reject, "", 1, many).empty());
}

}  // namespace
}  // namespace sallyport::radius
