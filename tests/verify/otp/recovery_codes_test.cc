#include "verify/otp/recovery_codes.h"

#include <algorithm>
#include <array>
#include <random>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace sallyport::verify {
namespace {

class SeededRandom final : public RandomSource {
 public:
  explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
  void fill(MutableOctets out) noexcept override {
    for (auto& octet : out) octet = static_cast<std::uint8_t>(engine_());
  }

 private:
  std::mt19937_64 engine_;
};

std::string upper_without_hyphens(std::string code) {
  std::erase(code, '-');
  for (char& c : code)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  return code;
}

TEST(RecoveryCodes, EachFindsItsOwnHash) {
  SystemRandom random;
  const RecoveryCodes made = make_recovery_codes(random);
  ASSERT_EQ(made.codes.size(), kRecoveryCodes);
  ASSERT_EQ(made.hashes.size(), kRecoveryCodes);
  for (std::size_t i = 0; i < kRecoveryCodes; ++i) {
    EXPECT_TRUE(looks_like_recovery_code(made.codes[i])) << made.codes[i];
    EXPECT_EQ(find_recovery_code(made.hashes, made.codes[i]), i);
    EXPECT_EQ(find_recovery_code(made.hashes, upper_without_hyphens(made.codes[i])), i);
  }
}

TEST(RecoveryCodes, AreOfTheFormThatIsDocumented) {
  SystemRandom random;
  for (const std::string& code : make_recovery_codes(random).codes) {
    ASSERT_EQ(code.size(), 14U);
    for (std::size_t i = 0; i < code.size(); ++i) {
      if (i == 4 || i == 9) {
        EXPECT_EQ(code[i], '-');
      } else {
        EXPECT_NE(std::string_view("0123456789abcdefghjkmnpqrstvwxyz").find(code[i]),
                  std::string_view::npos)
            << code;
      }
    }
  }
}

TEST(RecoveryCodes, AreFoundNoMoreOnceTheirHashIsGone) {
  SystemRandom random;
  RecoveryCodes made = make_recovery_codes(random);
  made.hashes.erase(made.hashes.begin() + 3);
  EXPECT_FALSE(find_recovery_code(made.hashes, made.codes[3]));
  EXPECT_EQ(find_recovery_code(made.hashes, made.codes[4]), 3U);
  EXPECT_FALSE(find_recovery_code({}, made.codes[0]));
}

TEST(RecoveryCodes, TakeWhatIsMistakenForADigit) {
  SeededRandom random(1);
  for (;;) {  // until a code has both
    const RecoveryCodes made = make_recovery_codes(random);
    const std::string& code = made.codes[0];
    if (code.find('0') == std::string::npos || code.find('1') == std::string::npos) continue;
    for (const char one : {'i', 'I', 'l', 'L'}) {
      std::string typed = code;
      std::ranges::replace(typed, '0', one < 'a' ? 'O' : 'o');
      std::ranges::replace(typed, '1', one);
      EXPECT_EQ(find_recovery_code(made.hashes, typed), 0U) << typed;
    }
    return;
  }
}

TEST(RecoveryCodes, AreNoCodesOfAnotherForm) {
  for (const char* text : {"", "123456", "12345678", "k7mq-2xvp-9hd", "k7mq-2xvp-9hdtt",
                           "k7mq-2xvp-9hdu", "k7mq_2xvp_9hdt", "k7mq-2xvp-9hd\n"})
    EXPECT_FALSE(looks_like_recovery_code(text)) << text;
  EXPECT_TRUE(looks_like_recovery_code(" K7MQ 2xvp-9hdt "));
  EXPECT_FALSE(looks_like_recovery_code(std::string(100'000, ' ') + "k7mq-2xvp-9hdt"));
}

TEST(RecoveryCodes, HashesTellNothingAndDifferBetweenUsers) {
  // The same codes for two users: only the salt, which is drawn first, differs.
  class SaltThenSame final : public RandomSource {
   public:
    explicit SaltThenSame(std::uint8_t salt) : salt_(salt) {}
    void fill(MutableOctets out) noexcept override {
      std::ranges::fill(out, out.size() == 16 ? salt_ : std::uint8_t{7});
    }

   private:
    std::uint8_t salt_;
  };
  SaltThenSame one(1);
  SaltThenSame two(2);
  const RecoveryCodes a = make_recovery_codes(one);
  const RecoveryCodes b = make_recovery_codes(two);
  ASSERT_EQ(a.codes, b.codes);
  for (std::size_t i = 0; i < kRecoveryCodes; ++i) {
    EXPECT_NE(a.hashes[i].substr(32), b.hashes[i].substr(32));
    EXPECT_EQ(a.hashes[i].find(a.codes[i].substr(0, 4)), std::string::npos);
  }
  // A list that was mended by hand, of several salts, is searched as well.
  EXPECT_EQ(find_recovery_code({a.hashes[0], "", "zz", b.hashes[0]}, b.codes[0]), 3U);
}

TEST(RecoveryCodes, AreNotFoundInBrokenHashes) {
  SystemRandom random;
  const RecoveryCodes made = make_recovery_codes(random);
  for (std::size_t at = 0; at < made.hashes[0].size(); ++at) {
    std::string broken = made.hashes[0];
    broken[at] = broken[at] == '0' ? '1' : '0';
    ASSERT_FALSE(find_recovery_code({broken}, made.codes[0])) << at;
  }
  EXPECT_FALSE(find_recovery_code({made.hashes[0] + "0"}, made.codes[0]));
}

TEST(RecoveryCodes, AreUniform) {
  SeededRandom random(42);
  std::array<double, 256> seen{};
  std::set<std::string> codes;
  constexpr int kSets = 60;
  for (int i = 0; i < kSets; ++i) {
    for (const std::string& code : make_recovery_codes(random).codes) {
      EXPECT_TRUE(codes.insert(code).second);
      for (const char c : code)
        if (c != '-') seen[static_cast<unsigned char>(c)] += 1;
    }
  }
  const double expected = kSets * 10 * 12 / 32.0;
  double chi_square = 0;
  int used = 0;
  for (const double count : seen) {
    if (count == 0) continue;
    chi_square += (count - expected) * (count - expected) / expected;
    ++used;
  }
  EXPECT_EQ(used, 32);
  EXPECT_LT(chi_square, 61.1);  // 31 degrees of freedom, p = 0.001
}

}  // namespace
}  // namespace sallyport::verify
