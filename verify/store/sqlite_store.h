#pragma once
// The embedded store: one file of SQLite, held by one process, but for the time in which another
// takes over from it (share()). A thread of its own does the work; what several callers have asked
// meanwhile becomes one transaction, so that one wait for the disk serves them all, and none of
// them returns before it.
//
// What expires is gone for readers at that moment and removed in small steps later; no watcher is
// told. A disk that is full refuses changes and goes on answering; with room again all is well.

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <expected>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "verify/store/sqlite_database.h"
#include "verify/store/store.h"

namespace sallyport::verify {

class SqliteStore final : public Store {
 public:
  /// An error is a sentence for the operator without its full stop.
  [[nodiscard]] static std::expected<std::unique_ptr<SqliteStore>, std::string> open(
      const SqliteSettings& settings, FileUse use = FileUse::alone);
  ~SqliteStore() override;  ///< no call is under way

  [[nodiscard]] StoreResult<std::optional<Record>> get(const RecordKey& key) override;
  StoreResult<std::uint64_t> put(const RecordKey& key, std::string_view value,
                                 std::uint64_t until_ms) override;
  [[nodiscard]] StoreResult<bool> add(const RecordKey& key, std::string_view value,
                                      std::uint64_t until_ms) override;
  [[nodiscard]] StoreResult<bool> replace(const RecordKey& key, std::uint64_t version,
                                          std::string_view value, std::uint64_t until_ms) override;
  [[nodiscard]] StoreResult<std::optional<Record>> take(const RecordKey& key) override;
  StoreResult<bool> remove(const RecordKey& key) override;
  [[nodiscard]] StoreResult<std::vector<ListedRecord>> list(RecordKind kind,
                                                            std::string_view group) override;
  [[nodiscard]] StoreResult<std::uint64_t> next_number(std::string_view counter) override;
  void watch(std::vector<RecordKind> kinds, StoreWatcher watcher) override;
  [[nodiscard]] StoreHealth health() const override;
  [[nodiscard]] std::expected<void, std::string> share() override;

 private:
  struct Work;
  class Operation;
  template <class T>
  class Call;
  using Batch = std::vector<std::shared_ptr<Operation>>;

  SqliteStore(const SqliteSettings& settings, std::unique_ptr<SqliteDatabase> database,
              FileUse use);

  /// Has the thread do it, and waits for that or for the timeout.
  template <class T>
  StoreResult<T> call(bool writes, std::function<StoreResult<T>(Work&)> work);

  // The store's thread.
  void run();
  void open_anew();
  void look_at_others();
  void carry_out(const Batch& batch);
  [[nodiscard]] bool attempt(const Batch& batch);  ///< false: nothing of it is done
  void finish(const Batch& batch);                 ///< its callers go on
  [[nodiscard]] bool sweep();                      ///< true: there is more
  void note(std::optional<StoreError> error);

  const std::string path_;
  const std::uint32_t timeout_ms_;
  // The thread's.
  std::unique_ptr<SqliteDatabase> database_;  ///< none: it could not be opened anew
  FileUse use_;
  std::uint64_t look_at_ms_ = 0;       ///< shared: when to look what the other process has changed
  std::vector<RecordChange> changes_;  ///< of the last batch, not yet told

  mutable std::mutex mutex_;  ///< guards what follows
  std::condition_variable wake_;
  std::deque<std::shared_ptr<Operation>> waiting_;
  bool stopping_ = false;
  std::uint64_t busy_since_ms_ = 0;  ///< monotonic; 0: idle
  std::optional<StoreError> last_error_;
  std::optional<FileUse> wanted_use_;             ///< the thread is to open the file anew
  std::expected<void, std::string> opened_anew_;  ///< how that went
  std::condition_variable opened_;

  // Written by watch(), before any call; the thread reads them with a call's batch.
  std::uint32_t watched_ = 0;  ///< bit by RecordKind
  StoreWatcher watcher_;

  std::thread thread_;  ///< last: it uses all of the above
};

}  // namespace sallyport::verify
