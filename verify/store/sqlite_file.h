#pragma once
// A file of SQLite as we want one: ours alone (FileUse, mode 0600), in WAL mode with
// synchronous=FULL, its tables brought up to date and looked through for damage. What is committed
// has been handed to the disk, so neither kill -9 nor a power cut takes it back. Used by one thread
// at a time. Errors are sentences for the operator without their full stops.

#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <sqlite3.h>

namespace sallyport::verify {

struct SqliteClose {
  void operator()(sqlite3* database) const noexcept { sqlite3_close_v2(database); }
  void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
};
using SqliteConnection = std::unique_ptr<sqlite3, SqliteClose>;
using SqliteStatement = std::unique_ptr<sqlite3_stmt, SqliteClose>;

enum class FileUse : std::uint8_t {
  alone,   ///< an exclusive lock: no other process comes in
  shared,  ///< for a time: the process that takes over from this one comes in, too. Both have
           ///< SQLite's index of the log in shared memory, and each transaction takes the lock that
           ///< there is for writers before it reads, so what it has read is still so when it
           ///< writes. Each leaves the other its turn (sqlite_store.cc)
};

/// What a program expects in its file.
struct SqliteSchema {
  std::int64_t application_id;  ///< PRAGMA application_id: tells its files from others'
  /// Each makes one schema (PRAGMA user_version) of the one before; never changed once released.
  /// The first made of nothing.
  std::span<const char* const> migrations;
};

/// Makes the file if there is none; its folder exists. ":memory:": nothing outlives the process.
/// Shared: its tables have to be up to date already.
[[nodiscard]] std::expected<SqliteConnection, std::string> open_sqlite(
    const std::string& path, const SqliteSchema& schema, FileUse use = FileUse::alone);
[[nodiscard]] std::expected<SqliteStatement, std::string> prepare_sqlite(
    const SqliteConnection& connection, const char* sql);
/// The one number that `sql` gives.
[[nodiscard]] std::expected<std::int64_t, std::string> sqlite_number(
    const SqliteConnection& connection, const char* sql);
[[nodiscard]] int execute_sqlite(const SqliteConnection& connection, const char* sql) noexcept;
/// What an operator reads about a result code.
[[nodiscard]] std::string sqlite_complaint(int code);
/// Of an input or output error: whether the disk is full, which SQLite itself says of ENOSPC alone.
[[nodiscard]] bool sqlite_ran_out_of_room(const SqliteConnection& connection) noexcept;

/// A statement in use: bound, stepped, and made ready for its next use at the end.
class SqliteRun {
 public:
  explicit SqliteRun(const SqliteStatement& statement) noexcept : statement_(statement.get()) {}
  SqliteRun(const SqliteRun&) = delete;
  SqliteRun& operator=(const SqliteRun&) = delete;
  ~SqliteRun() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }

  // Bound in the order of the statement's question marks. What is bound outlives the run.
  SqliteRun& text(const char* text) noexcept {
    sqlite3_bind_text(statement_, ++bound_, text, -1, SQLITE_STATIC);
    return *this;
  }
  SqliteRun& octets(std::string_view octets) noexcept {
    // A null pointer would be NULL, not an empty blob.
    const char* const data = octets.empty() ? "" : octets.data();
    sqlite3_bind_blob64(statement_, ++bound_, data, octets.size(), SQLITE_STATIC);
    return *this;
  }
  /// Above 2^63 - 1: that.
  SqliteRun& number(std::uint64_t number) noexcept;

  /// SQLITE_ROW, SQLITE_DONE or an error.
  int step() noexcept { return sqlite3_step(statement_); }

  [[nodiscard]] std::string octets_at(int column) const {
    const void* const data = sqlite3_column_blob(statement_, column);
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
    return size == 0 ? std::string() : std::string(static_cast<const char*>(data), size);
  }
  [[nodiscard]] std::uint64_t number_at(int column) const noexcept {
    return static_cast<std::uint64_t>(sqlite3_column_int64(statement_, column));
  }

 private:
  sqlite3_stmt* statement_;
  int bound_ = 0;
};

}  // namespace sallyport::verify
