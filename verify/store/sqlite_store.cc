#include "verify/store/sqlite_store.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <functional>
#include <utility>

#include <spdlog/spdlog.h>

#include "protocol/check.h"
#include "verify/clock.h"

namespace sallyport::verify {
namespace {

constexpr std::size_t kMaxBatch = 256;
constexpr std::uint64_t kSweepEveryMs = 1'000;
/// How often a process looks at what the other one has changed.
constexpr std::uint64_t kLookMs = 200;
/// How long a shared file is left to the other process after each batch, which asks for it every
/// 0.5 ms (sqlite_file.cc). Without it one that is never idle would keep the other one out.
constexpr std::chrono::milliseconds kRest{1};
constexpr std::uint32_t kSweepStep = 200;  ///< records; between steps the callers have their turn

enum class Access : std::uint8_t { read, write };

void check_key(const RecordKey& key) {
  CHECK(key.group.size() <= kMaxKeyOctets && key.id.size() <= kMaxKeyOctets);
}

}  // namespace

/// What an operation works with.
struct SqliteStore::Work {
  SqliteDatabase& database;
  const std::uint64_t now_ms;
  const std::uint32_t watched;
  std::vector<RecordChange> changes;

  void changed(const RecordKey& key, std::optional<Record> record) {
    if ((watched >> static_cast<unsigned>(key.kind) & 1) == 0) return;
    changes.push_back({.key = key, .record = std::move(record)});
  }
};

/// One call on its way. A caller that has given up leaves it behind.
class SqliteStore::Operation {
 public:
  explicit Operation(Access access) noexcept : access_(access) {}
  virtual ~Operation() = default;
  virtual void run(Work& work) = 0;
  virtual void fail(StoreError error) = 0;
  [[nodiscard]] virtual std::optional<StoreError> error() const noexcept = 0;
  [[nodiscard]] bool writes() const noexcept { return access_ == Access::write; }

  bool done = false;  ///< guarded by the store's mutex
  std::condition_variable finished;

 private:
  const Access access_;
};

template <class T>
class SqliteStore::Call final : public Operation {
 public:
  using Do = std::function<StoreResult<T>(Work&)>;
  Call(Access access, Do work) : Operation(access), do_(std::move(work)) {}
  void run(Work& work) override { result = do_(work); }
  void fail(StoreError error) override { result = std::unexpected(error); }
  [[nodiscard]] std::optional<StoreError> error() const noexcept override {
    return result ? std::nullopt : std::optional(result.error());
  }

  StoreResult<T> result = std::unexpected(StoreError::unavailable);

