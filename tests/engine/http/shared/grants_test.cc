#include "engine/http/grants.h"

#include <atomic>
#include <map>
#include <random>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sallyport::http_door {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr std::uint64_t kNow = 1'700'000'000'000;

IpAddress address(const char* text) { return *IpAddress::parse(text); }

Grants::NewGrant open(const char* where, std::string user, std::uint64_t until_ms = kNow + 1000) {
  return {.address = address(where),
          .user = std::move(user),
          .since_ms = kNow,
          .until_ms = until_ms,
          .by = "test",
          .reason = ""};
}

std::vector<std::uint64_t> ids(const std::vector<EndedGrant>& ended) {
  std::vector<std::uint64_t> result;
  for (const EndedGrant& grant : ended) result.push_back(grant.grant->id);
  return result;
}

/// Whose grant opens it now; "" for none.
std::string user_of(GrantReader& reader, const char* where, std::uint64_t now_ms = kNow) {
  const Grant* const grant = reader.current().find(address(where), now_ms);
  return grant == nullptr ? "" : grant->user;
}

TEST(Grants, AnAddressIsOpenUntilItsEnd) {
  Grants grants(64, 1);
  GrantReader reader(grants.publication());
  EXPECT_EQ(user_of(reader, "192.0.2.1"), "");
  const auto grant = grants.add(open("192.0.2.1", "alice", kNow + 1000));
  ASSERT_TRUE(grant);
  EXPECT_EQ((*grant)->id, 1u);
  EXPECT_EQ(user_of(reader, "192.0.2.1"), "alice");
  EXPECT_EQ(user_of(reader, "::ffff:192.0.2.1"), "alice");
  EXPECT_EQ(user_of(reader, "192.0.2.2"), "");
  EXPECT_EQ(user_of(reader, "192.0.2.1", kNow + 999), "alice");
  EXPECT_EQ(user_of(reader, "192.0.2.1", kNow + 1000), "") << "closed before expire() has run";
  // A clock set back must not lock out who was let in.
  EXPECT_EQ(user_of(reader, "192.0.2.1", kNow - 5000), "alice");
}

TEST(Grants, AnIpv6GrantOpensItsPrefix) {
  Grants grants(56, 1);
  GrantReader reader(grants.publication());
  ASSERT_TRUE(grants.add(open("2001:db8:0:ab12::1", "alice")));
  EXPECT_EQ(user_of(reader, "2001:db8:0:abff:ffff::9"), "alice");
  EXPECT_EQ(user_of(reader, "2001:db8:0:ac00::1"), "");
  EXPECT_EQ(reader.current().group(address("2001:db8:0:ab12::1")),
            *Prefix::parse("2001:db8:0:ab00::/56"));
  EXPECT_EQ(reader.current().group(address("192.0.2.1")), *Prefix::parse("192.0.2.1"));

  grants.regroup(128);
  EXPECT_EQ(user_of(reader, "2001:db8:0:ab12::1"), "alice");
  EXPECT_EQ(user_of(reader, "2001:db8:0:ab12::2"), "");
  grants.regroup(32);
  EXPECT_EQ(user_of(reader, "2001:db8:ffff::"), "alice");
  EXPECT_THAT(ids(grants.end_address(address("2001:db8:9::"))), ElementsAre(1));
  EXPECT_EQ(user_of(reader, "2001:db8:ffff::"), "");
}

TEST(Grants, TheSameUserAgainExtendsHis) {
  Grants grants(64, 1);
  ASSERT_TRUE(grants.add(open("2001:db8::1", "alice", kNow + 1000)));
  auto again = open("2001:db8::2", "alice", kNow + 3000);
  again.since_ms = kNow + 500;
  again.by = "otp";
  const auto grant = *grants.add(again);
  EXPECT_EQ(grant->id, 1u);
  EXPECT_EQ(grant->since_ms, kNow);
  EXPECT_EQ(grant->until_ms, kNow + 3000);
  EXPECT_EQ(grant->by, "otp");
  EXPECT_EQ(grants.size(), 1u);
  // An earlier end takes nothing away.
  EXPECT_EQ((*grants.add(open("2001:db8::2", "alice", kNow + 1)))->until_ms, kNow + 3000);
  EXPECT_EQ(*grants.next_end_ms(), kNow + 3000);
}

