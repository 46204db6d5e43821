#pragma once
// The database of the SQLite store: its file, its tables, and what each call does in them. No
// threads and no waiting on others: used by one thread at a time (sqlite_store.h).

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "verify/store/settings.h"
#include "verify/store/sqlite_file.h"
#include "verify/store/store.h"

namespace sallyport::verify {

class SqliteDatabase {
 public:
  /// Makes the file if there is none, brings its tables up to date, and looks it through for
  /// damage. An error is a sentence for the operator without its full stop.
  [[nodiscard]] static std::expected<std::unique_ptr<SqliteDatabase>, std::string> open(
      const SqliteSettings& settings, FileUse use = FileUse::alone);
  ~SqliteDatabase();

  // Between begin() and commit(). A failure of one call leaves the others' work alone, unless
  // in_transaction() has become false: then all of it is undone.
  [[nodiscard]] StoreResult<void> begin();
  [[nodiscard]] StoreResult<void> commit();  ///< failed: all of it is undone
  void roll_back();
  [[nodiscard]] bool in_transaction() const noexcept;

  // As in Store; `now_ms` says what has expired.
  [[nodiscard]] StoreResult<std::optional<Record>> get(const RecordKey& key, std::uint64_t now_ms);
  [[nodiscard]] StoreResult<std::uint64_t> put(const RecordKey& key, std::string_view value,
                                               std::uint64_t until_ms);
  /// The new version; nothing: there is one already.
  [[nodiscard]] StoreResult<std::optional<std::uint64_t>> add(const RecordKey& key,
                                                              std::string_view value,
                                                              std::uint64_t until_ms,
                                                              std::uint64_t now_ms);
  /// The new version; nothing: it does not have that version any more.
  [[nodiscard]] StoreResult<std::optional<std::uint64_t>> replace(const RecordKey& key,
                                                                  std::uint64_t version,
                                                                  std::string_view value,
                                                                  std::uint64_t until_ms,
                                                                  std::uint64_t now_ms);
  [[nodiscard]] StoreResult<std::optional<Record>> take(const RecordKey& key, std::uint64_t now_ms);
  [[nodiscard]] StoreResult<std::vector<ListedRecord>> list(RecordKind kind, std::string_view group,
                                                            std::uint64_t now_ms);
  [[nodiscard]] StoreResult<std::uint64_t> next_number(std::string_view counter);
  /// Removes up to `most` that have expired; returns how many.
  [[nodiscard]] StoreResult<std::uint64_t> sweep(std::uint64_t now_ms, std::uint32_t most);

  /// Whether another process has changed anything since the last time that this was asked.
  [[nodiscard]] bool changed_by_others() noexcept;

  /// A write to the disk was not confirmed: what the kernel's cache shows may not be what is on the
  /// disk. Nothing is done any more until the file is opened anew.
  [[nodiscard]] bool lost() const noexcept { return lost_; }

 private:
  explicit SqliteDatabase(SqliteConnection connection) noexcept
      : connection_(std::move(connection)) {}

  class Run;

  [[nodiscard]] std::expected<void, std::string> begin_versions();
  [[nodiscard]] std::expected<void, std::string> prepare_all(FileUse use);
  [[nodiscard]] StoreError error_of(int code) noexcept;

  SqliteConnection connection_;
  SqliteStatement get_, put_, add_, replace_, take_, list_, next_number_, sweep_;
  SqliteStatement begin_, commit_, roll_back_;
  std::uint64_t last_version_ = 0;
  std::int64_t data_version_ = 0;  ///< PRAGMA data_version, as last seen
  bool lost_ = false;
};

}  // namespace sallyport::verify
