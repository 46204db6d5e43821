// What every implementation promises (verify/store/store.h).

#include <atomic>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/verify/store/redis_process.h"
#include "tests/verify/store/store_world.h"
#include "verify/clock.h"

namespace sallyport::verify {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class StoreContract : public testing::TestWithParam<Implementation> {
 protected:
  static RecordKey key(std::string id, RecordKind kind = RecordKind::visit,
                       std::string group = {}) {
    return {.kind = kind, .group = std::move(group), .id = std::move(id)};
  }
  /// The value of what is there; "-": nothing, "!": an error.
  std::string value(const RecordKey& at) {
    const auto record = store_->get(at);
    if (!record) return "!";
    return *record ? (*record)->value : "-";
  }
  std::vector<std::string> ids(RecordKind kind, std::string_view group) {
    const auto listed = store_->list(kind, group);
    EXPECT_TRUE(listed.has_value());
    std::vector<std::string> ids;
    if (listed) {
      for (const ListedRecord& one : *listed) ids.push_back(one.id);
    }
    return ids;
  }
  /// Runs it in so many threads at once and counts those that say true.
  static int count_true(int threads, const std::function<bool(int)>& work) {
    std::atomic<int> yes{0};
    std::vector<std::jthread> all;
    for (int at = 0; at < threads; ++at) {
      all.emplace_back([&, at] {
        if (work(at)) ++yes;
      });
    }
    all.clear();
    return yes;
  }