TEST(Grants, WhoSharesAnAddressStaysWhenTheOtherGoes) {
  Grants grants(64, 1);
  GrantReader reader(grants.publication());
  ASSERT_TRUE(grants.add(open("192.0.2.1", "alice", kNow + 5000)));
  ASSERT_TRUE(grants.add(open("192.0.2.1", "bob", kNow + 1000)));
  EXPECT_EQ(reader.current().groups(), 1u);
  EXPECT_EQ(user_of(reader, "192.0.2.1"), "alice");
  const auto ended = grants.end_user("alice");
  EXPECT_THAT(ids(ended), ElementsAre(1));
  EXPECT_EQ(ended[0].group, *Prefix::parse("192.0.2.1"));
  EXPECT_EQ(ended[0].cause, EndedGrant::Cause::ended);
  EXPECT_EQ(user_of(reader, "192.0.2.1"), "bob");
  EXPECT_THAT(ids(grants.end_user("bob")), ElementsAre(2));
  EXPECT_EQ(user_of(reader, "192.0.2.1"), "");
  EXPECT_EQ(reader.current().groups(), 0u);
}

TEST(Grants, EndByIdAddressUserOrAll) {
  Grants grants(64, 1);
  for (const char* where : {"192.0.2.1", "192.0.2.2", "2001:db8::1"}) {
    ASSERT_TRUE(grants.add(open(where, "alice")));
    ASSERT_TRUE(grants.add(open(where, "bob")));
  }
  EXPECT_THAT(ids(grants.end(3)), ElementsAre(3));
  EXPECT_THAT(ids(grants.end(3)), IsEmpty());
  EXPECT_THAT(ids(grants.end_address(address("2001:db8::ffff"))), ElementsAre(5, 6));
  EXPECT_THAT(ids(grants.end_address(address("198.51.100.1"))), IsEmpty());
  EXPECT_THAT(ids(grants.end_user("alice")), ElementsAre(1));
  EXPECT_THAT(ids(grants.end_user("nobody")), IsEmpty());
  EXPECT_EQ(grants.list().size(), 2u);
  EXPECT_EQ(grants.list_user("bob").size(), 2u);
  EXPECT_EQ(grants.list_address(address("192.0.2.2")).size(), 1u);
  EXPECT_THAT(ids(grants.end_all()), ElementsAre(2, 4));
  EXPECT_EQ(grants.size(), 0u);
  EXPECT_FALSE(grants.next_end_ms());
  EXPECT_EQ((*grants.add(open("192.0.2.1", "carol")))->id, 7u) << "an id is never used again";
}

TEST(Grants, ExpireEndsThoseWhoseTimeIsUp) {
  Grants grants(64, 1);
  ASSERT_TRUE(grants.add(open("192.0.2.1", "alice", kNow + 2000)));
  ASSERT_TRUE(grants.add(open("192.0.2.2", "bob", kNow + 1000)));
  EXPECT_EQ(*grants.next_end_ms(), kNow + 1000);
  EXPECT_THAT(ids(grants.expire(kNow + 999)), IsEmpty());
  const auto ended = grants.expire(kNow + 1000);
  EXPECT_THAT(ids(ended), ElementsAre(2));
  EXPECT_EQ(ended[0].cause, EndedGrant::Cause::expired);
  EXPECT_EQ(*grants.next_end_ms(), kNow + 2000);
}

TEST(Grants, ExtendSetsTheEndLaterOrSooner) {
  Grants grants(64, 1);
  GrantReader reader(grants.publication());
  ASSERT_TRUE(grants.add(open("192.0.2.1", "alice", kNow + 1000)));
  EXPECT_EQ((*grants.extend(1, kNow + 9000))->until_ms, kNow + 9000);
  EXPECT_EQ(user_of(reader, "192.0.2.1", kNow + 8999), "alice");
  EXPECT_EQ((*grants.extend(1, kNow + 10))->until_ms, kNow + 10);
  EXPECT_EQ(user_of(reader, "192.0.2.1", kNow + 10), "");
  EXPECT_THAT(ids(grants.expire(kNow + 10)), ElementsAre(1));
  EXPECT_EQ(grants.extend(1, kNow + 9000).error(), GrantError::unknown);
}

