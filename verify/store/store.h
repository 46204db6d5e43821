#pragma once
// State that is not lost: grants, registrations, visits, lock-outs. One interface with two real
// implementations, SQLite (sqlite_store.h) and Redis or Valkey (redis_store.h). What it returns as
// done is durable: a crash of ours afterwards does not undo it.
//
// Calls wait for the disk or the network, each at most the store's timeout: they are for the gate's
// own threads and never for a shard. Every method may be called by several threads at once.

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::verify {

/// What kind of record. The word in the database: a rename is a migration.
enum class RecordKind : std::uint8_t {
  grant,         ///< group "", id: the grant's number
  otp,           ///< group "", id: the user
  passkey,       ///< group: the user, id: the credential
  visit,         ///< group "", id: hash of the visit's secret
  session,       ///< group: the user, id: hash of the session's secret
  approval,      ///< group "", id: hash of the secret in a link message
  registration,  ///< group "", id: hash of the secret in a registration message
  lock,          ///< group: the user in small letters, id: from where he is locked
  known,         ///< group: the user, id: an address prefix or device that he has come from
  key,           ///< group "", id: what the key is for
};
inline constexpr std::size_t kRecordKinds = 10;
[[nodiscard]] const char* to_text(RecordKind kind) noexcept;  ///< "grant", …

inline constexpr std::size_t kMaxKeyOctets = 512;
inline constexpr std::size_t kMaxValueOctets = std::size_t{64} << 10;

/// Names one record. Texts of any octets, 0..512 each (more: CHECK); records of one kind and group
/// are listed together.
struct RecordKey {
  RecordKind kind = RecordKind::grant;
  std::string group;
  std::string id;
  bool operator==(const RecordKey&) const = default;
};

struct Record {
  std::string value;           ///< opaque octets, at most 64 KiB (more: CHECK)
  std::uint64_t until_ms = 0;  ///< Unix time; gone from then on. 0: stays
  std::uint64_t version = 0;   ///< another with every change; for replace()
};

struct ListedRecord {
  std::string id;
  Record record;
};

enum class StoreError : std::uint8_t {
  unavailable,  ///< it cannot be reached, or did not answer in time; nothing is known of the change
  full,         ///< no room: disk, memory
  broken,       ///< what is stored cannot be read, or is of a newer sallyport
};
[[nodiscard]] const char* to_text(StoreError error) noexcept;  ///< a sentence without full stop

template <class T>
using StoreResult = std::expected<T, StoreError>;

/// A record was written, by this process or another on the same store. One that has expired is not
/// told of: who keeps copies knows its end.
struct RecordChange {
  RecordKey key;
  std::optional<Record> record;  ///< none: removed
};

/// Told of changes, those of this process included, in the order of each record's. After a time
/// without connection `resync` says that changes may have been missed: list again. Called on the
/// store's thread: must not block or call the store.
struct StoreWatcher {
  std::function<void(const RecordChange& change)> changed;
  std::function<void()> resync;
};

struct StoreHealth {
  bool ok = true;
  std::string text;  ///< for people; never a secret
};

class Store {
 public:
  virtual ~Store() = default;

  [[nodiscard]] virtual StoreResult<std::optional<Record>> get(const RecordKey& key) = 0;
  /// Makes it, or writes over it. Returns the new version.
  virtual StoreResult<std::uint64_t> put(const RecordKey& key, std::string_view value,
                                         std::uint64_t until_ms) = 0;
  /// Only if there is none (one that has expired is none). False: there is.
  [[nodiscard]] virtual StoreResult<bool> add(const RecordKey& key, std::string_view value,
                                              std::uint64_t until_ms) = 0;
  /// Only if it still has that version. False: it has another, or is gone.
  [[nodiscard]] virtual StoreResult<bool> replace(const RecordKey& key, std::uint64_t version,
                                                  std::string_view value,
                                                  std::uint64_t until_ms) = 0;
  /// Reads and removes in one step: of many who ask, one gets it.
  [[nodiscard]] virtual StoreResult<std::optional<Record>> take(const RecordKey& key) = 0;
  /// False: there was none.
  virtual StoreResult<bool> remove(const RecordKey& key) = 0;
  /// By id. Those that have expired are left out.
  [[nodiscard]] virtual StoreResult<std::vector<ListedRecord>> list(RecordKind kind,
                                                                    std::string_view group) = 0;
  /// 1, 2, 3 … over all processes and restarts; never the same again.
  [[nodiscard]] virtual StoreResult<std::uint64_t> next_number(std::string_view counter) = 0;

  /// Once, before other threads use the store. Only changes of `kinds` are told.
  virtual void watch(std::vector<RecordKind> kinds, StoreWatcher watcher) = 0;
  [[nodiscard]] virtual StoreHealth health() const = 0;  ///< any thread; does not wait

  /// From now on the process that takes over from this one may use it at the same time; waits until
  /// that is so. Of what the other one changes watchers are told, by `resync` at least. An error is
  /// a sentence without full stop, and all is as it was.
  [[nodiscard]] virtual std::expected<void, std::string> share() { return {}; }
};

}  // namespace sallyport::verify
