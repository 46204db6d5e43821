// What is SQLite's own: its file, its disk, its thread.

#include "verify/store/sqlite_store.h"

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "tests/verify/store/store_world.h"
#include "verify/clock.h"

namespace sallyport::verify {
namespace {

using testing::HasSubstr;

RecordKey key(std::string id) {
  return {.kind = RecordKind::grant, .group = "", .id = std::move(id)};
}

/// The first column of the first row, asked by another than the store.
std::int64_t ask_sqlite(const std::string& path, const char* sql) {
  sqlite3* database = nullptr;
  EXPECT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  std::int64_t answer = -1;
  const auto keep = [](void* to, int, char** columns, char**) {
    *static_cast<std::int64_t*>(to) = columns[0] == nullptr ? 0 : std::atoll(columns[0]);
    return 0;
  };
  EXPECT_EQ(sqlite3_exec(database, sql, keep, &answer, nullptr), SQLITE_OK) << sql;
  sqlite3_close(database);
  return answer;
}

class SqliteStoreTest : public testing::Test {
 protected:
  std::unique_ptr<SqliteStore> open() { return SqliteStore::open(settings_).value(); }
  std::string refusal() {
    const auto refused = SqliteStore::open(settings_);
    return refused ? "opened" : refused.error();
  }

  ScratchFolder folder_;
  SqliteSettings settings_{.path = folder_.file("state.db")};
};

/// No file of ours may grow beyond that size: what a full disk does.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(std::uintmax_t octets) {
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    ::rlimit limit = before_;
    limit.rlim_cur = octets;
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  ::rlimit before_{};
  void (*handler_)(int) = nullptr;
};

/// Keeps the store's thread busy until it goes: what is asked meanwhile is one batch.
class BusyThread {
 public:
  explicit BusyThread(SqliteStore& store) : store_(store) {
    store.watch({RecordKind::lock},
                {.changed = [this](const RecordChange&) { wait(); }, .resync = [] {}});
    EXPECT_TRUE(store_.put({.kind = RecordKind::lock, .group = "", .id = ""}, "", 0).has_value());
    held_.get_future().wait();
  }
  BusyThread(const BusyThread&) = delete;
  BusyThread& operator=(const BusyThread&) = delete;
  ~BusyThread() { release(); }
  void release() {
    if (!released_) go_.set_value();
    released_ = true;
  }

 private:
  void wait() {
    held_.set_value();
    go_.get_future().wait();
  }
  SqliteStore& store_;
  std::promise<void> held_, go_;
  bool released_ = false;
};

TEST_F(SqliteStoreTest, WhoTakesOverHasItToo) {
  const auto before = open();
  const std::uint64_t first = before->put(key("1"), "before", 0).value();
  ASSERT_TRUE(before->share().has_value());
  const auto after = SqliteStore::open(settings_, FileUse::shared).value();
  EXPECT_EQ(after->get(key("1")).value()->value, "before");
  // What one has changed the other cannot change as if it had not.
  EXPECT_TRUE(after->replace(key("1"), first, "after", 0).value());
  EXPECT_FALSE(before->replace(key("1"), first, "too late", 0).value());
  EXPECT_TRUE(before->add(key("2"), "", 0).value());
  EXPECT_FALSE(after->add(key("2"), "", 0).value());
  EXPECT_NE(before->next_number("n").value(), after->next_number("n").value());
  // A third one stays outside.
  EXPECT_THAT(refusal(), HasSubstr("another process"));
}

TEST_F(SqliteStoreTest, BothAtOnce) {
  const auto before = open();
  ASSERT_TRUE(before->share().has_value());
  const auto after = SqliteStore::open(settings_, FileUse::shared).value();
  constexpr int kEach = 200;
  const auto count = [](SqliteStore& store) {
    for (int i = 0; i < kEach; ++i) EXPECT_TRUE(store.next_number("n").has_value());
  };
  std::thread other([&] { count(*after); });
  count(*before);
  other.join();
  EXPECT_EQ(before->next_number("n").value(), 2u * kEach + 1);
}

TEST_F(SqliteStoreTest, OneThatIsNeverIdleLeavesTheOtherItsTurn) {
  const auto before = open();
  ASSERT_TRUE(before->share().has_value());
  const auto after = SqliteStore::open(settings_, FileUse::shared).value();
  // Several callers: there is always a next batch, and it begins as the one before it ends.
  std::atomic<bool> enough = false;
  std::vector<std::thread> callers;
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&] {
      while (!enough) EXPECT_TRUE(before->next_number("theirs").has_value());
    });
  }
  for (std::uint64_t i = 1; i <= 100; ++i) EXPECT_EQ(after->next_number("ours").value_or(0), i);
  enough = true;
  for (std::thread& caller : callers) caller.join();
}

