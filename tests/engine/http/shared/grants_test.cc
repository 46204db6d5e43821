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

constexpr std::uint64_t kNow = 1'700'000'000'000;

IpAddress address(const char* text) { return *IpAddress::parse(text); }

Grant open(std::uint64_t id, const char* where, std::string user,
           std::uint64_t until_ms = kNow + 1000) {
  Grant grant;
  grant.id = id;
  grant.address = address(where);
  grant.user = std::move(user);
  grant.since_ms = kNow;
  grant.until_ms = until_ms;
  grant.by = "otp";
  return grant;
}

std::vector<std::uint64_t> ids(const std::vector<GrantPointer>& grants) {
  std::vector<std::uint64_t> result;
  for (const GrantPointer& grant : grants) result.push_back(grant->id);
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
  grants.apply({open(1, "192.0.2.1", "alice", kNow + 1000)}, {});
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
  grants.apply({open(1, "2001:db8:0:ab12::1", "alice")}, {});
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
  EXPECT_THAT(ids(grants.list_address(address("2001:db8:9::"))), ElementsAre(1));
  grants.apply({}, {1});
  EXPECT_EQ(user_of(reader, "2001:db8:ffff::"), "");
}

TEST(Grants, WhoSharesAnAddressStaysWhenTheOtherGoes) {
  Grants grants(64, 1);
  GrantReader reader(grants.publication());
  grants.apply({open(1, "192.0.2.1", "alice", kNow + 5000), open(2, "192.0.2.1", "bob")}, {});
  EXPECT_EQ(user_of(reader, "192.0.2.1"), "alice") << "the one that lasts longest";
  grants.apply({}, {1});
  EXPECT_EQ(user_of(reader, "192.0.2.1"), "bob");
  grants.apply({}, {2, 99});
  EXPECT_EQ(user_of(reader, "192.0.2.1"), "");
  EXPECT_EQ(reader.current().size(), 0u);
}

TEST(Grants, OfSeveralTheOneThatFits) {
  Grants grants(64, 1);
  GrantReader reader(grants.publication());
  Grant token = open(1, "192.0.2.1", "alice", kNow + 9000);
  token.by = "token";
  Grant push = open(2, "192.0.2.1", "bob", kNow + 5000);
  push.by = "push";
  push.since_ms = kNow - 4000;
  Grant fresh = open(3, "192.0.2.1", "carol", kNow + 4000);
  fresh.by = "push";
  Grant theirs = open(4, "192.0.2.1", "dave", kNow + 3000);
  theirs.by = "operator";
  theirs.since_ms = kNow - 9000;
  Grant unknown = open(5, "192.0.2.1", "eve", kNow + 9999);
  unknown.by = "something later";
  grants.apply({token, push, fresh, theirs, unknown}, {});
  using verify::Factor;
  const auto found = [&](std::vector<Factor> factors, std::uint64_t access_ms,
                         std::uint64_t now_ms = kNow) {
    const Grant* const grant = reader.current().find(
        address("192.0.2.1"), now_ms, {.factors = factor_set(factors), .access_ms = access_ms});
    return grant == nullptr ? std::string() : grant->user;
  };
  EXPECT_EQ(found({}, 0), "eve");
  EXPECT_EQ(found({Factor::token}, 0), "alice");
  EXPECT_EQ(found({Factor::push, Factor::link}, 0), "bob");
  EXPECT_EQ(found({Factor::push}, 4000), "carol") << "bob's was confirmed too long ago";
  EXPECT_EQ(found({Factor::push}, 4001), "bob");
  EXPECT_EQ(found({Factor::passkey}, 1), "dave") << "an operator's fits every route";
  EXPECT_EQ(found({Factor::passkey}, 1, kNow + 3000), "");
  EXPECT_EQ(found({Factor::push}, 2000, kNow + 3000), "");
}