  std::unique_ptr<StoreWorld> world_ = GetParam().make();
  std::unique_ptr<Store> store_ = world_->open();
};

TEST_P(StoreContract, WhatIsPutIsThere) {
  EXPECT_EQ(value(key("a")), "-");
  const auto version = store_->put(key("a"), "one", 0);
  ASSERT_TRUE(version.has_value());
  const auto record = store_->get(key("a"));
  ASSERT_TRUE(record && *record);
  EXPECT_EQ((*record)->value, "one");
  EXPECT_EQ((*record)->until_ms, 0U);
  EXPECT_EQ((*record)->version, *version);

  const std::uint64_t later = unix_ms() + 60'000;
  const auto next = store_->put(key("a"), "two", later);
  ASSERT_TRUE(next.has_value());
  EXPECT_NE(*next, *version);
  const auto again = store_->get(key("a"));
  ASSERT_TRUE(again && *again);
  EXPECT_EQ((*again)->value, "two");
  EXPECT_EQ((*again)->until_ms, later);
}

TEST_P(StoreContract, AnyOctetsAreFine) {
  std::string octets;
  for (int octet = 0; octet < 256; ++octet) octets += static_cast<char>(octet);
  const RecordKey odd = key(octets + octets, RecordKind::known, octets + octets);
  const std::string large(kMaxValueOctets, '\0');
  ASSERT_TRUE(store_->put(odd, large, 0).has_value());
  EXPECT_EQ(value(odd), large);
  EXPECT_THAT(ids(RecordKind::known, odd.group), ElementsAre(odd.id));
  ASSERT_TRUE(store_->put(key(""), "", 0).has_value());
  EXPECT_EQ(value(key("")), "");
}

TEST_P(StoreContract, KindsAndGroupsAreApart) {
  ASSERT_TRUE(store_->put(key("x", RecordKind::otp), "otp", 0).has_value());
  ASSERT_TRUE(store_->put(key("x", RecordKind::session, "ann"), "ann's", 0).has_value());
  ASSERT_TRUE(store_->put(key("x", RecordKind::session, "bob"), "bob's", 0).has_value());
  EXPECT_EQ(value(key("x")), "-");
  EXPECT_EQ(value(key("x", RecordKind::otp)), "otp");
  EXPECT_EQ(value(key("x", RecordKind::session, "ann")), "ann's");
  EXPECT_EQ(value(key("x", RecordKind::session, "bob")), "bob's");
  // No way of joining group and id may mix these two up.
  ASSERT_TRUE(store_->put(key("b:c", RecordKind::session, "a"), "1", 0).has_value());
  EXPECT_EQ(value(key("c", RecordKind::session, "a:b")), "-");
  EXPECT_THAT(ids(RecordKind::session, "a:b"), IsEmpty());
}

TEST_P(StoreContract, EveryKindCanBeKept) {
  for (std::size_t kind = 0; kind < kRecordKinds; ++kind) {
    const RecordKey at = key("same", static_cast<RecordKind>(kind));
    ASSERT_TRUE(store_->add(at, to_text(at.kind), 0).value_or(false)) << to_text(at.kind);
  }
  for (std::size_t kind = 0; kind < kRecordKinds; ++kind) {
    const RecordKey at = key("same", static_cast<RecordKind>(kind));
    EXPECT_EQ(value(at), to_text(at.kind));
    EXPECT_THAT(ids(at.kind, ""), ElementsAre("same"));
  }
}

TEST_P(StoreContract, AddsOnlyWhereNoneIs) {
  EXPECT_EQ(store_->add(key("a"), "one", 0), true);
  EXPECT_EQ(store_->add(key("a"), "two", 0), false);
  EXPECT_EQ(value(key("a")), "one");
}

TEST_P(StoreContract, ReplacesOnlyTheVersionThatWasRead) {
  const auto first = store_->put(key("a"), "one", 0);
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(store_->replace(key("a"), *first, "two", 0), true);
  EXPECT_EQ(store_->replace(key("a"), *first, "three", 0), false);
  EXPECT_EQ(value(key("a")), "two");
  EXPECT_EQ(store_->replace(key("none"), 1, "x", 0), false);
  EXPECT_EQ(value(key("none")), "-");
}

TEST_P(StoreContract, AVersionIsNeverUsedAgain) {
  const auto first = store_->put(key("a"), "one", 0);
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(store_->remove(key("a")), true);
  EXPECT_EQ(store_->add(key("a"), "two", 0), true);
  EXPECT_EQ(store_->replace(key("a"), *first, "three", 0), false);
  store_.reset();
  store_ = world_->open();
  EXPECT_EQ(store_->remove(key("a")), true);
  const auto after = store_->put(key("a"), "four", 0);
  ASSERT_TRUE(after.has_value());
  EXPECT_NE(*after, *first);
  EXPECT_EQ(value(key("a")), "four");
}

TEST_P(StoreContract, TakesAndRemovesOnce) {
  ASSERT_TRUE(store_->put(key("a"), "one", 0).has_value());
  const auto taken = store_->take(key("a"));
  ASSERT_TRUE(taken && *taken);
  EXPECT_EQ((*taken)->value, "one");
  const auto again = store_->take(key("a"));
  ASSERT_TRUE(again.has_value());
  EXPECT_FALSE(again->has_value());
  EXPECT_EQ(store_->remove(key("a")), false);
  ASSERT_TRUE(store_->put(key("a"), "two", 0).has_value());
  EXPECT_EQ(store_->remove(key("a")), true);
  EXPECT_EQ(value(key("a")), "-");
}

TEST_P(StoreContract, WhatHasExpiredIsNotThere) {
  const std::uint64_t past = unix_ms() - 1;
  const auto version = store_->put(key("a"), "old", past);
  ASSERT_TRUE(version.has_value());
  EXPECT_EQ(value(key("a")), "-");
  EXPECT_EQ(store_->replace(key("a"), *version, "x", 0), false);
  EXPECT_EQ(store_->remove(key("a")), false);
  ASSERT_TRUE(store_->put(key("a"), "old", past).has_value());
  EXPECT_FALSE(store_->take(key("a")).value().has_value());
  ASSERT_TRUE(store_->put(key("a"), "old", past).has_value());
  EXPECT_THAT(ids(RecordKind::visit, ""), IsEmpty());
  EXPECT_EQ(store_->add(key("a"), "new", 0), true);
  EXPECT_EQ(value(key("a")), "new");
}

TEST_P(StoreContract, ExpiresInTime) {
  const std::uint64_t until = unix_ms() + 50;
  ASSERT_TRUE(store_->put(key("short"), "x", until).has_value());
  ASSERT_TRUE(store_->put(key("a", RecordKind::session, "ann"), "x", until).has_value());
  ASSERT_TRUE(store_->put(key("b", RecordKind::session, "ann"), "x", 0).has_value());
  EXPECT_TRUE(eventually([&] { return value(key("short")) == "-"; }));
  EXPECT_GE(unix_ms(), until);
  EXPECT_TRUE(eventually([&] { return ids(RecordKind::session, "ann").size() == 1; }));
  EXPECT_THAT(ids(RecordKind::session, "ann"), ElementsAre("b"));
}

TEST_P(StoreContract, ListsAGroupById) {
  for (const char* id : {"b", "a", "\xff", "aa", "B"}) {
    ASSERT_TRUE(store_->put(key(id, RecordKind::grant), id, 0).has_value());
  }
  ASSERT_TRUE(store_->put(key("z", RecordKind::grant, "other"), "z", 0).has_value());
  EXPECT_THAT(ids(RecordKind::grant, ""), ElementsAre("B", "a", "aa", "b", "\xff"));
  const auto listed = store_->list(RecordKind::grant, "");
  ASSERT_TRUE(listed.has_value());
  for (const ListedRecord& one : *listed) {
    EXPECT_EQ(one.record.value, one.id);
    const auto single = store_->get(key(one.id, RecordKind::grant));
    EXPECT_EQ(single.value().value().version, one.record.version);
  }
  EXPECT_THAT(ids(RecordKind::passkey, ""), IsEmpty());
}

TEST_P(StoreContract, ListsThousands) {
  constexpr int kThreads = 8;
  constexpr int kEach = 250;
  const int written = count_true(kThreads, [&](int thread) {
    for (int at = 0; at < kEach; ++at) {
      const std::string id = std::to_string(thread * kEach + at);
      if (!store_->put(key(id, RecordKind::grant), std::string(200, 'v'), 0)) return false;
    }
    return true;
  });
  EXPECT_EQ(written, kThreads);
  EXPECT_EQ(ids(RecordKind::grant, "").size(), std::size_t{kThreads} * kEach);
}

TEST_P(StoreContract, NumbersGoOnOverRestarts) {
  EXPECT_EQ(store_->next_number("grant"), 1U);
  EXPECT_EQ(store_->next_number("grant"), 2U);
  EXPECT_EQ(store_->next_number("other"), 1U);
  store_.reset();
  store_ = world_->open();
  EXPECT_EQ(store_->next_number("grant"), 3U);
}

TEST_P(StoreContract, NoNumberIsGivenTwice) {
  std::mutex mutex;
  std::set<std::uint64_t> numbers;
  count_true(8, [&](int) {
    for (int at = 0; at < 50; ++at) {
      const auto number = store_->next_number("n");
      const std::scoped_lock lock(mutex);
      if (number) numbers.insert(*number);
    }
    return true;
  });
  EXPECT_EQ(numbers.size(), 400U);
  EXPECT_EQ(*numbers.rbegin(), 400U);
}

TEST_P(StoreContract, OfManyWhoAddOneDoes) {
  for (int round = 0; round < 20; ++round) {
    const RecordKey at = key(std::to_string(round));
    EXPECT_EQ(count_true(8, [&](int) { return store_->add(at, "mine", 0).value_or(false); }), 1);
  }
}

TEST_P(StoreContract, OfManyWhoTakeOneGetsIt) {
  for (int round = 0; round < 20; ++round) {
    const RecordKey at = key(std::to_string(round));
    ASSERT_TRUE(store_->put(at, "one", 0).has_value());
    EXPECT_EQ(count_true(8,
                         [&](int) {
                           const auto taken = store_->take(at);
                           return taken && taken->has_value();
                         }),
              1);
  }
}

TEST_P(StoreContract, NoReplacementIsLost) {
  ASSERT_TRUE(store_->put(key("n"), "0", 0).has_value());
  constexpr int kThreads = 4;
  constexpr int kEach = 25;
  const int finished = count_true(kThreads, [&](int) {
    for (int done = 0; done < kEach;) {
      const auto record = store_->get(key("n"));
      if (!record || !*record) return false;
      const std::string next = std::to_string(std::stoi((*record)->value) + 1);
      const auto replaced = store_->replace(key("n"), (*record)->version, next, 0);
      if (!replaced) return false;
      if (*replaced) ++done;
    }
    return true;
  });
  EXPECT_EQ(finished, kThreads);
  EXPECT_EQ(value(key("n")), std::to_string(kThreads * kEach));
}

TEST_P(StoreContract, WhatIsDoneOutlivesTheStore) {
  const std::uint64_t later = unix_ms() + 3'600'000;
  ASSERT_TRUE(store_->put(key("kept", RecordKind::grant), "one", later).has_value());
  ASSERT_TRUE(store_->put(key("gone", RecordKind::grant), "two", 0).has_value());
  EXPECT_EQ(store_->remove(key("gone", RecordKind::grant)), true);
  const auto before = store_->get(key("kept", RecordKind::grant));
  store_.reset();
  store_ = world_->open();
  const auto after = store_->get(key("kept", RecordKind::grant));
  ASSERT_TRUE(after && *after);
  EXPECT_EQ((*after)->value, "one");
  EXPECT_EQ((*after)->until_ms, later);
  EXPECT_EQ((*after)->version, before.value().value().version);
  EXPECT_EQ(value(key("gone", RecordKind::grant)), "-");
}

/// What a watcher was told. The store may still tell it when the test has ended, so both hold it.
struct Told {
  std::mutex mutex;
  std::vector<RecordChange> changes;

