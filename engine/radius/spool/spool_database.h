#pragma once
// The spool's file: what it holds, and what each call does in it. No threads: used by one at a
// time. Records that wait, as their clients sent them; and for a while what tells records from
// others that are delivered, so that a client that has missed our answer does not make a second
// one. No secret is in it.

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "engine/radius/spool/record.h"
#include "verify/store/sqlite_file.h"

namespace sallyport::radius_door {

enum class SpoolError : std::uint8_t {
  full,    ///< the disk, or the file as large as it may be
  failed,  ///< anything else that may pass
  lost,    ///< a write was not confirmed: what is on the disk is not known until a restart
};
[[nodiscard]] const char* to_text(SpoolError error) noexcept;

/// So long a record is known again by its fingerprint. Longer than clients repeat a request,
/// shorter than a NAS takes to start anew and send the same Accounting-On.
inline constexpr std::uint64_t kKnownForMs = 60'000;

class SpoolDatabase {
 public:
  struct Record {
    IpAddress client;
    std::uint64_t stored_ms;  ///< Unix time
    std::string packet;       ///< the Accounting-Request as it came
  };

  /// Makes the file if there is none. `max_octets`: of the file, without its log. An error is a
  /// sentence for the operator without its full stop.
  [[nodiscard]] static std::expected<std::unique_ptr<SpoolDatabase>, std::string> open(
      const std::string& path, std::uint64_t max_octets);

  /// Every record that waits, oldest first.
  [[nodiscard]] std::expected<void, std::string> for_each_waiting(
      const std::function<void(std::uint64_t id, std::uint64_t session)>& visit);

  // Between begin() and commit(). After an error all of it is to be rolled back.
  [[nodiscard]] std::expected<void, SpoolError> begin();
  [[nodiscard]] std::expected<void, SpoolError> commit();  ///< failed: all of it is undone
  void roll_back() noexcept;
  /// Its number, larger than all before; nothing: the record is known already.
  [[nodiscard]] std::expected<std::optional<std::uint64_t>, SpoolError> store(
      const RecordNames& names, const IpAddress& client, Octets packet, std::uint64_t now_ms);
  [[nodiscard]] std::expected<void, SpoolError> delivered(std::uint64_t id);
  /// Forgets up to `most` fingerprints that are no longer needed.
  [[nodiscard]] std::expected<void, SpoolError> sweep(std::uint64_t now_ms, std::uint32_t most);

  [[nodiscard]] std::optional<Record> read(std::uint64_t id);
  /// When the oldest record that waits was stored, Unix time; 0: none waits.
  [[nodiscard]] std::uint64_t oldest_ms();

 private:
  explicit SpoolDatabase(verify::SqliteConnection connection) noexcept
      : connection_(std::move(connection)) {}
  [[nodiscard]] SpoolError error_of(int code) noexcept;
  [[nodiscard]] std::expected<void, SpoolError> done(int code) noexcept;

  verify::SqliteConnection connection_;
  verify::SqliteStatement begin_, commit_, roll_back_;
  verify::SqliteStatement known_, store_, keep_, remove_, sweep_, read_, oldest_;
  std::uint64_t last_id_ = 0;
  bool lost_ = false;
};

}  // namespace sallyport::radius_door
