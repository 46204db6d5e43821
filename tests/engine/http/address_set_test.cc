#include "engine/http/address_set.h"

#include <algorithm>
#include <chrono>
#include <random>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sallyport::http_door {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

IpAddress address(const char* text) { return *IpAddress::parse(text); }

AddressSet set_of(std::initializer_list<std::pair<const char*, std::uint32_t>> prefixes) {
  std::vector<AddressSet::Entry> entries;
  for (const auto& [text, value] : prefixes) entries.push_back({*Prefix::parse(text), value});
  return AddressSet(entries);
}

/// By looking at each: what a set has to agree with.
std::uint32_t find_by_hand(const std::vector<AddressSet::Entry>& entries, const IpAddress& wanted) {
  const AddressSet::Entry* best = nullptr;
  for (const AddressSet::Entry& entry : entries) {
    if (!entry.prefix.contains(wanted)) continue;
    if (best == nullptr || entry.prefix.length > best->prefix.length) best = &entry;
  }
  return best == nullptr ? AddressSet::kNone : best->value;
}

TEST(AddressSet, TheLongestPrefixWins) {
  const AddressSet set = set_of({{"10.0.0.0/8", 1},
                                 {"10.1.0.0/16", 2},
                                 {"10.1.2.3", 3},
                                 {"2001:db8::/32", 4},
                                 {"2001:db8::1", 5}});
  EXPECT_EQ(set.size(), 5u);
  EXPECT_EQ(set.find(address("10.1.2.3")), 3u);
  EXPECT_EQ(set.find(address("10.1.2.2")), 2u);
  EXPECT_EQ(set.find(address("10.1.2.4")), 2u);
  EXPECT_EQ(set.find(address("10.0.255.255")), 1u);
  EXPECT_EQ(set.find(address("10.2.0.0")), 1u);
  EXPECT_EQ(set.find(address("9.255.255.255")), AddressSet::kNone);
  EXPECT_EQ(set.find(address("11.0.0.0")), AddressSet::kNone);
  EXPECT_EQ(set.find(address("2001:db8::1")), 5u);
  EXPECT_EQ(set.find(address("2001:db8::2")), 4u);
  EXPECT_EQ(set.find(address("2001:db9::")), AddressSet::kNone);
  EXPECT_EQ(set.find(address("::ffff:10.1.2.3")), 3u);
}

