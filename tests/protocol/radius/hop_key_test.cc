#include "protocol/radius/hop_key.h"

#include <gtest/gtest.h>

#include "protocol/radius/translate.h"
#include "tests/protocol/radius/wire.h"

namespace sallyport::radius {
namespace {

using wire::attribute;
using wire::Bytes;
using wire::hex;

constexpr std::string_view kSecret = "xyzzy5461";  // of all examples in RFC 2865 and 5997

const HopKey& key() {
  static const HopKey instance{Secret(kSecret)};
  return instance;
}

Bytes digest(const Authenticator& value) { return {value.octets.begin(), value.octets.end()}; }

// RFC 2865 §7.1: a user telnets; User-Password is "arctangent".
const Bytes kPapRequest = hex(
    "01000038 0f403f9473978057bd83d5cb98f4227a 01066e656d6f 02120dbe708d93d413ce3196e43f782a0aee"
    "0406c0a80110 050600000003");
const Bytes kPapAccept =
    hex("02000026 86fe220e7624ba2a1005f6bf9b55e0b2 060600000001 0f0600000000 0e06c0a80103");

// RFC 2865 §7.2: a framed user with CHAP; the password is "arctangent" too.
const Bytes kChapRequest = hex(
    "01010047 2aee86f08d0d55969ca5978e0d3367a2 0108666c6f707379"
    "031316e97557c316185895f293ff634407727504 06c0a80110 050600000014 060600000002 070600000001");
const Bytes kChapAccept =
    hex("02010038 15efbc7dab26cfa3dc34d9c03c8601a4 060600000002 070600000001 0806fffffffe"
        "0a0600000002 0d0600000001 0c06000005dc");

// RFC 5997 §6.1: Status-Server to the authentication port.
const Bytes kStatusRequest =
    hex("0cda0026 8a54f4686fb394c52866e302185d0623 50125a665e2e1e8411f3e243822097c84fa3");
const Bytes kStatusReply = hex("02da0014 ef0d552a4bf2d693ec2b6fe8b5411d66");

// RFC 5997 §6.2: to the accounting port. Printed there with code 02, but its digest is of code 05.
const Bytes kStatusAccountingRequest =
    hex("0cb30026 925f6b66dd5fed571fcb1db7ad388260 5012e8d6eabda910875cd91fdade26367858");
const Bytes kStatusAccountingReply = hex("05b30014 0f6f92145f107e2f504e860a4860669c");

// RFC 5997 §6.3: answered in words.
const Bytes kVerboseRequest =
    hex("0c47002c bf58de56ae408ad3b70c8513f9b03fbe 0406c0000210"
        "5012852d6fec61e7ed74b8e32dac2f2a5fb2");
const Bytes kVerboseReply = wire::join({hex("02470034 46f43e62fd0354424cbbebfd6d214e06 1220"),
                                        wire::text("RADIUS Server up 2 days, 18:40")});

TEST(HopKey, ChecksThePapExampleOfRfc2865) {
  const PacketView request = wire::parsed(kPapRequest);
  EXPECT_EQ(verify_request(request, key()), Authenticity::authentic);
  std::uint8_t clear[128];
  const auto length = reveal_user_password(*request.find(Type::user_password), key(),
                                           request.authenticator(), clear);
  ASSERT_TRUE(length.has_value());
  EXPECT_EQ(as_text(Octets(clear, *length)), "arctangent");
  EXPECT_EQ(verify_response(wire::parsed(kPapAccept), key(), request.authenticator()),
            Authenticity::authentic);
}

TEST(HopKey, ChecksTheChapExampleOfRfc2865) {
  const PacketView request = wire::parsed(kChapRequest);
  EXPECT_EQ(verify_response(wire::parsed(kChapAccept), key(), request.authenticator()),
            Authenticity::authentic);
  // The challenge is the Request Authenticator: what a proxy must not lose.
  const Octets chap = *request.find(Type::chap_password);
  const Authenticator expected =
      wire::md5(wire::join({{chap[0]}, wire::text("arctangent"), digest(request.authenticator())}));
  EXPECT_EQ(Bytes(chap.begin() + 1, chap.end()), digest(expected));
}

TEST(HopKey, ChecksTheStatusServerExamplesOfRfc5997) {
  const std::pair<const Bytes&, const Bytes&> examples[] = {
      {kStatusRequest, kStatusReply},
      {kStatusAccountingRequest, kStatusAccountingReply},
      {kVerboseRequest, kVerboseReply},
  };
  for (const auto& [request_octets, reply_octets] : examples) {
    const PacketView request = wire::parsed(request_octets);
    EXPECT_EQ(verify_request(request, key()), Authenticity::authentic);
    EXPECT_EQ(verify_response(wire::parsed(reply_octets), key(), request.authenticator()),
              Authenticity::authentic);
  }
  Bytes as_printed = kStatusAccountingReply;
  as_printed[0] = 2;
  EXPECT_EQ(verify_response(wire::parsed(as_printed), key(),
                            wire::parsed(kStatusAccountingRequest).authenticator()),
            Authenticity::bad_authenticator);
}

TEST(HopKey, SaysWhatIsWrong) {
  const Authenticator authenticator = wire::authenticator_of(3);
  const auto flip = [](Bytes packet, std::size_t at) {
    packet[at] ^= 1;
    return packet;
  };
  Bytes access = wire::packet(Code::access_request, 1, authenticator,
                              {attribute(80, wire::zeros(16)), attribute(1, wire::text("nemo"))});
  wire::sign_random(access, kSecret);
  EXPECT_EQ(verify_request(wire::parsed(access), key()), Authenticity::authentic);
  for (const std::size_t at :
       {std::size_t{1}, std::size_t{4}, std::size_t{22}, std::size_t{37}, access.size() - 1}) {
    EXPECT_EQ(verify_request(wire::parsed(flip(access, at)), key()),
              Authenticity::bad_message_authenticator)
        << at;
  }

  Bytes accounting =
      wire::packet(Code::accounting_request, 1, {}, {attribute(40, hex("00000001"))});
  wire::sign_computed(accounting, kSecret, {});
  EXPECT_EQ(verify_request(wire::parsed(accounting), key()), Authenticity::authentic);
  EXPECT_EQ(verify_request(wire::parsed(flip(accounting, 25)), key()),
            Authenticity::bad_authenticator);

  Bytes reply = wire::packet(Code::access_reject, 1, {}, {attribute(80, wire::zeros(16))});
  wire::sign_computed(reply, kSecret, authenticator);
  EXPECT_EQ(verify_response(wire::parsed(reply), key(), authenticator), Authenticity::authentic);
  EXPECT_EQ(verify_response(wire::parsed(reply), key(), wire::authenticator_of(4)),
            Authenticity::bad_authenticator);
}

/// Right by MD5, wrong by HMAC: what an attacker who can make MD5 collide sends (CVE-2024-3596).
TEST(HopKey, RefusesARightAuthenticatorWithAWrongMessageAuthenticator) {
  const Authenticator authenticator = wire::authenticator_of(3);
  for (const Code code : {Code::access_accept, Code::accounting_response, Code::coa_ack}) {
    Bytes reply = wire::packet(code, 1, authenticator, {attribute(80, wire::filled(16, 0xaa))});
    const Authenticator value = wire::md5(wire::join({reply, wire::text(kSecret)}));
    std::ranges::copy(value.octets, reply.begin() + 4);
    EXPECT_EQ(verify_response(wire::parsed(reply), key(), authenticator),
              Authenticity::bad_message_authenticator);
  }
}

TEST(HopKey, SignsEveryKindOfRequestAsItsRfcSays) {
  for (const Code code : {Code::accounting_request, Code::coa_request, Code::disconnect_request}) {
    for (const bool with_message_authenticator : {false, true}) {
      std::vector<Bytes> attributes{attribute(44, wire::text("session"))};
      if (with_message_authenticator) attributes.push_back(attribute(80, wire::zeros(16)));
      Bytes request = wire::packet(code, 9, {}, attributes);
      wire::sign_computed(request, kSecret, {});
      EXPECT_EQ(verify_request(wire::parsed(request), key()), Authenticity::authentic);
    }
  }
}

TEST(HopKey, ProvesNoReplyAsRequestAndNoRequestAsReply) {
  const Authenticator authenticator = wire::authenticator_of(3);
  Bytes reply = wire::packet(Code::access_accept, 1, {}, {});
  wire::sign_computed(reply, kSecret, {});
  EXPECT_EQ(verify_request(wire::parsed(reply), key()), Authenticity::bad_authenticator);
  Bytes request = wire::packet(Code::access_request, 1, {}, {});
  wire::sign_computed(request, kSecret, authenticator);
  EXPECT_EQ(verify_response(wire::parsed(request), key(), authenticator),
            Authenticity::bad_authenticator);
}

TEST(HopKey, DoesNotHashPadding) {
  const Bytes padded = wire::join({kVerboseRequest, wire::filled(7, 0x55)});
  EXPECT_EQ(verify_request(wire::parsed(padded), key()), Authenticity::authentic);
  const Bytes padded_reply = wire::join({kPapAccept, wire::filled(64, 0x55)});
  EXPECT_EQ(
      verify_response(wire::parsed(padded_reply), key(), wire::parsed(kPapRequest).authenticator()),
      Authenticity::authentic);
}

/// RFC 2104 §2: a key longer than MD5's block is replaced by its digest; 64 octets is not longer.
TEST(HopKey, TakesSecretsOfAnyLength) {
  for (const std::size_t length : {1U, 16U, 63U, 64U, 65U, 128U, 300U}) {
    const std::string secret(length, 's');
    const HopKey long_key{Secret(secret)};
    const Bytes message = wire::text("what do ya want for nothing?");
    EXPECT_EQ(digest(long_key.hmac_md5(message)), digest(wire::hmac_md5(secret, message)))
        << length;
    Bytes request = wire::packet(Code::access_request, 1, wire::authenticator_of(1),
                                 {attribute(80, wire::zeros(16))});
    wire::sign_random(request, secret);
    EXPECT_EQ(verify_request(wire::parsed(request), long_key), Authenticity::authentic) << length;
  }
  // RFC 2202 §2, test case 2.
  EXPECT_EQ(digest(HopKey{Secret(std::string_view("Jefe"))}.hmac_md5(
                wire::text("what do ya want for nothing?"))),
            hex("750c783e6ab0b503eaa86e310a5db738"));
}

TEST(HopKey, MakesPadsOfTheirParts) {
  const Bytes a = wire::text("first"), b = wire::text("second");
  EXPECT_EQ(digest(key().pad(a, b)), digest(wire::md5(wire::join({wire::text(kSecret), a, b}))));
  const Authenticator authenticator = wire::authenticator_of(9);
  EXPECT_EQ(digest(key().ascend_pad(authenticator)),
            digest(wire::md5(wire::join({digest(authenticator), wire::text(kSecret)}))));
}

}  // namespace
}  // namespace sallyport::radius
