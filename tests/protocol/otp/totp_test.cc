#include "protocol/otp/totp.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace sallyport::otp {
namespace {

const Octets kRfcSecret = as_octets("12345678901234567890");

std::string code_text(Octets secret, std::uint64_t step, std::uint32_t digits) {
  const Code code = code_of(secret, step, digits);
  return {code.data(), digits};
}

TEST(Totp, GivesTheCodesOfRfc4226AppendixD) {
  const std::vector<std::string> codes = {"755224", "287082", "359152", "969429", "338314",
                                          "254676", "287922", "162583", "399871", "520489"};
  for (std::size_t counter = 0; counter < codes.size(); ++counter)
    EXPECT_EQ(code_text(kRfcSecret, counter, 6), codes[counter]) << counter;
}

TEST(Totp, GivesTheCodesOfRfc6238AppendixB) {
  const std::vector<std::pair<std::uint64_t, std::string>> codes = {{59, "94287082"},
                                                                    {1'111'111'109, "07081804"},
                                                                    {1'111'111'111, "14050471"},
                                                                    {1'234'567'890, "89005924"},
                                                                    {2'000'000'000, "69279037"},
                                                                    {20'000'000'000, "65353130"}};
  for (const auto& [unix_s, code] : codes) {
    EXPECT_EQ(code_text(kRfcSecret, step_at(unix_s), 8), code) << unix_s;
    EXPECT_EQ(code_text(kRfcSecret, step_at(unix_s), 6), code.substr(2)) << unix_s;
    EXPECT_EQ(code_text(kRfcSecret, step_at(unix_s), 7), code.substr(1)) << unix_s;
  }
}

TEST(Totp, TakesTheStepBeforeAndTheStepAfter) {
  const std::uint64_t now = 1'700'000'010;
  for (std::uint64_t step = step_at(now) - 3; step <= step_at(now) + 3; ++step) {
    const auto found = find_step(kRfcSecret, code_text(kRfcSecret, step, 6), 6, now, 0);
    if (step + 1 >= step_at(now) && step <= step_at(now) + 1) {
      EXPECT_EQ(found, step);
    } else {
      EXPECT_FALSE(found) << step;
    }
  }
}

TEST(Totp, TakesAStepOnceAndNoneBeforeIt) {
  const std::uint64_t now = 1'700'000'010;
  const std::uint64_t step = step_at(now);
  const std::string code = code_text(kRfcSecret, step, 6);
  EXPECT_EQ(find_step(kRfcSecret, code, 6, now, step - 1), step);
  EXPECT_FALSE(find_step(kRfcSecret, code, 6, now, step));
  EXPECT_FALSE(find_step(kRfcSecret, code, 6, now, step + 1));
  EXPECT_FALSE(find_step(kRfcSecret, code_text(kRfcSecret, step - 1, 6), 6, now, step));
  EXPECT_EQ(find_step(kRfcSecret, code_text(kRfcSecret, step + 1, 6), 6, now, step), step + 1);
}

TEST(Totp, PassesOverSpacesAndHyphensOnly) {
  const std::uint64_t now = 59;
  for (const char* text : {"287082", "287 082", "287-082", " 2 8 7 0 8 2 "})
    EXPECT_EQ(find_step(kRfcSecret, text, 6, now, 0), 1U) << text;
  for (const char* text : {"", "28708", "2870822", "287082 0", "28708a", "287.082", "+287082",
                           "287082\n", "２８７０８２", "94287082"})
    EXPECT_FALSE(find_step(kRfcSecret, text, 6, now, 0)) << text;
  EXPECT_EQ(find_step(kRfcSecret, "9428-7082", 8, now, 0), 1U);
  EXPECT_FALSE(find_step(kRfcSecret, std::string(1'000'000, ' ') + "287082", 6, now, 0));
  EXPECT_FALSE(find_step(kRfcSecret, std::string(6, '\0'), 6, now, 0));
}

TEST(Totp, TakesTheLaterOfTwoStepsThatShareACode) {
  // Neighbours with one code are one in a million; these are found by looking.
  std::uint64_t step = 0;
  while (code_text(kRfcSecret, step, 6) != code_text(kRfcSecret, step + 2, 6)) {
    ASSERT_LT(++step, 20'000'000U);
  }
  const std::uint64_t now = (step + 1) * kStepSeconds;
  EXPECT_EQ(find_step(kRfcSecret, code_text(kRfcSecret, step, 6), 6, now, 0), step + 2);
}

TEST(Totp, BeginsWithTheEpoch) {
  EXPECT_FALSE(find_step(kRfcSecret, code_text(kRfcSecret, 0, 6), 6, 0, 0));  // not after step 0
  EXPECT_EQ(find_step(kRfcSecret, code_text(kRfcSecret, 1, 6), 6, 0, 0), 1U);
}

TEST(Totp, GivesCodesThatAreUniform) {
  std::mt19937_64 random(20'240'501);
  std::vector<std::uint8_t> secret(kSecretOctets);
  std::array<std::array<double, 10>, 6> seen{};
  constexpr int kCodes = 60'000;
  for (int i = 0; i < kCodes; ++i) {
    for (auto& octet : secret) octet = static_cast<std::uint8_t>(random());
    const Code code = code_of(secret, random() & 0xff'ffff'ffff, 6);
    for (std::size_t at = 0; at < seen.size(); ++at) seen[at][code[at] - '0'] += 1;
  }
  for (const auto& counts : seen) {
    double chi_square = 0;
    for (const double count : counts)
      chi_square += (count - kCodes / 10.0) * (count - kCodes / 10.0) / (kCodes / 10.0);
    EXPECT_LT(chi_square, 27.88);  // 9 degrees of freedom, p = 0.001
  }
}

TEST(Base32, IsThatOfRfc4648) {
  const std::vector<std::pair<std::string, std::string>> vectors = {{"", ""},
                                                                    {"f", "MY======"},
                                                                    {"fo", "MZXQ===="},
                                                                    {"foo", "MZXW6==="},
                                                                    {"foob", "MZXW6YQ="},
                                                                    {"fooba", "MZXW6YTB"},
                                                                    {"foobar", "MZXW6YTBOI======"}};
  for (const auto& [plain, padded] : vectors) {
    const std::string bare = padded.substr(0, padded.find('='));
    EXPECT_EQ(base32(as_octets(plain)), bare);
    EXPECT_EQ(from_base32(bare), plain);
    EXPECT_EQ(from_base32(padded), plain);
    std::string lower = bare;
    std::ranges::transform(lower, lower.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    });
    EXPECT_EQ(from_base32(lower), plain);
  }
}

TEST(Base32, ComesBackTheSameWhateverTheOctets) {
  std::mt19937_64 random(7);
  for (std::size_t length = 0; length < 100; ++length) {
    std::string octets(length, '\0');
    for (char& octet : octets) octet = static_cast<char>(random());
    EXPECT_EQ(from_base32(base32(as_octets(octets))), octets);
  }
}

TEST(Base32, RefusesWhatIsNone) {
  for (const char* text : {"M", "MZX", "MZXW6Y", "M1", "M8", "M0", "MY=", "MY=======", "=MY=====",
                           "MY===A==", "MZ", "MY ", "M\xc3\xa4", "MZXW6YTB========", "========"})
    EXPECT_FALSE(from_base32(text)) << text;
}

TEST(OtpauthUrl, EscapesAllThatIsNotItsOwn) {
  EXPECT_EQ(otpauth_url("Acme & Co: VPN", "ann@example.net?x=1#y", as_octets("foobar"), 6),
            "otpauth://totp/Acme%20%26%20Co%3A%20VPN:ann%40example.net%3Fx%3D1%23y"
            "?secret=MZXW6YTBOI&issuer=Acme%20%26%20Co%3A%20VPN&algorithm=SHA1&digits=6&period=30");
  EXPECT_EQ(otpauth_url("", "ann", as_octets("foobar"), 8),
            "otpauth://totp/ann?secret=MZXW6YTBOI&algorithm=SHA1&digits=8&period=30");
}

}  // namespace
}  // namespace sallyport::otp