TEST(AddressSet, AnyOfOneFamilyIsNotAnyOfTheOther) {
  const AddressSet v4 = set_of({{"0.0.0.0/0", 1}});
  EXPECT_TRUE(v4.contains(address("0.0.0.0")));
  EXPECT_TRUE(v4.contains(address("255.255.255.255")));
  EXPECT_FALSE(v4.contains(address("2001:db8::1")));
  EXPECT_FALSE(v4.contains(address("::")));
  const AddressSet v6 = set_of({{"::/0", 1}});
  EXPECT_TRUE(v6.contains(address("::")));
  EXPECT_TRUE(v6.contains(address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")));
  EXPECT_FALSE(v6.contains(address("192.0.2.1")));
}

TEST(AddressSet, AnEmptyOneHoldsNobody) {
  EXPECT_FALSE(AddressSet().contains(address("192.0.2.1")));
  EXPECT_FALSE(AddressSet(std::vector<Prefix>{}).contains(address("::1")));
}

TEST(AddressSet, OfDoublesTheFirstCounts) {
  const AddressSet set = set_of({{"192.0.2.0/24", 7}, {"192.0.2.0/24", 1}});
  EXPECT_EQ(set.size(), 1u);
  EXPECT_EQ(set.find(address("192.0.2.1")), 7u);
}

TEST(AddressSet, EndsOfAllAddresses) {
  const AddressSet set = set_of({{"0.0.0.0/32", 1},
                                 {"255.255.255.255", 2},
                                 {"255.255.255.0/24", 3},
                                 {"::/128", 4},
                                 {"ffff::/16", 5},
                                 {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 6}});
  EXPECT_EQ(set.find(address("0.0.0.0")), 1u);
  EXPECT_EQ(set.find(address("0.0.0.1")), AddressSet::kNone);
  EXPECT_EQ(set.find(address("255.255.255.255")), 2u);
  EXPECT_EQ(set.find(address("255.255.255.254")), 3u);
  EXPECT_EQ(set.find(address("::")), 4u);
  EXPECT_EQ(set.find(address("::1")), AddressSet::kNone);
  EXPECT_EQ(set.find(address("ffff::")), 5u);
  EXPECT_EQ(set.find(address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")), 6u);
}

/// Prefixes that nest and touch, from a seed; many of them, so that the index is in use.
std::vector<AddressSet::Entry> random_entries(std::mt19937& random, std::size_t count, bool v6) {
  std::vector<AddressSet::Entry> entries;
  while (entries.size() < count) {
    IpAddress base = v6 ? address("2001:db8::") : address("10.0.0.0");
    for (std::size_t i = v6 ? 4 : 13; i < 16; ++i) {
      // Few values, so that they nest.
      base.octets[i] = static_cast<std::uint8_t>((random() % 4) * 0x55);
    }
    const std::size_t length = v6 ? random() % 129 : 96 + random() % 33;
    for (std::size_t bit = length; bit < 128; ++bit) {
      base.octets[bit / 8] = static_cast<std::uint8_t>(base.octets[bit / 8] & ~(0x80 >> bit % 8));
    }
    if (v6 == base.is_v4()) continue;
    entries.push_back({{.address = base, .length = static_cast<std::uint8_t>(length)},
                       static_cast<std::uint32_t>(random() % 5)});
  }
  return entries;
}

TEST(AddressSet, AgreesWithALinearSearch) {
  for (const unsigned seed : {1u, 2u, 3u, 4u, 5u, 6u}) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    std::vector<AddressSet::Entry> entries = random_entries(random, seed * 60, false);
    std::ranges::copy(random_entries(random, seed * 60, true), std::back_inserter(entries));
    std::ranges::shuffle(entries, random);
    const AddressSet set(entries);
    for (int i = 0; i < 4000; ++i) {
      IpAddress wanted = entries[random() % entries.size()].prefix.address;
      // At a border, one beside it, or anywhere near.
      if (i % 3 == 1) wanted.octets[15] = static_cast<std::uint8_t>(wanted.octets[15] - 1);
      if (i % 3 == 2) wanted.octets[12 + random() % 4] = static_cast<std::uint8_t>(random());
      ASSERT_EQ(set.find(wanted), find_by_hand(entries, wanted)) << wanted.text();
    }
  }
}

TEST(AddressSet, AMillionEntries) {
  std::mt19937 random(1);
  std::vector<AddressSet::Entry> entries;
  for (std::uint32_t i = 0; i < 1'000'000; ++i) {
    // Half of them IPv4 over all lengths from /12 on, half IPv6 /64 of real-looking networks.
    if (i % 2 == 0) {
      const auto bits = static_cast<unsigned>(12 + random() % 21);
      const std::uint32_t network =
          static_cast<std::uint32_t>(random()) & (~std::uint32_t{0} << (32 - bits));
      entries.push_back(
          {{.address = IpAddress::v4(network), .length = static_cast<std::uint8_t>(96 + bits)}, i});
    } else {
      Prefix prefix{.address = {}, .length = 64};
      for (std::size_t k = 2; k < 8; ++k)
        prefix.address.octets[k] = static_cast<std::uint8_t>(random());
      prefix.address.octets[0] = static_cast<std::uint8_t>(0x20 + random() % 0x10);
      entries.push_back({prefix, i});
    }
  }
  const AddressSet set(entries);
  for (int i = 0; i < 5; ++i) {  // each by hand is a million steps
    const AddressSet::Entry& entry = entries[random() % entries.size()];
    ASSERT_EQ(set.find(entry.prefix.address), find_by_hand(entries, entry.prefix.address));
  }

  constexpr std::size_t kFinds = 1'000'000;
  std::uint64_t found = 0;
  const auto begin = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < kFinds; ++i) {
    found += set.contains(entries[(i * 7919) % entries.size()].prefix.address) ? 1 : 0;
  }
  const auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_EQ(found, kFinds);
  RecordProperty("nanoseconds_per_find", static_cast<int>(took.count() / kFinds));
}

std::vector<std::string> mistakes(std::string_view text) {
  std::vector<std::string> result;
  const auto list = read_address_list(text);
  if (list) return result;
  for (const ListMistake& mistake : list.error()) {
    result.push_back(std::to_string(mistake.line) + ": " + mistake.text);
  }
  return result;
}

TEST(AddressList, ReadsOneALine) {
  const auto list = read_address_list(
      "# offices\n"
      "192.0.2.1\r\n"
      "\n"
      "  198.51.100.0/24\t# Riga\n"
      "2001:db8::/32\n"
      "0.0.0.0/0");
  ASSERT_TRUE(list);
  EXPECT_THAT(*list, ElementsAre(*Prefix::parse("192.0.2.1"), *Prefix::parse("198.51.100.0/24"),
                                 *Prefix::parse("2001:db8::/32"), *Prefix::parse("0.0.0.0/0")));
  EXPECT_TRUE(read_address_list("")->empty());
  EXPECT_TRUE(read_address_list("# nobody yet\n")->empty());
}

TEST(AddressList, TellsEachBadLineAndKeepsNothing) {
  EXPECT_THAT(mistakes("192.0.2.1\nexample.net\n192.0.2.0/33\n\n192.0.2.1/24\n"),
              ElementsAre("2: \"example.net\" is not an IPv4 or IPv6 address",
                          HasSubstr("3: \"33\" is not a prefix length"),
                          HasSubstr("5: \"192.0.2.1/24\" has bits set past its prefix length")));
  EXPECT_THAT(mistakes("192.0.2.1 192.0.2.2\n"), ElementsAre(HasSubstr("1: ")));
  EXPECT_THAT(mistakes(std::string("192.0.2.1\0\n", 11)), ElementsAre(HasSubstr("1: ")));
  EXPECT_THAT(mistakes(std::string(100'000, 'x')),
              ElementsAre("1: more than an address or prefix on a line"));
}

TEST(AddressList, EverybodyHasToBeMeant) {
  EXPECT_THAT(mistakes("0.0.0.0\n::\n"),
              ElementsAre(HasSubstr("1: \"0.0.0.0\" alone"), HasSubstr("2: \"::\" alone")));
}

TEST(AddressList, ManyMistakesAreCutOff) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "x\n";
  EXPECT_EQ(mistakes(text).size(), kMaxListMistakes);
}

}  // namespace
}  // namespace sallyport::http_door
