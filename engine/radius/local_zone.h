#pragma once
// Local time without asking the system for it: what localtime_r says is worked out once, off the
// packet path, for some years ahead. Immutable; any thread.

#include <cstdint>
#include <utility>
#include <vector>

namespace sallyport::radius_door {

class LocalZone {
 public:
  static constexpr std::uint16_t kMinutesOfWeek = 7 * 24 * 60;
  /// Beyond, the last offset stays; a reload looks further.
  static constexpr std::int64_t kDaysAhead = 3'660;

  /// From one moment on (Unix time), the local time is so much ahead of UTC.
  struct Change {
    std::int64_t from_s;
    std::int32_t offset_s;
  };

  LocalZone() = default;  ///< UTC
  /// Ascending.
  explicit LocalZone(std::vector<Change> changes) : changes_(std::move(changes)) {}
  /// The zone of this machine (TZ, /etc/localtime). Reads files and takes a lock.
  [[nodiscard]] static LocalZone of_this_machine(std::int64_t now_s);

  /// 0: Monday 00:00; below kMinutesOfWeek.
  [[nodiscard]] std::uint16_t minute_of_week(std::int64_t unix_s) const noexcept;
  [[nodiscard]] const std::vector<Change>& changes() const noexcept { return changes_; }

 private:
  std::vector<Change> changes_;
};

}  // namespace sallyport::radius_door