TEST(Grants, WhatCannotBeIsRefused) {
  Grants grants(64, 1);
  const auto error = [&](Grants::NewGrant grant) {
    const auto added = grants.add(grant);
    return added ? "" : std::string(to_text(added.error()));
  };
  EXPECT_EQ(error(open("192.0.2.1", "")), to_text(GrantError::bad_text));
  EXPECT_EQ(error(open("192.0.2.1", "a\nb")), to_text(GrantError::bad_text));
  EXPECT_EQ(error(open("192.0.2.1", std::string(254, 'a'))), to_text(GrantError::bad_text));
  EXPECT_EQ(error(open("192.0.2.1", "alice", kNow)), to_text(GrantError::bad_time));
  EXPECT_EQ(error(open("0.0.0.0", "alice")), to_text(GrantError::bad_address));
  EXPECT_EQ(error(open("::", "alice")), to_text(GrantError::bad_address));
  ASSERT_TRUE(grants.add(open("192.0.2.1", "j\xc4\x81nis")));
  EXPECT_EQ(grants.extend(1, kNow).error(), GrantError::bad_time);
  EXPECT_EQ(grants.size(), 1u);
}

TEST(Grants, RestoreKeepsIdsAndLeavesOutWhatCannotBe) {
  Grants first(64, 1);
  ASSERT_TRUE(first.add(open("192.0.2.1", "alice")));
  ASSERT_TRUE(first.add(open("192.0.2.2", "bob")));
  static_cast<void>(first.end(2));
  std::vector<Grant> kept;
  for (const GrantPointer& grant : first.list()) kept.push_back(*grant);
  kept.push_back(kept[0]);  // a double
  kept.push_back({});

  Grants second(64, 2);
  GrantReader reader(second.publication());
  EXPECT_EQ(second.restore(kept, first.next_id()), 2u);
  EXPECT_EQ(*second.find(1), *first.find(1));
  EXPECT_EQ(user_of(reader, "192.0.2.1"), "alice");
  EXPECT_EQ((*second.add(open("192.0.2.2", "bob")))->id, 3u);
}

TEST(Grants, AReaderHoldsWhatItReadsAndNoMore) {
  Grants grants(64, 1);
  GrantReader resting(grants.publication());
  GrantReader busy(grants.publication());
  ASSERT_TRUE(grants.add(open("192.0.2.1", "alice")));
  const Grant* const held = resting.current().find(address("192.0.2.1"), kNow);
  ASSERT_NE(held, nullptr);
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(grants.end_all().size(), 1u);
    ASSERT_TRUE(grants.add(open("192.0.2.1", "bob")));
    EXPECT_EQ(user_of(busy, "192.0.2.1"), "bob");
  }
  EXPECT_EQ(held->user, "alice");
  EXPECT_LE(grants.retired(), 2u);
  resting.release();
  static_cast<void>(busy.current());
  ASSERT_EQ(grants.end_all().size(), 1u);
  static_cast<void>(busy.current());
  ASSERT_TRUE(grants.add(open("192.0.2.1", "carol")));
  EXPECT_EQ(grants.retired(), 1u);
}