 private:
  const Do do_;  ///< owns what it needs; may run twice, the first time undone
};

std::expected<std::unique_ptr<SqliteStore>, std::string> SqliteStore::open(
    const SqliteSettings& settings, FileUse use) {
  auto database = SqliteDatabase::open(settings, use);
  if (!database) return std::unexpected(database.error());
  return std::unique_ptr<SqliteStore>(new SqliteStore(settings, std::move(*database), use));
}

SqliteStore::SqliteStore(const SqliteSettings& settings, std::unique_ptr<SqliteDatabase> database,
                         FileUse use)
    : path_(settings.path),
      timeout_ms_(settings.timeout_ms),
      database_(std::move(database)),
      use_(use),
      thread_([this] { run(); }) {}

SqliteStore::~SqliteStore() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

template <class T>
StoreResult<T> SqliteStore::call(bool writes, std::function<StoreResult<T>(Work&)> work) {
  const auto call =
      std::make_shared<Call<T>>(writes ? Access::write : Access::read, std::move(work));
  std::unique_lock lock(mutex_);
  waiting_.push_back(call);
  wake_.notify_one();
  const auto is_done = [&call] { return call->done; };
  if (!call->finished.wait_for(lock, std::chrono::milliseconds(timeout_ms_), is_done)) {
    std::erase(waiting_, std::static_pointer_cast<Operation>(call));
    return std::unexpected(StoreError::unavailable);
  }
  return std::move(call->result);
}

StoreResult<std::optional<Record>> SqliteStore::get(const RecordKey& key) {
  check_key(key);
  return call<std::optional<Record>>(
      false, [key](Work& work) { return work.database.get(key, work.now_ms); });
}

StoreResult<std::uint64_t> SqliteStore::put(const RecordKey& key, std::string_view value,
                                            std::uint64_t until_ms) {
  check_key(key);
  CHECK(value.size() <= kMaxValueOctets);
  return call<std::uint64_t>(true, [key, value = std::string(value), until_ms](Work& work) {
    const auto version = work.database.put(key, value, until_ms);
    if (version) work.changed(key, Record{value, until_ms, *version});
    return version;
  });
}

StoreResult<bool> SqliteStore::add(const RecordKey& key, std::string_view value,
                                   std::uint64_t until_ms) {
  check_key(key);
  CHECK(value.size() <= kMaxValueOctets);
  return call<bool>(true,
                    [key, value = std::string(value), until_ms](Work& work) -> StoreResult<bool> {
                      const auto version = work.database.add(key, value, until_ms, work.now_ms);
                      if (!version) return std::unexpected(version.error());
                      if (*version) work.changed(key, Record{value, until_ms, **version});
                      return version->has_value();
                    });
}

StoreResult<bool> SqliteStore::replace(const RecordKey& key, std::uint64_t version,
                                       std::string_view value, std::uint64_t until_ms) {
  check_key(key);
  CHECK(value.size() <= kMaxValueOctets);
  return call<bool>(
      true, [key, version, value = std::string(value), until_ms](Work& work) -> StoreResult<bool> {
        const auto next = work.database.replace(key, version, value, until_ms, work.now_ms);
        if (!next) return std::unexpected(next.error());
        if (*next) work.changed(key, Record{value, until_ms, **next});
        return next->has_value();
      });
}

StoreResult<std::optional<Record>> SqliteStore::take(const RecordKey& key) {
  check_key(key);
  return call<std::optional<Record>>(true, [key](Work& work) {
    auto taken = work.database.take(key, work.now_ms);
    if (taken && *taken) work.changed(key, std::nullopt);
    return taken;
  });
}

StoreResult<bool> SqliteStore::remove(const RecordKey& key) {
  const auto taken = take(key);
  if (!taken) return std::unexpected(taken.error());
  return taken->has_value();
}

StoreResult<std::vector<ListedRecord>> SqliteStore::list(RecordKind kind, std::string_view group) {
  CHECK(group.size() <= kMaxKeyOctets);
  return call<std::vector<ListedRecord>>(false, [kind, group = std::string(group)](Work& work) {
    return work.database.list(kind, group, work.now_ms);
  });
}

StoreResult<std::uint64_t> SqliteStore::next_number(std::string_view counter) {
  CHECK(counter.size() <= kMaxKeyOctets);
  return call<std::uint64_t>(true, [counter = std::string(counter)](Work& work) {
    return work.database.next_number(counter);
  });
}

void SqliteStore::watch(std::vector<RecordKind> kinds, StoreWatcher watcher) {
  const std::scoped_lock lock(mutex_);
  for (const RecordKind kind : kinds) watched_ |= 1U << static_cast<unsigned>(kind);
  watcher_ = std::move(watcher);
}

StoreHealth SqliteStore::health() const {
  const std::scoped_lock lock(mutex_);
  if (busy_since_ms_ != 0 && monotonic_ms() - busy_since_ms_ > timeout_ms_) {
    return {.ok = false, .text = "SQLite, " + path_ + ": the disk does not answer"};
  }
  if (last_error_) return {.ok = false, .text = "SQLite, " + path_ + ": " + to_text(*last_error_)};
  return {.ok = true, .text = "SQLite, " + path_};
}

void SqliteStore::run() {
  ::sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);  // signals are the main thread's
  std::uint64_t sweep_at_ms = monotonic_ms();
  std::unique_lock lock(mutex_);
  while (!stopping_ || !waiting_.empty()) {
    const std::uint64_t now_ms = monotonic_ms();
    const std::uint64_t until_ms =
        use_ == FileUse::shared ? std::min(sweep_at_ms, now_ms + kLookMs) : sweep_at_ms;
    if (waiting_.empty() && now_ms < sweep_at_ms) {
      wake_.wait_for(lock, std::chrono::milliseconds(until_ms - now_ms),
                     [this] { return stopping_ || wanted_use_ || !waiting_.empty(); });
    }
    if (wanted_use_) open_anew();
    const auto end =
        waiting_.begin() + static_cast<std::ptrdiff_t>(std::min(waiting_.size(), kMaxBatch));
    const Batch batch(waiting_.begin(), end);
    waiting_.erase(waiting_.begin(), end);
    busy_since_ms_ = monotonic_ms();
    lock.unlock();
    if (!batch.empty()) carry_out(batch);
    if (use_ == FileUse::shared) look_at_others();
    if (monotonic_ms() >= sweep_at_ms) sweep_at_ms = sweep() ? 0 : monotonic_ms() + kSweepEveryMs;
    if (use_ == FileUse::shared) std::this_thread::sleep_for(kRest);
    lock.lock();
    busy_since_ms_ = 0;
  }
}