TEST(Grants, FoundByItsId) {
  Grants grants(64, 1);
  GrantReader reader(grants.publication());
  grants.apply({open(7, "192.0.2.1", "alice")}, {});
  ASSERT_NE(reader.current().find_id(7, kNow), nullptr);
  EXPECT_EQ(reader.current().find_id(7, kNow)->user, "alice");
  EXPECT_EQ(reader.current().find_id(7, kNow + 1000), nullptr);
  EXPECT_EQ(reader.current().find_id(8, kNow), nullptr);
  const FactorSet push = factor_set({verify::Factor::push});
  EXPECT_EQ(reader.current().find_id(7, kNow, {.factors = push, .access_ms = 0}), nullptr);
  EXPECT_TRUE(reader.current().same_group(address("2001:db8::1"), address("2001:db8::2")));
  EXPECT_FALSE(reader.current().same_group(address("192.0.2.1"), address("192.0.2.2")));
  grants.apply({}, {7});
  EXPECT_EQ(reader.current().find_id(7, kNow), nullptr);
}

TEST(Grants, ListsByAllThatFindsThem) {
  Grants grants(64, 1);
  Grant of_session = open(3, "2001:db8::1", "alice");
  of_session.session = "s";
  grants.apply({open(1, "192.0.2.1", "alice"), open(2, "192.0.2.1", "bob"), of_session}, {});
  EXPECT_THAT(ids(grants.list()), ElementsAre(1, 2, 3));
  EXPECT_THAT(ids(grants.list_user("alice")), ElementsAre(1, 3));
  EXPECT_THAT(ids(grants.list_user("nobody")), IsEmpty());
  EXPECT_THAT(ids(grants.list_session("s")), ElementsAre(3));
  EXPECT_THAT(ids(grants.list_session("")), IsEmpty());
  EXPECT_THAT(ids(grants.list_address(address("192.0.2.1"))), ElementsAre(1, 2));
  EXPECT_THAT(ids(grants.list_address(address("2001:db8::ffff"))), ElementsAre(3));
  // Another in its place is found by what it has now.
  grants.apply({open(3, "192.0.2.9", "carol")}, {});
  EXPECT_THAT(ids(grants.list_user("alice")), ElementsAre(1));
  EXPECT_THAT(ids(grants.list_session("s")), IsEmpty());
  EXPECT_THAT(ids(grants.list_address(address("2001:db8::1"))), IsEmpty());
  EXPECT_EQ(grants.find(3)->user, "carol");
  EXPECT_EQ(grants.size(), 3u);
}

TEST(Grants, ExpireEndsThoseWhoseTimeIsUp) {
  Grants grants(64, 1);
  EXPECT_FALSE(grants.next_end_ms());
  grants.apply({open(1, "192.0.2.1", "alice", kNow + 2000), open(2, "192.0.2.2", "bob")}, {});
  EXPECT_EQ(*grants.next_end_ms(), kNow + 1000);
  EXPECT_THAT(ids(grants.expire(kNow + 999)), IsEmpty());
  EXPECT_THAT(ids(grants.expire(kNow + 1000)), ElementsAre(2));
  EXPECT_EQ(*grants.next_end_ms(), kNow + 2000);
  EXPECT_EQ(grants.find(2), nullptr);
}

TEST(Grants, WhatCannotBe) {
  EXPECT_EQ(mistake_in(open(1, "192.0.2.1", "")), GrantError::bad_text);
  EXPECT_EQ(mistake_in(open(1, "192.0.2.1", "a\nb")), GrantError::bad_text);
  EXPECT_EQ(mistake_in(open(1, "192.0.2.1", std::string(254, 'a'))), GrantError::bad_text);
  EXPECT_EQ(mistake_in(open(1, "192.0.2.1", "alice", kNow)), GrantError::bad_time);
  EXPECT_EQ(mistake_in(open(1, "0.0.0.0", "alice")), GrantError::bad_address);
  EXPECT_EQ(mistake_in(open(1, "::", "alice")), GrantError::bad_address);
  EXPECT_EQ(mistake_in(open(1, "192.0.2.1", "j\xc4\x81nis")), std::nullopt);
}

