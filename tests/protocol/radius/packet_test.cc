#include "protocol/radius/packet.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "tests/protocol/radius/wire.h"

namespace sallyport::radius {
namespace {

using wire::attribute;
using wire::Bytes;
using wire::hex;
using wire::join;

const Authenticator kAuthenticator = wire::authenticator_of(0x10);

Bytes access_request(std::initializer_list<Bytes> attributes) {
  return wire::packet(Code::access_request, 7, kAuthenticator, attributes);
}

Bytes with_length(Bytes packet, unsigned length) {
  packet[2] = static_cast<std::uint8_t>(length >> 8);
  packet[3] = static_cast<std::uint8_t>(length);
  return packet;
}

Bytes with_code(Bytes packet, std::uint8_t code) {
  packet[0] = code;
  return packet;
}

Bytes repeated(const Bytes& part, std::size_t times) {
  Bytes out;
  for (std::size_t i = 0; i < times; ++i) out.insert(out.end(), part.begin(), part.end());
  return out;
}

Bytes message_authenticator(std::size_t octets = 16) {
  return attribute(Type::message_authenticator, wire::zeros(octets));
}

struct MalformedCase {
  std::string name;
  Bytes datagram;
  Malformed reason;
};

std::vector<MalformedCase> malformed_cases() {
  using enum Malformed;
  const Bytes plain = access_request({attribute(Type::user_name, wire::text("nemo"))});
  std::vector<MalformedCase> cases = {
      {"nothing", {}, too_short},
      {"three octets, not even a Length", hex("01 00 00"), too_short},
      {"19 octets", Bytes(plain.begin(), plain.begin() + 19), too_short},
      {"Length 0", with_length(plain, 0), length_below_minimum},
      {"Length 3", with_length(plain, 3), length_below_minimum},
      {"Length 19", with_length(plain, 19), length_below_minimum},
      {"Length 4097", with_length(plain, 4097), length_above_maximum},
      {"Length 65535", with_length(plain, 65'535), length_above_maximum},
      {"Length one more than the datagram",
       with_length(plain, static_cast<unsigned>(plain.size() + 1)), length_beyond_datagram},
      {"Length 4096 of a short datagram", with_length(plain, 4096), length_beyond_datagram},
      {"Length leaves one octet of an attribute", with_length(plain, 21),
       attribute_header_truncated},
      {"Length cuts an attribute", with_length(plain, 23), attribute_beyond_packet},
      {"one octet behind the last attribute",
       access_request({attribute(Type::user_name, wire::text("nemo")), {1}}),
       attribute_header_truncated},
      {"type 0", access_request({hex("00 06 01 02 03 04")}), attribute_type_zero},
      {"attribute length 0", access_request({hex("01 00")}), attribute_length_below_two},
      {"attribute length 1", access_request({hex("01 01 02 03")}), attribute_length_below_two},
      {"attribute one past the end", access_request({hex("01 05 61 62")}), attribute_beyond_packet},
      {"attribute length 255 of three", access_request({hex("01 ff 61")}), attribute_beyond_packet},
      {"256 attributes", access_request({repeated(hex("12 03 61"), 256)}), too_many_attributes},
      {"2000 empty attributes", access_request({repeated(hex("12 02"), 2000)}),
       too_many_attributes},
      {"Message-Authenticator of length 2", access_request({message_authenticator(0)}),
       message_authenticator_length},
      {"Message-Authenticator of length 17", access_request({message_authenticator(15)}),
       message_authenticator_length},
      {"Message-Authenticator of length 19", access_request({message_authenticator(17)}),
       message_authenticator_length},
      {"Message-Authenticator of length 253", access_request({message_authenticator(251)}),
       message_authenticator_length},
      {"Message-Authenticator cut by the end",
       access_request({hex("50 12 00 01 02 03 04 05 06 07")}), attribute_beyond_packet},
      {"two Message-Authenticators",
       access_request({message_authenticator(), message_authenticator()}),
       message_authenticator_twice},
      {"two Message-Authenticators, first and last",
       access_request(
           {message_authenticator(), attribute(1, wire::text("nemo")), message_authenticator()}),
       message_authenticator_twice},
      {"EAP without Message-Authenticator",
       access_request({attribute(Type::eap_message, hex("02 01 00 05 01"))}),
       eap_without_message_authenticator},
      {"EAP reply without Message-Authenticator",
       wire::packet(Code::access_challenge, 7, kAuthenticator,
                    {attribute(Type::eap_message, hex("01 01 00 05 01"))}),
       eap_without_message_authenticator},
      {"empty EAP-Message without Message-Authenticator", access_request({hex("4f 02")}),
       eap_without_message_authenticator},
      {"Status-Server without Message-Authenticator",
       wire::packet(Code::status_server, 7, kAuthenticator, {}),
       status_server_without_message_authenticator},
  };
  for (const int code : {0, 6, 7, 8, 9, 10, 13, 14, 39, 46, 51, 53, 254, 255}) {
    cases.push_back({"code " + std::to_string(code),
                     with_code(plain, static_cast<std::uint8_t>(code)), unknown_code});
  }
  return cases;
}

TEST(PacketView, RefusesEveryMalformedDatagramWithItsReason) {
  std::set<Malformed> seen;
  for (const MalformedCase& each : malformed_cases()) {
    const auto view = PacketView::parse(each.datagram);
    ASSERT_FALSE(view.has_value()) << each.name;
    EXPECT_STREQ(to_text(view.error()), to_text(each.reason)) << each.name;
    seen.insert(each.reason);
  }
  EXPECT_EQ(seen.size(), kMalformedReasons) << "a reason has no case of its own";
}

TEST(PacketView, GivesEveryReasonATextOfItsOwn) {
  std::set<std::string> texts;
  for (std::size_t i = 0; i < kMalformedReasons; ++i) {
    texts.insert(to_text(static_cast<Malformed>(i)));
  }
  EXPECT_EQ(texts.size(), kMalformedReasons);
  EXPECT_FALSE(texts.contains("unknown"));
}

/// Odd, and none of it a reason to drop the packet: attributes are for the one who knows them
/// (RFC 6929 §5.2). The inputs are those of old vulnerabilities in parsers of the field.
TEST(PacketView, PassesOddAttributesUntouched) {
  const std::pair<std::string, Bytes> odd[] = {
      {"FR-GV-302: empty attributes of types that are put together", hex("89 02 90 02 b4 02")},
      {"FR-GV-302 with EAP", join({message_authenticator(), hex("4f 02")})},
      {"CVE-2017-13032: tagged attribute without a tag", hex("40 02")},
      {"CVE-2017-10979: inner length too big", hex("1a0a000060b52c048000 1a09000060b52cfa00")},
      {"CVE-2017-10984: continuation with nothing behind it", hex("1a09000060b5010480")},
      {"CVE-2017-13032: Vendor-Specific of 0 to 4 octets",
       hex("1a02 1a0301 1a040102 1a05010203 1a0601020304")},
      {"CA-2002-06: vendor length 0 and 1", hex("1a08000000090100 1a08000000090101")},
      {"CVE-2022-24704: addresses of wrong length", hex("0403c0 0802 6003 01 6102")},
      {"extended attributes without extended type, and with More on the last",
       hex("f102 f202 f302 f402 f502 f602 f5041a80 f6051a8001")},
      {"a binary filter that is none (CVE-2022-41861)", hex("f2030a")},
      {"fifteen Proxy-States, the first empty",
       join({hex("2102"), repeated(hex("210601020304"), 14)})},
      {"EAP-Messages apart from each other, of impossible EAP length",
       join({hex("4f06010200ff"), message_authenticator(), hex("4f0401ff")})},
      {"255 attributes", repeated(hex("12 03 61"), 255)},
  };
  for (const auto& [name, attributes] : odd) {
    const Bytes datagram = access_request({attributes});
    const auto view = PacketView::parse(datagram);
    ASSERT_TRUE(view.has_value()) << name << ": " << to_text(view.error());
    Bytes again;
    for (const Attribute each : *view) {
      EXPECT_EQ(each.value.size() + 2, each.whole.size()) << name;
      again.insert(again.end(), each.whole.begin(), each.whole.end());
    }
    EXPECT_EQ(again, attributes) << name;
  }
}

TEST(PacketView, TakesTheShortestAndTheLongestPacket) {
  EXPECT_TRUE(PacketView::parse(access_request({})).has_value());

  Bytes longest = access_request(
      {repeated(attribute(18, wire::filled(253, 'a')), 15), attribute(18, wire::filled(249, 'b'))});
  ASSERT_EQ(longest.size(), kMaxPacketOctets);
  EXPECT_EQ(wire::parsed(longest).octets().size(), kMaxPacketOctets);
  longest[3] = 0xff;
  longest[2] = 0x0f;  // 4095: the last attribute is one octet short
  EXPECT_EQ(PacketView::parse(longest).error(), Malformed::attribute_beyond_packet);
}

TEST(PacketView, IgnoresPaddingBehindLength) {
  const Bytes plain = access_request({attribute(Type::user_name, wire::text("nemo"))});
  const Bytes padded = join({plain, wire::filled(40, 0)});
  const PacketView view = wire::parsed(padded);
  EXPECT_EQ(view.octets().size(), plain.size());
  EXPECT_EQ(wire::attributes_of(view), wire::attributes_of(plain));
}

TEST(PacketView, FindsTheMessageAuthenticatorWhereverItStands) {
  const Bytes name = attribute(Type::user_name, wire::text("nemo"));
  const Bytes first = access_request({message_authenticator(), name});
  const Bytes last = access_request({name, message_authenticator()});
  const Bytes none = access_request({name});
  EXPECT_EQ(wire::parsed(first).message_authenticator_offset(), 22U);
  EXPECT_EQ(wire::parsed(last).message_authenticator_offset(), 28U);
  EXPECT_EQ(wire::parsed(none).message_authenticator_offset(), 0U);
}

TEST(PacketView, ReadsTheHeaderAndFindsAttributesByType) {
  const Bytes datagram = access_request({attribute(Type::user_name, wire::text("first")),
                                         attribute(Type::user_name, wire::text("second")),
                                         attribute(255, {9}), attribute(Type::state, {})});
  const PacketView view = wire::parsed(datagram);
  EXPECT_EQ(view.code(), Code::access_request);
  EXPECT_EQ(view.identifier().value, 7);
  EXPECT_EQ(view.authenticator(), kAuthenticator);
  EXPECT_EQ(as_text(*view.find(Type::user_name)), "first");
  EXPECT_TRUE(view.has(static_cast<Type>(255)));
  EXPECT_TRUE(view.find(Type::state)->empty());
  EXPECT_FALSE(view.has(Type::user_password));
  EXPECT_FALSE(view.find(Type::user_password).has_value());
}

}  // namespace
}  // namespace sallyport::radius