void SqliteStore::carry_out(const Batch& batch) {
  if (attempt(batch)) return finish(batch);
  // One may have been the undoing of all: each for itself.
  for (const auto& operation : batch) {
    const Batch one{operation};
    if (batch.size() > 1) static_cast<void>(attempt(one));
    finish(one);
  }
}

// Under the lock: who calls meanwhile waits for it, as he would for the disk.
void SqliteStore::open_anew() {
  const FileUse wanted = *std::exchange(wanted_use_, std::nullopt);
  const SqliteSettings settings{.path = path_, .timeout_ms = timeout_ms_};
  database_.reset();
  auto database = SqliteDatabase::open(settings, wanted);
  if (database) {
    use_ = wanted;
    opened_anew_ = {};
  } else {
    opened_anew_ = std::unexpected(std::move(database.error()));
    database = SqliteDatabase::open(settings, use_);
  }
  if (database) {
    database_ = std::move(*database);
  } else {
    spdlog::error("store: {}", database.error());
  }
  opened_.notify_all();
}

// The other process tells nobody here. Not with every batch: who lists again lists everything.
void SqliteStore::look_at_others() {
  const std::uint64_t now_ms = monotonic_ms();
  if (database_ == nullptr || watched_ == 0 || now_ms < look_at_ms_) return;
  look_at_ms_ = now_ms + kLookMs;
  if (database_->changed_by_others()) watcher_.resync();
}

std::expected<void, std::string> SqliteStore::share() {
  if (path_ == ":memory:") return std::unexpected("the store is in the memory of one process");
  std::unique_lock lock(mutex_);
  wanted_use_ = FileUse::shared;
  wake_.notify_one();
  opened_.wait(lock, [this] { return !wanted_use_; });
  return opened_anew_;
}

bool SqliteStore::attempt(const Batch& batch) {
  const auto fail_all = [&batch](StoreError error) {
    for (const auto& operation : batch) operation->fail(error);
    return false;
  };
  if (database_ == nullptr) return fail_all(StoreError::unavailable);
  Work work{*database_, unix_ms(), watched_, {}};
  if (const auto begun = database_->begin(); !begun) return fail_all(begun.error());
  for (const auto& operation : batch) {
    operation->run(work);
    if (!database_->in_transaction()) return false;  // its error has undone the others' work too
  }
  if (const auto committed = database_->commit(); !committed) return fail_all(committed.error());
  changes_ = std::move(work.changes);
  return true;
}

void SqliteStore::finish(const Batch& batch) {
  std::optional<StoreError> error;
  bool written = false;
  for (const auto& operation : batch) {
    error = error ? error : operation->error();
    written = written || operation->writes();
  }
  // That reading works does not say that there is room again.
  if (error || written) note(error);
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& operation : batch) {
      operation->done = true;
      operation->finished.notify_one();
    }
  }
  for (const RecordChange& change : changes_) watcher_.changed(change);
  changes_.clear();
}

bool SqliteStore::sweep() {
  if (database_ == nullptr || !database_->begin()) return false;
  const auto removed = database_->sweep(unix_ms(), kSweepStep);
  if (!removed) {
    database_->roll_back();
    return false;
  }
  return database_->commit() && *removed == kSweepStep;
}

void SqliteStore::note(std::optional<StoreError> error) {
  const std::scoped_lock lock(mutex_);
  if (last_error_ == error) return;
  last_error_ = error;
  if (error) {
    spdlog::error("store: {}: {}", path_, to_text(*error));
  } else {
    spdlog::info("store: {} works again", path_);
  }
}

}  // namespace sallyport::verify
