#include "verify/store/sqlite_database.h"

namespace sallyport::verify {
/// With what records are made of.
class SqliteDatabase::Run : public SqliteRun {
 public:
  using SqliteRun::SqliteRun;
  Run& key(const RecordKey& key) noexcept {
    text(to_text(key.kind)).octets(key.group).octets(key.id);
    return *this;
  }
  /// Value, end and version, from that column on.
  [[nodiscard]] Record record_at(int column) const {
    return {.value = octets_at(column),
            .until_ms = number_at(column + 1),
            .version = number_at(column + 2)};
  }
};

SqliteDatabase::~SqliteDatabase() = default;

StoreError SqliteDatabase::error_of(int code) noexcept {
  if (code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC) lost_ = true;
  if (lost_) return StoreError::broken;
  switch (code & 0xff) {  // the primary code of an extended one
    case SQLITE_FULL:
    case SQLITE_NOMEM:
    case SQLITE_TOOBIG: return StoreError::full;
    case SQLITE_IOERR:
      return sqlite_ran_out_of_room(connection_) ? StoreError::full : StoreError::unavailable;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_SCHEMA:
    case SQLITE_ERROR: return StoreError::broken;
    default: return StoreError::unavailable;  // the other codes: of locks, limits and permissions
  }
}

// It counts other connections' commits alone (sqlite.org/pragma.html#pragma_data_version).
bool SqliteDatabase::changed_by_others() noexcept {
  const auto version = sqlite_number(connection_, "PRAGMA data_version");
  return version && std::exchange(data_version_, *version) != *version;
}

StoreResult<void> SqliteDatabase::begin() {
  if (lost_) return std::unexpected(StoreError::broken);
  Run run(begin_);
  if (const int code = run.step(); code != SQLITE_DONE) return std::unexpected(error_of(code));
  return {};
}

StoreResult<void> SqliteDatabase::commit() {
  int code = SQLITE_OK;
  {
    Run run(commit_);
    code = run.step();
  }
  if (code == SQLITE_DONE) return {};
  const StoreError error = error_of(code);
  roll_back();
  return std::unexpected(error);
}

void SqliteDatabase::roll_back() {
  if (!in_transaction()) return;
  Run run(roll_back_);
  run.step();
}

bool SqliteDatabase::in_transaction() const noexcept {
  return sqlite3_get_autocommit(connection_.get()) == 0;
}

StoreResult<std::optional<Record>> SqliteDatabase::get(const RecordKey& key, std::uint64_t now_ms) {
  Run run(get_);
  const int code = run.key(key).number(now_ms).step();
  if (code == SQLITE_DONE) return std::nullopt;
  if (code != SQLITE_ROW) return std::unexpected(error_of(code));
  return run.record_at(0);
}

StoreResult<std::uint64_t> SqliteDatabase::put(const RecordKey& key, std::string_view value,
                                               std::uint64_t until_ms) {
  Run run(put_);
  const int code = run.key(key).octets(value).number(until_ms).number(++last_version_).step();
  if (code != SQLITE_DONE) return std::unexpected(error_of(code));
  return last_version_;
}

StoreResult<std::optional<std::uint64_t>> SqliteDatabase::add(const RecordKey& key,
                                                              std::string_view value,
                                                              std::uint64_t until_ms,
                                                              std::uint64_t now_ms) {
  Run run(add_);
  run.key(key).octets(value).number(until_ms).number(++last_version_).number(now_ms);
  if (const int code = run.step(); code != SQLITE_DONE) return std::unexpected(error_of(code));
  if (sqlite3_changes(connection_.get()) == 0) return std::nullopt;
  return last_version_;
}

StoreResult<std::optional<std::uint64_t>> SqliteDatabase::replace(const RecordKey& key,
                                                                  std::uint64_t version,
                                                                  std::string_view value,
                                                                  std::uint64_t until_ms,
                                                                  std::uint64_t now_ms) {
  Run run(replace_);
  run.octets(value).number(until_ms).number(++last_version_);
  run.key(key).number(version).number(now_ms);
  if (const int code = run.step(); code != SQLITE_DONE) return std::unexpected(error_of(code));
  if (sqlite3_changes(connection_.get()) == 0) return std::nullopt;
  return last_version_;
}

StoreResult<std::optional<Record>> SqliteDatabase::take(const RecordKey& key,
                                                        std::uint64_t now_ms) {
  Run run(take_);
  std::optional<Record> taken;
  int code = run.key(key).step();
  if (code == SQLITE_ROW) {
    taken = run.record_at(0);
    if (taken->until_ms != 0 && taken->until_ms <= now_ms) taken.reset();
    code = run.step();
  }
  if (code != SQLITE_DONE) return std::unexpected(error_of(code));
  return taken;
}

StoreResult<std::vector<ListedRecord>> SqliteDatabase::list(RecordKind kind, std::string_view group,
                                                            std::uint64_t now_ms) {
  Run run(list_);
  run.text(to_text(kind)).octets(group).number(now_ms);
  std::vector<ListedRecord> listed;
  int code = 0;
  while ((code = run.step()) == SQLITE_ROW) {
    listed.push_back({.id = run.octets_at(0), .record = run.record_at(1)});
  }
  if (code != SQLITE_DONE) return std::unexpected(error_of(code));
  return listed;
}

StoreResult<std::uint64_t> SqliteDatabase::next_number(std::string_view counter) {
  Run run(next_number_);
  int code = run.octets(counter).step();
  if (code != SQLITE_ROW) return std::unexpected(error_of(code));
  const std::uint64_t number = run.number_at(0);
  code = run.step();
  if (code != SQLITE_DONE) return std::unexpected(error_of(code));
  return number;
}

StoreResult<std::uint64_t> SqliteDatabase::sweep(std::uint64_t now_ms, std::uint32_t most) {
  Run run(sweep_);
  if (const int code = run.number(now_ms).number(most).step(); code != SQLITE_DONE) {
    return std::unexpected(error_of(code));
  }
  return static_cast<std::uint64_t>(sqlite3_changes64(connection_.get()));
}

}  // namespace sallyport::verify