/// Against a list, from a seed, through growth and shrinking; ends overlap by design.
TEST(Grants, AgreesWithAList) {
  for (const std::uint64_t seed : {1, 2, 3}) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    Grants grants(64, seed);
    GrantReader reader(grants.publication());
    std::map<std::uint64_t, Grant> model;
    std::uint64_t now = kNow;
    const auto forget = [&](const std::vector<EndedGrant>& ended) {
      for (const EndedGrant& end : ended) ASSERT_EQ(model.erase(end.grant->id), 1u);
    };
    const auto any_address = [&] {
      IpAddress where = random() % 2 == 0
                            ? IpAddress::v4(0x0a000000 + static_cast<std::uint32_t>(random() % 900))
                            : address("2001:db8::1");
      if (!where.is_v4()) {
        where.octets[6] = static_cast<std::uint8_t>(random() % 3);
        where.octets[7] = static_cast<std::uint8_t>(random());
        where.octets[15] = static_cast<std::uint8_t>(random());
      }
      return where;
    };
    for (int step = 0; step < 6000; ++step) {
      const bool growing = step % 2000 < 1500;
      switch (random() % 12) {
        case 0: forget(grants.end(1 + random() % grants.next_id())); break;
        case 1:
          if (!growing) forget(grants.end_user("user" + std::to_string(random() % 40)));
          break;
        case 2:
          if (!growing) forget(grants.end_address(any_address()));
          break;
        case 3:
          now += random() % (growing ? 20 : 2000);
          forget(grants.expire(now));
          break;
        default: {
          const auto grant = grants.add({.address = any_address(),
                                         .user = "user" + std::to_string(random() % 40),
                                         .since_ms = now,
                                         .until_ms = now + 1 + random() % 9000,
                                         .by = "",
                                         .reason = ""});
          ASSERT_TRUE(grant);
          model[(*grant)->id] = **grant;
        }
      }
      ASSERT_EQ(grants.size(), model.size());
      const IpAddress where = any_address();
      const GrantSnapshot& snapshot = reader.current();
      std::uint64_t until = 0;
      for (const auto& [id, grant] : model) {
        if (snapshot.group(grant.address) == snapshot.group(where)) {
          until = std::max(until, grant.until_ms);
        }
      }
      const Grant* const found = snapshot.find(where, now);
      ASSERT_EQ(found == nullptr ? 0 : found->until_ms, until > now ? until : 0) << step;
    }
  }
}

TEST(Grants, ReadersOnOtherThreadsSeeWholeGrants) {
  Grants grants(64, 1);
  constexpr int kReaders = 3;
  constexpr std::uint64_t kRounds = 300;
  std::atomic<bool> done = false;
  std::atomic<int> ready = 0;
  std::atomic<std::uint64_t> torn = 0;
  std::atomic<std::uint64_t> hits = 0;
  // One address is always open: no reader may ever miss it, whatever goes on beside it.
  ASSERT_TRUE(grants.add(open("192.0.2.1", "always")));
  std::vector<std::thread> threads;
  for (int i = 0; i < kReaders; ++i) {
    threads.emplace_back([&] {
      GrantReader reader(grants.publication());
      ready.fetch_add(1);
      std::uint32_t n = 0;
      do {
        const GrantSnapshot& snapshot = reader.current();
        const Grant* const always = snapshot.find(address("192.0.2.1"), kNow);
        if (always == nullptr || always->user != "always") torn.fetch_add(1);
        const Grant* const other = snapshot.find(IpAddress::v4(0x0a000000 + n++ % 50), kNow);
        if (other == nullptr) continue;
        hits.fetch_add(1);
        if (other->user != "user " + other->by) torn.fetch_add(1);
      } while (!done.load());
      // The last word arrives.
      if (reader.current().find(address("10.0.0.1"), kNow) != nullptr) torn.fetch_add(1);
    });
  }
  while (ready.load() < kReaders) std::this_thread::yield();
  for (std::uint64_t round = 0; round < kRounds || hits.load() == 0; ++round) {
    for (std::uint32_t i = 0; i < 50; i += round % 2 == 0 ? 1 : 3) {
      const std::string text = std::to_string(round * 100 + i);
      ASSERT_TRUE(grants.add({.address = IpAddress::v4(0x0a000000 + i),
                              .user = "user " + text,
                              .since_ms = kNow,
                              .until_ms = kNow + 1000,
                              .by = text,
                              .reason = ""}));
    }
    for (std::uint32_t i = 0; i < 50; ++i) {
      static_cast<void>(grants.end_address(IpAddress::v4(0x0a000000 + i)));
    }
  }
  done.store(true);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(torn.load(), 0u);
  ASSERT_TRUE(grants.add(open("192.0.2.9", "last")));
  EXPECT_EQ(grants.retired(), 0u);
}

}  // namespace
}  // namespace sallyport::http_door
