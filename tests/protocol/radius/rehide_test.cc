#include "protocol/radius/rehide.h"

#include <set>

#include <gtest/gtest.h>

#include "tests/protocol/radius/wire.h"

namespace sallyport::radius {
namespace {

using wire::Bytes;
using wire::hex;
using wire::join;
using wire::text;

constexpr std::string_view kFromSecret = "testing123";
constexpr std::string_view kToSecret =
    "another secret, longer than one block of MD5 so that nothing is lost on the way";
const Authenticator kFrom = wire::authenticator_of(0);  // 00..0f, as FreeRADIUS' vectors have it
const Authenticator kTo = wire::authenticator_of(0x80);
constexpr std::uint16_t kFirstSalt = 0x1234;  // top bit clear: the Rehider has to set it

class Rehide : public ::testing::Test {
 protected:
  /// The whole attribute after the hop; nullopt: refused.
  std::optional<Bytes> rehide(const Bytes& whole) {
    Bytes copy(whole.begin() + 2, whole.end());
    const Octets octets(whole);
    const auto done = rehider_.rehide(
        {.type = static_cast<Type>(whole[0]), .value = octets.subspan(2), .whole = octets}, copy);
    if (!done) {
      why_ = done.error();
      return std::nullopt;
    }
    return join({{whole[0], whole[1]}, copy});
  }