TEST(Grants, AReaderHoldsWhatItReadsAndNoMore) {
  Grants grants(64, 1);
  GrantReader resting(grants.publication());
  GrantReader busy(grants.publication());
  grants.apply({open(1, "192.0.2.1", "alice")}, {});
  const Grant* const held = resting.current().find(address("192.0.2.1"), kNow);
  ASSERT_NE(held, nullptr);
  for (std::uint64_t id = 1; id <= 100; ++id) {
    grants.apply({open(id + 1, "192.0.2.1", "bob")}, {id});
    EXPECT_EQ(user_of(busy, "192.0.2.1"), "bob");
  }
  EXPECT_EQ(held->user, "alice");
  EXPECT_LE(grants.retired(), 2u);
  resting.release();
  static_cast<void>(busy.current());
  grants.apply({}, {101});
  static_cast<void>(busy.current());
  grants.apply({open(102, "192.0.2.1", "carol")}, {});
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
    std::uint64_t last_id = 0;
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
    const auto end_these = [&](const std::vector<GrantPointer>& ended) {
      grants.apply({}, ids(ended));
      for (const GrantPointer& grant : ended) ASSERT_EQ(model.erase(grant->id), 1u);
    };
    for (int step = 0; step < 6000; ++step) {
      const bool growing = step % 2000 < 1500;
      switch (random() % 12) {
        case 0:
          if (const auto grant = grants.find(1 + random() % (last_id + 1))) end_these({grant});
          break;
        case 1:
          if (growing) break;
          end_these(random() % 2 == 0 ? grants.list_address(any_address())
                                      : grants.list_user("user" + std::to_string(random() % 40)));
          break;
        case 2:
          now += random() % (growing ? 20 : 2000);
          for (const GrantPointer& over : grants.expire(now)) {
            ASSERT_EQ(model.erase(over->id), 1u);
          }
          break;
        default: {
          Grant grant = open(0, "192.0.2.1", "user" + std::to_string(random() % 40),
                             now + 1 + random() % 9000);
          grant.address = any_address();
          grant.since_ms = now;
          grant = grants.merged(grant);
          if (grant.id == 0) grant.id = ++last_id;
          model[grant.id] = grant;
          grants.apply({grant}, {});
        }
      }
      ASSERT_EQ(grants.size(), model.size());
      const IpAddress where = any_address();
      const GrantSnapshot& snapshot = reader.current();
      ASSERT_EQ(snapshot.size(), model.size());
      std::uint64_t until = 0;
      for (const auto& [id, grant] : model) {
        if (snapshot.group(grant.address) == snapshot.group(where)) {
          until = std::max(until, grant.until_ms);
        }
      }
      const Grant* const found = snapshot.find(where, now);
      ASSERT_EQ(found == nullptr ? 0 : found->until_ms, until > now ? until : 0) << step;
      const std::uint64_t id = 1 + random() % (last_id + 1);
      ASSERT_EQ(snapshot.find_id(id, now) != nullptr,
                model.contains(id) && model[id].until_ms > now);
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
  grants.apply({open(1, "192.0.2.1", "always")}, {});
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
        if (snapshot.find_id(1, kNow) != always) torn.fetch_add(1);
        const Grant* const other = snapshot.find(IpAddress::v4(0x0a000000 + n++ % 50), kNow);
        if (other == nullptr) continue;
        hits.fetch_add(1);
        if (other->user != "user " + other->reason) torn.fetch_add(1);
      } while (!done.load());
      // The last word arrives.
      if (reader.current().find(address("10.0.0.1"), kNow) != nullptr) torn.fetch_add(1);
    });
  }
  while (ready.load() < kReaders) std::this_thread::yield();
  std::uint64_t id = 1;
  for (std::uint64_t round = 0; round < kRounds || hits.load() == 0; ++round) {
    std::vector<std::uint64_t> gone;
    for (std::uint32_t i = 0; i < 50; i += round % 2 == 0 ? 1 : 3) {
      const std::string text = std::to_string(round * 100 + i);
      Grant grant = open(++id, "192.0.2.1", "user " + text);
      grant.address = IpAddress::v4(0x0a000000 + i);
      grant.reason = text;
      grants.apply({grant}, {});
      gone.push_back(id);
    }
    for (const std::uint64_t one : gone) grants.apply({}, {one});
  }
  done.store(true);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(torn.load(), 0u);
  grants.apply({open(++id, "192.0.2.9", "last")}, {});
  EXPECT_EQ(grants.retired(), 0u);
}

}  // namespace
}  // namespace sallyport::http_door
