#include "protocol/md5/batch.h"

#include <algorithm>
#include <array>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/hmac.h>
#include <openssl/md5.h>

namespace sallyport::md5 {
namespace {

using DigestOctets = std::array<std::uint8_t, kDigestOctets>;
using Bytes = std::vector<std::uint8_t>;

std::string hex(const DigestOctets& digest) {
  std::string text;
  for (const std::uint8_t octet : digest) {
    text += "0123456789abcdef"[octet >> 4];
    text += "0123456789abcdef"[octet & 15];
  }
  return text;
}

State state_after_pad(Octets key, std::uint8_t pad) {
  std::array<std::uint8_t, kBlockOctets> block{};
  if (key.size() > kBlockOctets) {
    MD5(key.data(), key.size(), block.data());
  } else {
    std::ranges::copy(key, block.begin());
  }
  for (std::uint8_t& octet : block) octet ^= pad;
  State state = kInitial;
  const Job job{.state = &state, .blocks = block.data(), .block_count = 1};
  run({&job, 1}, Isa::scalar);
  return state;
}

/// A key's two states, as a hop keeps them.
struct Key {
  explicit Key(Octets key) : inner(state_after_pad(key, 0x36)), outer(state_after_pad(key, 0x5c)) {}
  State inner;
  State outer;
};

DigestOctets boringssl_hmac(Octets key, Octets message) {
  DigestOctets digest;
  unsigned length = 0;
  HMAC(EVP_md5(), key.data(), key.size(), message.data(), message.size(), digest.data(), &length);
  return digest;
}

DigestOctets boringssl_md5(Octets message) {
  DigestOctets digest;
  MD5(message.data(), message.size(), digest.data());
  return digest;
}

class BatchTest : public testing::TestWithParam<Isa> {
 protected:
  void SetUp() override {
    if (!supported(GetParam())) GTEST_SKIP() << "this processor has no " << to_text(GetParam());
    batch_ = std::make_unique<Batch>(GetParam());
  }
  Bytes random_bytes(std::size_t octets) {
    Bytes bytes(octets);
    for (std::uint8_t& octet : bytes) octet = static_cast<std::uint8_t>(random_());
    return bytes;
  }

