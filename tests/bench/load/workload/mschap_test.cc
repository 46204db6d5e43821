#include "bench/load/workload/mschap.h"

#include <gtest/gtest.h>

#include "bench/load/workload/chap.h"
#include "tests/protocol/radius/wire.h"

namespace sallyport::lab {
namespace {

using radius::wire::Bytes;
using radius::wire::hex;

template <std::size_t N>
std::array<std::uint8_t, N> array_of(std::string_view digits) {
  std::array<std::uint8_t, N> out{};
  const Bytes octets = hex(digits);
  EXPECT_EQ(octets.size(), N);
  std::ranges::copy(octets, out.begin());
  return out;
}

template <std::size_t N>
Bytes bytes(const std::array<std::uint8_t, N>& octets) {
  return {octets.begin(), octets.end()};
}

const MsChapChallenge kAuthenticator = array_of<16>("5B5D7C7D7B3F2F3E3C2C602132262628");
const MsChapChallenge kPeer = array_of<16>("21402324255E262A28295F2B3A337C7E");
const MsChapChallengeHash kHash = array_of<8>("D02E4386BCE91226");

TEST(MsChap, ComputesTheExampleOfRfc2759) {  // §9.2
  EXPECT_EQ(mschap_challenge_hash(kPeer, kAuthenticator, as_octets("User")), kHash);
  const auto key = MsChapKey::make(as_octets("clientPass"));
  ASSERT_TRUE(key.has_value());
  const MsChapResponse response = key->response(kHash);
  EXPECT_EQ(bytes(response), hex("82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF"));
  EXPECT_EQ(as_text(key->proof(response, kHash)), "S=407A5589115FD0D6209F510FE9C04566932CDA56");
}

/// Expected octets: RFC 2759's pseudocode over Python's UTF-16 and another library's DES.
TEST(MsChap, HashesPasswordsInUtf16) {
  const auto response = [](std::string_view password) {
    return bytes(MsChapKey::make(as_octets(password))->response(kHash));
  };
  EXPECT_EQ(response("pässwörd€😀"), hex("2d163d10d1963e65162387c6443481bdd83b1ab830c920b7"));
  EXPECT_EQ(response(""), hex("27d3bf1874e1b27ce9585ca461711ea131290b097ab89651"));
}

TEST(MsChap, RefusesPasswordsThatAreNotUtf8) {
  for (const std::string_view password :
       {"\x80", "\xff", "abc\xc3", "\xe2\x82", "\xe2\x82z", "\xf8\x88\x80\x80", "\xf7\xbf\xbf\xbf"})
    EXPECT_FALSE(MsChapKey::make(as_octets(password)).has_value()) << password;
}

TEST(Chap, ComputesTheExampleOfRfc2865) {  // §7.2: the challenge is the Request Authenticator
  EXPECT_EQ(
      bytes(chap_response(0x16, as_octets("arctangent"), hex("2aee86f08d0d55969ca5978e0d3367a2"))),
      hex("e97557c316185895f293ff6344077275"));
}

}  // namespace
}  // namespace sallyport::lab
