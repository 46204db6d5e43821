#include "engine/radius/spool/spool_database.h"

#include <utility>

namespace sallyport::radius_door {
namespace {

using verify::SqliteRun;

constexpr const char* kMigrations[] = {
    R"(CREATE TABLE waiting (
         id INTEGER PRIMARY KEY,
         session INTEGER NOT NULL,
         fingerprint BLOB NOT NULL,
         stored_ms INTEGER NOT NULL,
         client BLOB NOT NULL,
         packet BLOB NOT NULL
       ) STRICT;
       CREATE INDEX waiting_fingerprint ON waiting (fingerprint);
       CREATE TABLE known (
         id INTEGER PRIMARY KEY,
         fingerprint BLOB NOT NULL,
         stored_ms INTEGER NOT NULL
       ) STRICT;
       CREATE INDEX known_fingerprint ON known (fingerprint);)",
};
constexpr verify::SqliteSchema kSchema{.application_id = 0x536c7941,  // "SlyA"
                                       .migrations = kMigrations};

constexpr const char* kKnown =
    "SELECT id FROM waiting WHERE fingerprint = ?1 AND stored_ms > ?2"
    " UNION ALL SELECT id FROM known WHERE fingerprint = ?1 AND stored_ms > ?2";
constexpr const char* kStore =
    "INSERT INTO waiting (id, session, fingerprint, stored_ms, client, packet)"
    " VALUES (?, ?, ?, ?, ?, ?)";
constexpr const char* kKeep =
    "INSERT INTO known (id, fingerprint, stored_ms)"
    " SELECT id, fingerprint, stored_ms FROM waiting WHERE id = ?";
constexpr const char* kRemove = "DELETE FROM waiting WHERE id = ?";
// Numbers grow with the time of storing: the oldest come first.
constexpr const char* kSweep =
    "DELETE FROM known WHERE stored_ms <= ? AND id IN (SELECT id FROM known ORDER BY id LIMIT ?)";
constexpr const char* kRead = "SELECT client, stored_ms, packet FROM waiting WHERE id = ?";
constexpr const char* kOldest = "SELECT stored_ms FROM waiting ORDER BY id LIMIT 1";
constexpr const char* kLastId =
    "SELECT max(coalesce((SELECT max(id) FROM waiting), 0),"
    " coalesce((SELECT max(id) FROM known), 0))";

}  // namespace

const char* to_text(SpoolError error) noexcept {
  switch (error) {
    case SpoolError::full: return "the disk is full, or the file as large as it may be";
    case SpoolError::failed: return "the database cannot be written";
    case SpoolError::lost: return "a write to the disk was not confirmed: restart sallyport";
  }
  return "invalid";
}

std::expected<std::unique_ptr<SpoolDatabase>, std::string> SpoolDatabase::open(
    const std::string& path, std::uint64_t max_octets) {
  auto connection = verify::open_sqlite(path, kSchema);
  if (!connection) return std::unexpected(connection.error());
  std::unique_ptr<SpoolDatabase> database(new SpoolDatabase(std::move(*connection)));
  const verify::SqliteConnection& opened = database->connection_;
  const std::pair<verify::SqliteStatement*, const char*> statements[] = {
      {&database->begin_, "BEGIN"},        {&database->commit_, "COMMIT"},
      {&database->roll_back_, "ROLLBACK"}, {&database->known_, kKnown},
      {&database->store_, kStore},         {&database->keep_, kKeep},
      {&database->remove_, kRemove},       {&database->sweep_, kSweep},
      {&database->read_, kRead},           {&database->oldest_, kOldest}};
  for (const auto& [statement, sql] : statements) {
    auto made = verify::prepare_sqlite(opened, sql);
    if (!made) return std::unexpected(path + ": " + made.error());
    *statement = std::move(*made);
  }
  const auto page_octets = verify::sqlite_number(opened, "PRAGMA page_size");
  if (!page_octets) return std::unexpected(path + ": " + page_octets.error());
  const std::string bound = "PRAGMA max_page_count = " +
                            std::to_string(max_octets / static_cast<std::uint64_t>(*page_octets));
  if (const auto set = verify::sqlite_number(opened, bound.c_str()); !set) {
    return std::unexpected(path + ": " + set.error());
  }
  const auto last_id = verify::sqlite_number(opened, kLastId);
  if (!last_id) return std::unexpected(path + ": " + last_id.error());
  database->last_id_ = static_cast<std::uint64_t>(*last_id);
  return database;
}

