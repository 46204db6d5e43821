#include "verify/store/sqlite_file.h"

#include <cerrno>
#include <chrono>
#include <limits>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>

#include "verify/file_descriptor.h"

namespace sallyport::verify {
namespace {

/// How often a lock that another process has is asked for. SQLite's own way is to ask ever more
/// rarely, and so to miss the short time in which a busy one is without it (kRest).
constexpr std::chrono::microseconds kLockPoll{500};
constexpr int kPollsForTheEnd = 2'000;  ///< of a predecessor: 1 s
constexpr int kPollsForATurn = 10'000;  ///< in a shared file: 5 s, as the disk has
/// What the log may keep of the disk after a burst.
constexpr const char* kLogLimit = "PRAGMA journal_size_limit = 4194304";

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

/// SQLite would make it for everybody to read.
std::expected<void, std::string> make_private(const std::string& path) {
  const auto failed = [&path](const char* what) {
    const int error = errno;
    return std::unexpected(path + ": the database cannot be " + what + ": " +
                           std::generic_category().message(error));
  };
  // One that exists is not opened here: closing it would drop the locks that this process has on
  // it.
  const FileDescriptor made(
      ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!made.valid() && errno != EEXIST) return failed("made");
  struct ::stat status{};
  if (::stat(path.c_str(), &status) != 0) return failed("opened");
  if (!S_ISREG(status.st_mode)) return std::unexpected(path + " is not a file");
  if ((status.st_mode & S_IRWXO) != 0 && ::chmod(path.c_str(), 0600) != 0) {
    return failed("kept from others");
  }
  if (!made.valid()) return {};
  const FileDescriptor folder(::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid() || ::fsync(folder.get()) != 0) return failed("made durable");
  return {};
}

template <int kMost>
int poll_lock(void* /*unused*/, int polls) noexcept {
  if (polls >= kMost) return 0;
  std::this_thread::sleep_for(kLockPoll);
  return 1;
}

std::expected<void, std::string> lock_and_tune(const SqliteConnection& connection, FileUse use) {
  sqlite3* const database = connection.get();
  const bool alone = use == FileUse::alone;
  sqlite3_busy_handler(database, alone ? poll_lock<kPollsForTheEnd> : poll_lock<kPollsForATurn>,
                       nullptr);
  sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  // The lock before WAL: then its index is in our memory, and no other process comes in. It is
  // taken now, not with the first write.
  for (const char* const sql :
       {alone ? "PRAGMA locking_mode = EXCLUSIVE" : "PRAGMA locking_mode = NORMAL",
        "PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "PRAGMA cell_size_check = ON",
        kLogLimit, alone ? "BEGIN EXCLUSIVE; COMMIT" : "BEGIN IMMEDIATE; COMMIT"}) {
    if (const int code = execute_sqlite(connection, sql); code != SQLITE_OK) {
      return std::unexpected(sqlite_complaint(code));
    }
  }
  return {};
}

std::expected<void, std::string> migrate(const SqliteConnection& connection,
                                         const SqliteSchema& wanted, FileUse use) {
  const auto application = sqlite_number(connection, "PRAGMA application_id");
  if (!application) return std::unexpected(application.error());
  const auto schema = sqlite_number(connection, "PRAGMA user_version");
  if (!schema) return std::unexpected(schema.error());
  const auto tables = sqlite_number(connection, "SELECT count(*) FROM sqlite_schema");
  if (!tables) return std::unexpected(tables.error());
  if (*application != wanted.application_id &&
      (*application != 0 || *schema != 0 || *tables != 0)) {
    return std::unexpected("this is the database of another program");
  }
  const auto known = static_cast<std::int64_t>(wanted.migrations.size());
  if (*schema < 0 || *schema > known) {
    return std::unexpected("the database is of a newer sallyport (schema " +
                           std::to_string(*schema) + "; this one knows " + std::to_string(known) +
                           " and older)");
  }
  if (use == FileUse::shared && *schema < known && *tables > 0)
    return std::unexpected("its tables are older, and another process uses them: restart it");
  for (std::int64_t next = *schema + 1; next <= known; ++next) {
    const std::string all = "BEGIN EXCLUSIVE; " +
                            std::string(wanted.migrations[static_cast<std::size_t>(next) - 1]) +
                            "PRAGMA application_id = " + std::to_string(wanted.application_id) +
                            "; PRAGMA user_version = " + std::to_string(next) + "; COMMIT";
    if (const int code = execute_sqlite(connection, all.c_str()); code != SQLITE_OK) {
      return std::unexpected(sqlite_complaint(code));
    }
  }
  return {};
}

std::expected<void, std::string> look_through(const SqliteConnection& connection) {
  const auto statement = prepare_sqlite(connection, "PRAGMA quick_check(1)");
  if (!statement) return std::unexpected(statement.error());
  const int code = sqlite3_step(statement->get());
  if (code != SQLITE_ROW) return std::unexpected(sqlite_complaint(code));
  const auto* const verdict =
      reinterpret_cast<const char*>(sqlite3_column_text(statement->get(), 0));
  if (verdict == nullptr || std::string_view(verdict) != "ok") {
    return std::unexpected(sqlite_complaint(SQLITE_CORRUPT));
  }
  return {};
}

}  // namespace

std::expected<SqliteConnection, std::string> open_sqlite(const std::string& path,
                                                         const SqliteSchema& schema, FileUse use) {
  if (path != ":memory:") {
    if (const auto made = make_private(path); !made) return std::unexpected(made.error());
  }
  sqlite3* opened = nullptr;
  const int code = sqlite3_open_v2(
      path.c_str(), &opened,
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
      nullptr);
  SqliteConnection connection(opened);
  if (code != SQLITE_OK) return std::unexpected(path + ": " + sqlite_complaint(code));
  auto done = lock_and_tune(connection, use);
  if (done) done = migrate(connection, schema, use);
  if (done) done = look_through(connection);
  if (!done) return std::unexpected(path + ": " + done.error());
  return connection;
}

std::expected<SqliteStatement, std::string> prepare_sqlite(const SqliteConnection& connection,
                                                           const char* sql) {
  sqlite3_stmt* made = nullptr;
  const int code =
      sqlite3_prepare_v3(connection.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &made, nullptr);
  SqliteStatement statement(made);
  if (code != SQLITE_OK) return std::unexpected(sqlite_complaint(code));
  return statement;
}

std::expected<std::int64_t, std::string> sqlite_number(const SqliteConnection& connection,
                                                       const char* sql) {
  const auto statement = prepare_sqlite(connection, sql);
  if (!statement) return std::unexpected(statement.error());
  int code = sqlite3_step(statement->get());
  if (code != SQLITE_ROW) return std::unexpected(sqlite_complaint(code));
  const std::int64_t number = sqlite3_column_int64(statement->get(), 0);
  code = sqlite3_step(statement->get());
  if (code != SQLITE_DONE) return std::unexpected(sqlite_complaint(code));
  return number;
}

int execute_sqlite(const SqliteConnection& connection, const char* sql) noexcept {
  return sqlite3_exec(connection.get(), sql, nullptr, nullptr, nullptr);
}

std::string sqlite_complaint(int code) {
  switch (code & 0xff) {  // the primary code of an extended one
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return "another process has the database open; only one may";
    case SQLITE_NOTADB: return "this is not a database, or a damaged one";
    case SQLITE_CORRUPT: return "the database is damaged; restore it from a copy, or move it away";
    default:  // the other codes: SQLite's own words
      return std::string("the database cannot be opened: ") + sqlite3_errstr(code);
  }
}

bool sqlite_ran_out_of_room(const SqliteConnection& connection) noexcept {
  // sqlite3_system_errno() is no help, because what SQLite does after the error changes it.
  for (const int which : {SQLITE_FCNTL_FILE_POINTER, SQLITE_FCNTL_JOURNAL_POINTER}) {
    sqlite3_file* file = nullptr;  // the second: the log
    sqlite3_file_control(connection.get(), "main", which, static_cast<void*>(&file));
    int error = 0;
    if (file == nullptr || file->pMethods == nullptr) continue;
    file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error);
    if (error == ENOSPC || error == EDQUOT || error == EFBIG) return true;
  }
  return false;
}

SqliteRun& SqliteRun::number(std::uint64_t number) noexcept {
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  sqlite3_bind_int64(statement_, ++bound_,
                     static_cast<std::int64_t>(number < kMost ? number : kMost));
  return *this;
}

}  // namespace sallyport::verify