  std::mt19937 random_{1};
  std::unique_ptr<Batch> batch_;
};

struct Vector {
  std::string key;
  std::string message;
  const char* digest;
};

TEST_P(BatchTest, ComputesTheTestSuiteOfRfc1321) {
  const Vector vectors[] = {
      {"", "", "d41d8cd98f00b204e9800998ecf8427e"},
      {"", "a", "0cc175b9c0f1b6a831c399e269772661"},
      {"", "abc", "900150983cd24fb0d6963f7d28e17f72"},
      {"", "message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
      {"", "abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"},
      {"", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
       "d174ab98d277d9f5a5611c2c9f419d9f"},
      {"", "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
       "57edf4a22be3c955ac49da2e2107b67a"},
  };
  std::array<DigestOctets, std::size(vectors)> digests{};
  for (std::size_t i = 0; i < std::size(vectors); ++i) {
    batch_->add_md5({as_octets(vectors[i].message)}, digests[i]);
  }
  batch_->run();
  for (std::size_t i = 0; i < std::size(vectors); ++i) {
    EXPECT_EQ(hex(digests[i]), vectors[i].digest) << vectors[i].message;
  }
}

TEST_P(BatchTest, ComputesTheTestSuiteOfRfc2202) {
  std::string counting;
  for (char octet = 1; octet <= 25; ++octet) counting += octet;
  const Vector vectors[] = {
      {std::string(16, '\x0b'), "Hi There", "9294727a3638bb1c13f48ef8158bfc9d"},
      {"Jefe", "what do ya want for nothing?", "750c783e6ab0b503eaa86e310a5db738"},
      {std::string(16, '\xaa'), std::string(50, '\xdd'), "56be34521d144c88dbb8c733f0e8b3f6"},
      {counting, std::string(50, '\xcd'), "697eaf0aca3a3aea3a75164746ffaa79"},
      {std::string(16, '\x0c'), "Test With Truncation", "56461ef2342edc00f9bab995690efd4c"},
      {std::string(80, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First",
       "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd"},
      {std::string(80, '\xaa'),
       "Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data",
       "6f630fad67cda0ee1fb1f562db3aa53e"},
  };
  std::vector<Key> keys;
  for (const Vector& vector : vectors) keys.emplace_back(as_octets(vector.key));
  std::array<DigestOctets, std::size(vectors)> digests{};
  for (std::size_t i = 0; i < std::size(vectors); ++i) {
    batch_->add_hmac(keys[i].inner, keys[i].outer, {as_octets(vectors[i].message)}, digests[i]);
  }
  batch_->run();
  for (std::size_t i = 0; i < std::size(vectors); ++i) {
    EXPECT_EQ(hex(digests[i]), vectors[i].digest) << vectors[i].message;
  }
}

/// Every length up to two blocks and around the longest, torn into pieces at every kind of place.
TEST_P(BatchTest, JoinsPiecesOfAnyLength) {
  const Bytes bytes = random_bytes(Batch::kMaxMessageOctets);
  const Bytes secret = random_bytes(20);
  const Key key(secret);
  std::vector<std::size_t> lengths;
  for (std::size_t octets = 0; octets <= 2 * kBlockOctets; ++octets) lengths.push_back(octets);
  for (const std::size_t octets : {4095, 4096, 4160, 8191, 8192}) lengths.push_back(octets);

  std::vector<DigestOctets> plain(lengths.size());
  std::vector<DigestOctets> keyed(lengths.size());
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    const Octets message = Octets(bytes).first(lengths[i]);
    const std::size_t first = random_() % (lengths[i] + 1);
    const std::size_t second = random_() % (lengths[i] - first + 1);
    const std::initializer_list<Octets> pieces = {
        message.first(first), message.subspan(first, second), message.subspan(first + second)};
    batch_->add_md5(pieces, plain[i]);
    batch_->add_hmac(key.inner, key.outer, pieces, keyed[i]);
  }
  batch_->run();
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    const Octets message = Octets(bytes).first(lengths[i]);
    EXPECT_EQ(plain[i], boringssl_md5(message)) << lengths[i];
    EXPECT_EQ(keyed[i], boringssl_hmac(secret, message)) << lengths[i];
  }
}

TEST_P(BatchTest, TakesMoreMessagesThanItHolds) {
  const Bytes bytes = random_bytes(300);
  std::vector<DigestOctets> digests(3 * Batch::kMaxMessages + 1);
  for (std::size_t i = 0; i < digests.size(); ++i) {
    batch_->add_md5({Octets(bytes).first(i % bytes.size())}, digests[i]);
  }
  batch_->run();
  EXPECT_TRUE(batch_->empty());
  for (std::size_t i = 0; i < digests.size(); ++i) {
    EXPECT_EQ(digests[i], boringssl_md5(Octets(bytes).first(i % bytes.size()))) << i;
  }
}

TEST_P(BatchTest, MessagesMayChangeAfterTheyWereAddedEvenIntoTheDigest) {
  Bytes message = random_bytes(100);
  const DigestOctets expected = boringssl_md5(message);
  batch_->add_md5({message}, Batch::Digest(message.data(), kDigestOctets));
  std::fill(message.begin() + kDigestOctets, message.end(), std::uint8_t{0});
  batch_->run();
  EXPECT_TRUE(std::ranges::equal(Octets(message).first(kDigestOctets), expected));
}

TEST_P(BatchTest, AShortMessageAfterALongOneIsPaddedWithZeros) {
  const Bytes bytes = random_bytes(Batch::kMaxMessageOctets);
  DigestOctets digest{};
  for (const std::size_t octets : {8192, 1, 500, 0, 60, 3}) {
    batch_->add_md5({Octets(bytes).first(octets)}, digest);
    batch_->run();
    EXPECT_EQ(digest, boringssl_md5(Octets(bytes).first(octets))) << octets;
  }
}

TEST_P(BatchTest, KeepsNoCopyOfASecret) {
  const std::string secret = "a secret that nobody else has in memory";
  DigestOctets digest{};
  const Key key(as_octets(secret));
  batch_->add_md5({as_octets(secret)}, digest);
  batch_->add_hmac(key.inner, key.outer, {as_octets(secret)}, digest);
  const std::string_view memory(reinterpret_cast<const char*>(batch_.get()), sizeof(Batch));
  ASSERT_NE(memory.find(secret), std::string_view::npos);
  batch_->run();
  EXPECT_EQ(memory.find(secret), std::string_view::npos);
}

TEST_P(BatchTest, RunsEmpty) {
  EXPECT_TRUE(batch_->empty());
  batch_->run();
  EXPECT_TRUE(batch_->empty());
}

TEST(BatchDeathTest, RefusesAMessageThatCannotBeARadiusPacket) {
  const Bytes message(Batch::kMaxMessageOctets + 1);
  DigestOctets digest;
  const auto batch = std::make_unique<Batch>();
  EXPECT_DEATH(batch->add_md5({message}, digest), "kMaxMessageOctets");
}

INSTANTIATE_TEST_SUITE_P(Isas, BatchTest, testing::ValuesIn(kAllIsas),
                         [](const auto& isa) { return to_text(isa.param); });

}  // namespace
}  // namespace sallyport::md5
