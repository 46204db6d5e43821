// Verifications are found by their whole key, and slots are used again.

#include "verify/verification_table.h"

#include <gtest/gtest.h>

namespace sallyport::verify {
namespace {

Question question(std::uint8_t first, std::uint8_t last) {
  Question made;
  made.join_key.octets.front() = first;
  made.join_key.octets.back() = last;
  made.user.assign(std::string_view("jdoe"));
  return made;
}

TEST(VerificationTable, KeysWithEqualHashesAreToldApart) {
  VerificationTable table;
  const std::uint32_t one = table.begin(question(7, 1));
  const std::uint32_t other = table.begin(question(7, 2));
  EXPECT_NE(one, other);
  EXPECT_EQ(table.find(question(7, 1).join_key), one);
  EXPECT_EQ(table.find(question(7, 2).join_key), other);
  EXPECT_EQ(table.find(question(7, 3).join_key), VerificationTable::kNone);
}

TEST(VerificationTable, AnEndedOneIsNotFoundAndItsSlotIsUsedAgain) {
  VerificationTable table;
  const std::uint32_t first = table.begin(question(1, 1));
  const std::uint32_t kept = table.begin(question(2, 2));
  table.end(first);
  EXPECT_FALSE(table.used(first));
  EXPECT_EQ(table.find(question(1, 1).join_key), VerificationTable::kNone);
  EXPECT_EQ(table.begin(question(3, 3)), first);
  EXPECT_EQ(table.find(question(3, 3).join_key), first);
  EXPECT_EQ(table.find(question(2, 2).join_key), kept);
  EXPECT_EQ(table[first].user, "jdoe");
}

TEST(VerificationTable, ManyComeAndGo) {
  VerificationTable table;
  for (std::uint32_t i = 0; i < 10'000; ++i)
    table.begin(question(static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)));
  for (std::uint32_t i = 0; i < 10'000; i += 2) table.end(i);
  for (std::uint32_t i = 0; i < 10'000; ++i) {
    const JoinKey key =
        question(static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)).join_key;
    EXPECT_EQ(table.find(key), i % 2 == 0 ? VerificationTable::kNone : i);
  }
}

/// A hundred thousand of them wait: what is added here is paid for a hundred thousand times.
static_assert(sizeof(Verification) <= 384);

}  // namespace
}  // namespace sallyport::verify
