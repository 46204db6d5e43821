#include "engine/radius/duplicate_table.h"

#include <map>
#include <set>

#include <gtest/gtest.h>

#include "tests/engine/radius/door_harness.h"

namespace sallyport::radius_door {
namespace {

RequestKey key_number(std::uint32_t number) {
  RequestKey key;
  key.source = {.address = IpAddress::v4(0xc000'0200 + number / 256), .port = 49'152};
  key.identifier = {static_cast<std::uint8_t>(number)};
  return key;
}

TEST(DuplicateTable, EveryPartOfTheKeyTellsRequestsApart) {
  testing::SeededRandom random(1);
  DuplicateTable table(8, random);
  const RequestKey key = key_number(5);
  RequestKey other_port = key, other_local = key, other_socket = key, other_class = key,
             other_identifier = key;
  ++other_port.source.port;
  other_local.local = IpAddress::v4(1);
  other_socket.socket = 1;
  other_class.request_class = RequestClass::accounting;
  other_identifier.identifier.value = 6;
  for (const RequestKey& other :
       {other_port, other_local, other_socket, other_class, other_identifier}) {
    EXPECT_NE(other, key);
    EXPECT_NE(table.hash(other), table.hash(key));
  }
}

TEST(DuplicateTable, TheHashIsKeyed) {
  testing::SeededRandom one(1), two(2);
  const DuplicateTable first(8, one), second(8, two);
  EXPECT_NE(first.hash(key_number(5)), second.hash(key_number(5)));
}

/// Erasing moves entries; none may get lost or be found after it is gone.
TEST(DuplicateTable, AgreesWithAMapUnderRandomUse) {
  constexpr std::uint32_t kSlots = 256;
  testing::SeededRandom seeded(3);
  std::mt19937 random(3);
  DuplicateTable table(kSlots, seeded);
  std::map<std::uint32_t, std::uint32_t> number_of_slot;
  // Few different hashes: long runs, and keys that share their hash.
  const auto hash_of = [&](std::uint32_t number) { return table.hash(key_number(number % 64)); };
  for (int step = 0; step < 100'000; ++step) {
    const auto slot = static_cast<std::uint32_t>(random() % kSlots);
    if (const auto known = number_of_slot.find(slot); known != number_of_slot.end()) {
      const std::uint32_t number = known->second;
      ASSERT_EQ(table.find(hash_of(number),
                           [&](std::uint32_t at) { return number_of_slot.at(at) == number; }),
                slot);
      table.erase(hash_of(number), slot);
      number_of_slot.erase(known);
      ASSERT_EQ(table.find(hash_of(number),
                           [&](std::uint32_t at) { return number_of_slot.at(at) == number; }),
                std::nullopt);
    } else {
      number_of_slot[slot] = static_cast<std::uint32_t>(step);
      table.insert(hash_of(static_cast<std::uint32_t>(step)), slot);
    }
    ASSERT_EQ(table.size(), number_of_slot.size());
  }
}

TEST(DuplicateTableHash, SpreadsThePortsAndIdentifiersOfAClient) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    testing::SeededRandom random(seed);
    const DuplicateTable table(4'096, random);
    std::set<std::uint32_t> cells;
    RequestKey key;
    key.source.address = IpAddress::v4(0xc000'0207);
    key.local = IpAddress::v4(0xc000'0201);
    for (unsigned port = 0; port < 16; ++port) {
      for (unsigned identifier = 0; identifier < 256; ++identifier) {
        key.source.port = static_cast<std::uint16_t>(49'152 + port);
        key.identifier = {static_cast<std::uint8_t>(identifier)};
        cells.insert(table.hash(key) & 8'191);  // the cells of such a table
      }
    }
    // 4,096 keys thrown at random into 8,192 cells would meet 3,223 of them.
    EXPECT_GT(cells.size(), 3'000u) << "seed " << seed;
  }
}

}  // namespace
}  // namespace sallyport::radius_door
