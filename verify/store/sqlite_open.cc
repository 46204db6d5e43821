// How the database is opened: its tables and its statements.

#include <string>

#include "verify/store/sqlite_database.h"

namespace sallyport::verify {
namespace {

constexpr const char* kMigrations[] = {
    R"(CREATE TABLE record (
         kind TEXT NOT NULL,
         grp BLOB NOT NULL,
         id BLOB NOT NULL,
         value BLOB NOT NULL,
         until_ms INTEGER NOT NULL,
         version INTEGER NOT NULL,
         PRIMARY KEY (kind, grp, id)
       ) STRICT, WITHOUT ROWID;
       CREATE INDEX record_until ON record (until_ms) WHERE until_ms > 0;
       CREATE TABLE counter (name BLOB PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
       CREATE TABLE opening (number INTEGER NOT NULL) STRICT;
       INSERT INTO opening VALUES (0);)",
};
constexpr SqliteSchema kSchema{.application_id = 0x536c7950,  // "SlyP"
                               .migrations = kMigrations};

/// Versions of one opening begin with its number; so they differ over crashes without a write each.
constexpr unsigned kVersionsPerOpening = 40;  // a power of two; leaves 2^23 openings

struct Sql {
  const char* get =
      "SELECT value, until_ms, version FROM record WHERE kind = ? AND grp = ? AND id = ?"
      " AND (until_ms = 0 OR until_ms > ?)";
  const char* put =
      "INSERT INTO record (kind, grp, id, value, until_ms, version) VALUES (?, ?, ?, ?, ?, ?)"
      " ON CONFLICT DO UPDATE SET value = excluded.value, until_ms = excluded.until_ms,"
      " version = excluded.version";
  const char* add =
      "INSERT INTO record (kind, grp, id, value, until_ms, version) VALUES (?, ?, ?, ?, ?, ?)"
      " ON CONFLICT DO UPDATE SET value = excluded.value, until_ms = excluded.until_ms,"
      " version = excluded.version WHERE record.until_ms > 0 AND record.until_ms <= ?";
  const char* replace =
      "UPDATE record SET value = ?, until_ms = ?, version = ? WHERE kind = ? AND grp = ? AND id = ?"
      " AND version = ? AND (until_ms = 0 OR until_ms > ?)";
  const char* take =
      "DELETE FROM record WHERE kind = ? AND grp = ? AND id = ?"
      " RETURNING value, until_ms, version";
  const char* list =
      "SELECT id, value, until_ms, version FROM record WHERE kind = ? AND grp = ?"
      " AND (until_ms = 0 OR until_ms > ?) ORDER BY id";
  const char* next_number =
      "INSERT INTO counter (name, value) VALUES (?, 1)"
      " ON CONFLICT DO UPDATE SET value = value + 1 RETURNING value";
  const char* sweep =
      "DELETE FROM record WHERE (kind, grp, id) IN"
      " (SELECT kind, grp, id FROM record WHERE until_ms > 0 AND until_ms <= ? LIMIT ?)";
};

}  // namespace

std::expected<std::unique_ptr<SqliteDatabase>, std::string> SqliteDatabase::open(
    const SqliteSettings& settings, FileUse use) {
  auto connection = open_sqlite(settings.path, kSchema, use);
  if (!connection) return std::unexpected(connection.error());
  std::unique_ptr<SqliteDatabase> database(new SqliteDatabase(std::move(*connection)));
  auto done = database->begin_versions();
  if (done) done = database->prepare_all(use);
  if (!done) return std::unexpected(settings.path + ": " + done.error());
  static_cast<void>(database->changed_by_others());
  return database;
}

std::expected<void, std::string> SqliteDatabase::begin_versions() {
  const auto opening =
      sqlite_number(connection_, "UPDATE opening SET number = number + 1 RETURNING number");
  if (!opening) return std::unexpected(opening.error());
  last_version_ = static_cast<std::uint64_t>(*opening) << kVersionsPerOpening;
  return {};
}

std::expected<void, std::string> SqliteDatabase::prepare_all(FileUse use) {
  const Sql sql;
  const std::pair<SqliteStatement*, const char*> all[] = {
      {&get_, sql.get},
      {&put_, sql.put},
      {&add_, sql.add},
      {&replace_, sql.replace},
      {&take_, sql.take},
      {&list_, sql.list},
      {&next_number_, sql.next_number},
      {&sweep_, sql.sweep},
      {&begin_, use == FileUse::alone ? "BEGIN" : "BEGIN IMMEDIATE"},
      {&commit_, "COMMIT"},
      {&roll_back_, "ROLLBACK"}};
  for (const auto& [statement, text] : all) {
    auto made = prepare_sqlite(connection_, text);
    if (!made) return std::unexpected(made.error());
    *statement = std::move(*made);
  }
  return {};
}

}  // namespace sallyport::verify