  HopKey from_{Secret(kFromSecret)};
  HopKey to_{Secret(kToSecret)};
  Rehider rehider_{{from_, kFrom}, {to_, kTo}, kFirstSalt};
  std::optional<BadHiding> why_;
};

Bytes tail(const Bytes& octets, std::size_t from) {
  return {octets.begin() + static_cast<std::ptrdiff_t>(from), octets.end()};
}

Bytes salted(const Bytes& clear, const Bytes& salt = hex("8001")) {
  return wire::hide_salted(clear, salt, kFromSecret, kFrom);
}

Bytes revealed(const Bytes& value) { return wire::reveal_salted(value, kToSecret, kTo); }

/// A vendor's attribute of format 1, 1.
Bytes sub(int type, const Bytes& value) { return wire::attribute(type, value); }

TEST_F(Rehide, CarriesUserPasswordsOfEveryLength) {
  for (std::size_t length = 0; length <= 128; ++length) {
    const Bytes clear = wire::filled(length, 'p');
    const Bytes whole = wire::attribute(2, wire::hide_password(clear, kFromSecret, kFrom));
    const auto out = rehide(whole);
    ASSERT_TRUE(out.has_value()) << length;
    Bytes expected = wire::hide_password(clear, kToSecret, kTo);
    EXPECT_EQ(tail(*out, 2), expected) << length;
  }
}

TEST_F(Rehide, RefusesUserPasswordsOfImpossibleLength) {
  for (const std::size_t length : {0U, 1U, 15U, 17U, 127U, 129U, 144U, 253U}) {
    EXPECT_FALSE(rehide(wire::attribute(2, wire::filled(length, 1))).has_value()) << length;
    EXPECT_EQ(why_, BadHiding::user_password) << length;
  }
}

/// The vectors that FreeRADIUS' own tests decode: secret testing123, authenticator 00..0f. Their
/// padding is random and their salts lack the top bit; only the clear text counts.
TEST_F(Rehide, CarriesTheTunnelPasswordsOfFreeRadius) {
  const std::pair<Bytes, std::string> vectors[] = {
      {hex("45 15 00 99 73 05 1d e6 c5 57 30 7d ac d5 da a5 99 f4 e2 6e 7e"), "foo"},
      {hex("45 15 00 9d c5 c4 69 23 3a 16 57 b3 5c 97 82 3c 97 ec 6b 7e f1"), "bar"},
      {hex("45 15 00 c0 6f 25 5f 09 b7 dc 0e 4a 1a 46 56 05 f4 8f 7c 0b a4"), "barbar"},
  };
  for (const auto& [whole, clear] : vectors) {
    const auto out = rehide(whole);
    ASSERT_TRUE(out.has_value()) << clear;
    EXPECT_EQ(out->size(), whole.size());
    EXPECT_EQ(out->at(2), whole[2]) << "the Tag stays";
    EXPECT_NE(out->at(3) & 0x80, 0) << "the salt's top bit";
    EXPECT_EQ(revealed(tail(*out, 3)), text(clear));
  }
}

TEST_F(Rehide, CarriesSaltedValuesOfEveryLength) {
  for (std::size_t length = 0; length <= 239; ++length) {
    const Bytes clear = wire::filled(length, 'k');
    const auto out = rehide(wire::attribute(69, join({{5}, salted(clear)})));
    ASSERT_TRUE(out.has_value()) << length;
    EXPECT_EQ(revealed(tail(*out, 3)), clear) << length;
  }
}

TEST_F(Rehide, RefusesSaltedValuesOfImpossibleLength) {
  // Tunnel-Password: Tag, Salt, then 16, 32, ... octets.
  for (const std::size_t length :
       {0U, 1U, 2U, 3U, 3U + 1U, 3U + 15U, 3U + 17U, 3U + 31U, 3U + 241U}) {
    EXPECT_FALSE(rehide(wire::attribute(69, wire::filled(length, 9))).has_value()) << length;
    EXPECT_EQ(why_, BadHiding::other) << length;
  }
  // MS-MPPE-Send-Key: the same without the Tag. 241 and more once overflowed an octet elsewhere.
  for (const std::size_t length : {0U, 1U, 2U, 2U + 15U, 2U + 17U, 2U + 241U}) {
    EXPECT_FALSE(rehide(wire::vendor_specific(311, sub(16, wire::filled(length, 9)))).has_value())
        << length;
  }
  EXPECT_TRUE(rehide(wire::vendor_specific(311, sub(16, wire::filled(2 + 240, 9)))).has_value());
}

/// A length octet that lies is the receiver's to judge: nothing is decoded on the way.
TEST_F(Rehide, CarriesALengthOctetThatPointsBeyondTheData) {
  Bytes padded = wire::zeros(16);
  padded[0] = 200;
  const Bytes value =
      join({hex("8001"), wire::hide_password(padded, kFromSecret, kFrom, hex("8001"))});
  const auto out = rehide(wire::attribute(69, join({{0}, value})));
  ASSERT_TRUE(out.has_value());
  const Bytes salt(out->begin() + 3, out->begin() + 5);
  EXPECT_EQ(wire::reveal_password(tail(*out, 5), kToSecret, kTo, salt), padded);
}

TEST_F(Rehide, GivesEverySaltedAttributeASaltOfItsOwn) {
  std::set<Bytes> salts;
  const std::size_t count = 255;  // as many as a packet holds
  for (std::size_t i = 0; i < count; ++i) {
    // Each comes with the same salt: two-time pads are not carried on.
    const auto out = rehide(wire::attribute(69, join({{1}, salted(text("key"))})));
    ASSERT_TRUE(out.has_value());
    EXPECT_NE(out->at(3) & 0x80, 0);
    salts.emplace(out->begin() + 3, out->begin() + 5);
  }
  EXPECT_EQ(salts.size(), count);
}

TEST(RehideSalt, StaysUniqueWhereTheCounterWraps) {
  const HopKey key{Secret(kFromSecret)};
  Rehider rehider({key, kFrom}, {key, kTo}, 0xfffe);
  std::set<Bytes> salts;
  for (int i = 0; i < 5; ++i) {
    const Bytes value = join({{1}, salted(text("key"))});
    Bytes copy = value;
    ASSERT_TRUE(rehider.rehide({.type = Type::tunnel_password, .value = value, .whole = {}}, copy));
    salts.emplace(copy.begin() + 1, copy.begin() + 3);
  }
  EXPECT_EQ(salts,
            (std::set<Bytes>{hex("fffe"), hex("ffff"), hex("8000"), hex("8001"), hex("8002")}));
}

TEST_F(Rehide, CarriesBothMppeKeysInOneVendorSpecific) {
  const Bytes send = wire::filled(32, 's'), receive = wire::filled(32, 'r');
  const Bytes whole = wire::vendor_specific(
      311, join({sub(16, salted(send)), sub(7, hex("00000001")), sub(17, salted(receive))}));
  const auto out = rehide(whole);
  ASSERT_TRUE(out.has_value());
  ASSERT_EQ(out->size(), whole.size());
  const Bytes inner = tail(*out, 6);
  EXPECT_EQ(revealed(Bytes(inner.begin() + 2, inner.begin() + 52)), send);
  EXPECT_EQ(Bytes(inner.begin() + 52, inner.begin() + 58), sub(7, hex("00000001")));
  EXPECT_EQ(revealed(tail(inner, 60)), receive);
}

TEST_F(Rehide, CarriesMsChapMppeKeysAsUserPassword) {
  const Bytes keys = join({wire::filled(8, 'l'), wire::filled(16, 'n')});
  const auto out =
      rehide(wire::vendor_specific(311, sub(12, wire::hide_password(keys, kFromSecret, kFrom))));
  ASSERT_TRUE(out.has_value());
  EXPECT_EQ(tail(*out, 8), wire::hide_password(keys, kToSecret, kTo));
  EXPECT_FALSE(rehide(wire::vendor_specific(311, sub(12, wire::filled(24, 1)))).has_value());
  EXPECT_EQ(why_, BadHiding::other);
}

TEST_F(Rehide, CarriesAscendSecretsInEitherSpaceAndLucentsWideTypes) {
  const Bytes clear = text("sixteen letters.");
  const Bytes hidden = wire::ascend_secret(clear, kFromSecret, kFrom);
  const Bytes expected = wire::ascend_secret(clear, kToSecret, kTo);
  EXPECT_EQ(rehide(wire::attribute(214, hidden)), wire::attribute(214, expected));
  EXPECT_EQ(rehide(wire::vendor_specific(529, sub(215, hidden))),
            wire::vendor_specific(529, sub(215, expected)));
  const Bytes header = hex("00d6 13");  // Lucent: two octets of type, one of length
  EXPECT_EQ(rehide(wire::vendor_specific(4846, join({header, hidden}))),
            wire::vendor_specific(4846, join({header, expected})));
}

/// CVE-2017-10978 was a write past the end for these.
TEST_F(Rehide, PassesAscendSecretsOfAnotherLengthUntouched) {
  for (const std::size_t length : {0U, 1U, 15U, 17U, 253U}) {
    const Bytes whole = wire::attribute(214, wire::filled(length, 3));
    EXPECT_EQ(rehide(whole), whole) << length;
  }
}

TEST_F(Rehide, CarriesWimaxKeysAndKeysNestedInTlvs) {
  const Bytes msk = wire::filled(64, 'm');
  Bytes value = salted(msk);
  const auto plain = rehide(wire::vendor_specific(
      24757, join({{5, static_cast<std::uint8_t>(value.size() + 3), 0}, value})));
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(revealed(tail(*plain, 9)), msk);

  const Bytes key = wire::filled(20, 'd');
  const Bytes address = sub(1, hex("c0000201"));
  const Bytes tlvs = join({address, sub(3, salted(key)), sub(5, hex("00000e10"))});
  const auto nested = rehide(wire::vendor_specific(
      24757, join({{86, static_cast<std::uint8_t>(tlvs.size() + 3), 0}, tlvs})));
  ASSERT_TRUE(nested.has_value());
  const Bytes inner = tail(*nested, 9);
  EXPECT_EQ(Bytes(inner.begin(), inner.begin() + 6), address);
  EXPECT_EQ(revealed(Bytes(inner.begin() + 8, inner.end() - 6)), key);
  EXPECT_EQ(tail(inner, inner.size() - 6), sub(5, hex("00000e10")));
}

TEST_F(Rehide, RefusesAWimaxKeyInPieces) {
  const Bytes value = salted(wire::filled(64, 'm'));
  EXPECT_FALSE(
      rehide(wire::vendor_specific(
                 24757, join({{5, static_cast<std::uint8_t>(value.size() + 3), 0x80}, value})))
          .has_value());
  EXPECT_EQ(why_, BadHiding::other);
}

TEST_F(Rehide, PassesWhatItCannotParseUntouched) {
  const Bytes key = sub(16, salted(text("key")));
  const Bytes untouched[] = {
      wire::attribute(26, {}),
      wire::attribute(26, hex("00")),
      wire::attribute(26, hex("000001")),
      wire::vendor_specific(311, {}),
      wire::vendor_specific(311, hex("10")),
      wire::vendor_specific(311, hex("1000")),             // vendor length 0
      wire::vendor_specific(311, hex("1001")),             // vendor length 1
      wire::vendor_specific(311, hex("100401")),           // past the end
      wire::vendor_specific(311, join({key, hex("11")})),  // a right key, then a broken header
      wire::vendor_specific(311, join({key, hex("1122")})),
      wire::vendor_specific(9, key),                       // a vendor that hides nothing
      wire::vendor_specific(24757, hex("050200")),         // shorter than WiMAX' own header
      hex("1a0a000060b52c048000"),                         // CVE-2017-10979
      hex("1a09000060b52cfa00"),                           // CVE-2017-10984
      wire::vendor_specific(24757, hex("560700 0304aa")),  // 86: TLV past the end
      wire::vendor_specific(24757, hex("560600 030101")),  // and of length 1
      wire::vendor_specific(24757, hex("560500 0002")),    // TLV type 0
      wire::attribute(241, hex("1a00000137 0102")),
      wire::attribute(1, text("nemo")),
  };
  for (const Bytes& whole : untouched) EXPECT_EQ(rehide(whole), whole);
}

}  // namespace
}  // namespace sallyport::radius