std::expected<void, std::string> SpoolDatabase::for_each_waiting(
    const std::function<void(std::uint64_t, std::uint64_t)>& visit) {
  const auto all =
      verify::prepare_sqlite(connection_, "SELECT id, session FROM waiting ORDER BY id");
  if (!all) return std::unexpected(all.error());
  SqliteRun run(*all);
  int code = SQLITE_OK;
  while ((code = run.step()) == SQLITE_ROW) visit(run.number_at(0), run.number_at(1));
  if (code != SQLITE_DONE) return std::unexpected(verify::sqlite_complaint(code));
  return {};
}

SpoolError SpoolDatabase::error_of(int code) noexcept {
  if (code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC) lost_ = true;
  if (lost_) return SpoolError::lost;
  const int primary = code & 0xff;
  if (primary == SQLITE_FULL) return SpoolError::full;
  if (primary == SQLITE_IOERR && verify::sqlite_ran_out_of_room(connection_)) {
    return SpoolError::full;
  }
  return SpoolError::failed;
}

std::expected<void, SpoolError> SpoolDatabase::done(int code) noexcept {
  if (code == SQLITE_DONE) return {};
  return std::unexpected(error_of(code));
}

std::expected<void, SpoolError> SpoolDatabase::begin() {
  if (lost_) return std::unexpected(SpoolError::lost);
  return done(SqliteRun(begin_).step());
}

std::expected<void, SpoolError> SpoolDatabase::commit() {
  auto committed = done(SqliteRun(commit_).step());
  if (!committed) roll_back();
  return committed;
}

void SpoolDatabase::roll_back() noexcept {
  if (sqlite3_get_autocommit(connection_.get()) == 0) SqliteRun(roll_back_).step();
}

std::expected<std::optional<std::uint64_t>, SpoolError> SpoolDatabase::store(
    const RecordNames& names, const IpAddress& client, Octets packet, std::uint64_t now_ms) {
  const std::string_view fingerprint = as_text(names.fingerprint);
  {
    SqliteRun run(known_);
    const int code =
        run.octets(fingerprint).number(now_ms > kKnownForMs ? now_ms - kKnownForMs : 0).step();
    if (code == SQLITE_ROW) return std::nullopt;
    if (code != SQLITE_DONE) return std::unexpected(error_of(code));
  }
  SqliteRun run(store_);
  run.number(last_id_ + 1).number(names.session).octets(fingerprint).number(now_ms);
  const int code = run.octets(as_text(client.octets)).octets(as_text(packet)).step();
  if (code != SQLITE_DONE) return std::unexpected(error_of(code));
  return ++last_id_;
}

std::expected<void, SpoolError> SpoolDatabase::delivered(std::uint64_t id) {
  auto kept = done(SqliteRun(keep_).number(id).step());
  if (!kept) return kept;
  return done(SqliteRun(remove_).number(id).step());
}

std::expected<void, SpoolError> SpoolDatabase::sweep(std::uint64_t now_ms, std::uint32_t most) {
  if (now_ms <= kKnownForMs) return {};
  return done(SqliteRun(sweep_).number(now_ms - kKnownForMs).number(most).step());
}

std::optional<SpoolDatabase::Record> SpoolDatabase::read(std::uint64_t id) {
  SqliteRun run(read_);
  if (run.number(id).step() != SQLITE_ROW) return std::nullopt;
  Record record{.client = {}, .stored_ms = run.number_at(1), .packet = run.octets_at(2)};
  const std::string client = run.octets_at(0);
  if (client.size() != record.client.octets.size()) return std::nullopt;
  copy_octets(as_octets(client), record.client.octets);
  return record;
}

std::uint64_t SpoolDatabase::oldest_ms() {
  SqliteRun run(oldest_);
  return run.step() == SQLITE_ROW ? run.number_at(0) : 0;
}

}  // namespace sallyport::radius_door