TEST_F(SqliteStoreTest, WhatIsInMemoryIsNotShared) {
  settings_.path = ":memory:";
  const auto store = open();
  EXPECT_FALSE(store->share().has_value());
  EXPECT_TRUE(store->put(key("1"), "x", 0).has_value());
}

TEST_F(SqliteStoreTest, ItsFilesAreForItsUserOnly) {
  const auto store = open();
  ASSERT_TRUE(store->put(key("a"), "x", 0).has_value());
  for (const auto& file : std::filesystem::directory_iterator(folder_.file(""))) {
    struct ::stat status{};
    ASSERT_EQ(::stat(file.path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0600U) << file.path();
  }
}

TEST_F(SqliteStoreTest, TakesAFileAwayFromOthers) {
  open().reset();
  ASSERT_EQ(::chmod(settings_.path.c_str(), 0644), 0);
  open().reset();
  struct ::stat status{};
  ASSERT_EQ(::stat(settings_.path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
}

TEST_F(SqliteStoreTest, OnlyOneMayHaveIt) {
  const auto store = open();
  EXPECT_THAT(refusal(), HasSubstr("another process"));
  EXPECT_TRUE(store->put(key("a"), "x", 0).has_value());
}

TEST_F(SqliteStoreTest, RefusesWhatItCannotRead) {
  open().reset();
  ask_sqlite(settings_.path, "PRAGMA user_version = 99");
  EXPECT_THAT(refusal(), HasSubstr("newer sallyport (schema 99"));
  settings_.path = folder_.file("other.db");
  ask_sqlite(settings_.path, "CREATE TABLE theirs (a)");
  EXPECT_THAT(refusal(), HasSubstr("another program"));
  settings_.path = folder_.file("text");
  std::ofstream(settings_.path) << std::string(8'192, 'x');
  EXPECT_THAT(refusal(), HasSubstr("not a database"));
  settings_.path = folder_.file("no/such/folder");
  EXPECT_THAT(refusal(), HasSubstr("No such file"));
  settings_.path = "/dev/null";
  EXPECT_THAT(refusal(), HasSubstr("not a file"));
}

TEST_F(SqliteStoreTest, SeesDamage) {
  auto store = open();
  for (int at = 0; at < 50; ++at) {
    ASSERT_TRUE(store->put(key(std::to_string(at)), std::string(1'000, 'v'), 0).has_value());
  }
  store.reset();
  const auto size = static_cast<std::streamoff>(std::filesystem::file_size(settings_.path));
  std::fstream file(settings_.path);
  file.seekp(size / 2);
  file << std::string(8'192, 'x');
  file.close();
  EXPECT_THAT(refusal(), HasSubstr("damaged"));
}

TEST_F(SqliteStoreTest, MemoryNeedsNoFile) {
  settings_.path = ":memory:";
  const auto store = open();
  ASSERT_TRUE(store->put(key("a"), "x", 0).has_value());
  EXPECT_EQ(store->get(key("a")).value().value().value, "x");
  EXPECT_FALSE(std::filesystem::exists(":memory:"));
}

TEST_F(SqliteStoreTest, RemovesWhatHasExpired) {
  auto store = open();
  const std::uint64_t past = unix_ms() - 1;
  std::vector<std::jthread> writers;
  for (int thread = 0; thread < 8; ++thread) {
    writers.emplace_back([&store, thread, past] {
      for (int at = 0; at < 60; ++at) {
        EXPECT_TRUE(store->put(key(std::to_string(thread * 60 + at)), "old", past).has_value());
      }
    });
  }
  writers.clear();
  ASSERT_TRUE(store->put(key("stays"), "x", 0).has_value());
  ASSERT_TRUE(store->put(key("later"), "x", unix_ms() + 3'600'000).has_value());
  const auto rows = [&] {
    store.reset();  // nobody else reads while it is open
    const auto left = ask_sqlite(settings_.path, "SELECT count(*) FROM record");
    store = open();
    return left;
  };
  EXPECT_TRUE(eventually([&] { return rows() == 2; }));
}

TEST_F(SqliteStoreTest, AFullDiskRefusesChangesAndRecovers) {
  const auto store = open();
  ASSERT_TRUE(store->put(key("before"), "x", 0).has_value());
  {
    const FileSizeLimit limit(64 << 10);
    EXPECT_EQ(store->put(key("big"), std::string(kMaxValueOctets, 'v'), 0).error(),
              StoreError::full);
    EXPECT_FALSE(store->health().ok);
    EXPECT_THAT(store->health().text, HasSubstr("no room"));
    EXPECT_EQ(store->get(key("before")).value().value().value, "x");
    EXPECT_FALSE(store->get(key("big")).value().has_value());
  }
  EXPECT_TRUE(store->put(key("big"), std::string(kMaxValueOctets, 'v'), 0).has_value());
  EXPECT_TRUE(store->health().ok) << store->health().text;
}

TEST_F(SqliteStoreTest, OneThatFailsDoesNotFailTheOthers) {
  const auto store = open();
  StoreResult<std::uint64_t> big = 0;
  StoreResult<std::uint64_t> small[3] = {0, 0, 0};
  {
    const FileSizeLimit limit(96 << 10);
    BusyThread busy(*store);
    std::vector<std::jthread> callers;
    callers.emplace_back(
        [&] { big = store->put(key("big"), std::string(kMaxValueOctets, 'v'), 0); });
    for (int at = 0; at < 3; ++at) {
      callers.emplace_back([&, at] { small[at] = store->put(key(std::to_string(at)), "v", 0); });
    }
    // Nothing shows that all wait in line; were one late, it would only be in another batch.
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    busy.release();
  }
  ASSERT_FALSE(big.has_value());
  EXPECT_EQ(big.error(), StoreError::full);
  for (int at = 0; at < 3; ++at) {
    EXPECT_TRUE(small[at].has_value());
    EXPECT_EQ(store->get(key(std::to_string(at))).value().value().value, "v");
  }
  EXPECT_FALSE(store->get(key("big")).value().has_value());
}

TEST_F(SqliteStoreTest, WhoHasWaitedTooLongIsNotServedLater) {
  settings_ = {.path = ":memory:", .timeout_ms = 200};  // no disk that could be slow in earnest
  const auto store = open();
  {
    BusyThread busy(*store);
    EXPECT_EQ(store->put(key("a"), "x", 0).error(), StoreError::unavailable);
    EXPECT_TRUE(eventually([&] { return !store->health().ok; }));
    EXPECT_THAT(store->health().text, HasSubstr("does not answer"));
  }
  ASSERT_TRUE(eventually([&] { return store->get(key("a")).has_value(); }));
  EXPECT_FALSE(store->get(key("a")).value().has_value());
  EXPECT_TRUE(store->health().ok);
}

}  // namespace
}  // namespace sallyport::verify