  void add(const RecordChange& change) {
    const std::scoped_lock lock(mutex);
    changes.push_back(change);
  }
  std::vector<RecordChange> all() {
    const std::scoped_lock lock(mutex);
    return changes;
  }
};

std::shared_ptr<Told> watch(Store& store, RecordKind kind) {
  auto told = std::make_shared<Told>();
  store.watch({kind}, {.changed = [told](const RecordChange& change) { told->add(change); },
                       .resync = [] {}});
  return told;
}

TEST_P(StoreContract, TellsOfEachChangeInOrder) {
  const std::shared_ptr<Told> told = watch(*store_, RecordKind::grant);
  const auto all_told = [&] {
    std::vector<std::string> texts;
    for (const RecordChange& change : told->all()) {
      texts.push_back(change.key.group + "/" + change.key.id + "=" +
                      (change.record ? change.record->value : "-"));
    }
    return texts;
  };
  // A watcher may need a moment to hear its first change.
  ASSERT_TRUE(eventually([&] {
    EXPECT_TRUE(store_->put(key("first", RecordKind::grant), "x", 0).has_value());
    return !all_told().empty();
  }));
  const RecordKey at = key("1", RecordKind::grant, "g");
  const auto version = store_->put(at, "a", 0);
  ASSERT_TRUE(version.has_value());
  EXPECT_TRUE(store_->put(key("other"), "not watched", 0).has_value());
  EXPECT_EQ(store_->add(at, "not done", 0), false);
  EXPECT_EQ(store_->replace(at, *version, "b", 0), true);
  EXPECT_EQ(store_->replace(at, *version, "not done", 0), false);
  EXPECT_EQ(store_->remove(at), true);
  EXPECT_EQ(store_->remove(at), false);
  EXPECT_EQ(store_->add(at, "c", 0), true);
  EXPECT_TRUE(store_->take(at).value().has_value());
  ASSERT_TRUE(store_->put(key("last", RecordKind::grant), "x", 0).has_value());
  ASSERT_TRUE(eventually([&] { return all_told().back() == "/last=x"; }));
  std::vector<std::string> changes = all_told();
  std::erase(changes, "/first=x");
  EXPECT_THAT(changes, ElementsAre("g/1=a", "g/1=b", "g/1=-", "g/1=c", "g/1=-", "/last=x"));
}

TEST_P(StoreContract, AChangeCarriesTheRecord) {
  const std::shared_ptr<Told> told = watch(*store_, RecordKind::visit);
  const std::uint64_t later = unix_ms() + 60'000;
  ASSERT_TRUE(eventually([&] {
    EXPECT_TRUE(store_->put(key("v"), std::string("a\0b", 3), later).has_value());
    return !told->all().empty();
  }));
  const std::optional<Record> record = told->all().back().record;
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->value, std::string("a\0b", 3));
  EXPECT_EQ(record->until_ms, later);
  EXPECT_NE(record->version, 0U);
}

TEST_P(StoreContract, IsWell) {
  ASSERT_TRUE(store_->put(key("a"), "x", 0).has_value());
  EXPECT_TRUE(store_->health().ok) << store_->health().text;
  EXPECT_NE(store_->health().text, "");
}

INSTANTIATE_TEST_SUITE_P(All, StoreContract,
                         testing::Values(Implementation{"sqlite", sqlite_world},
                                         Implementation{"redis", redis_world}),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace sallyport::verify
