#pragma once
// The grants as a request sees them: which address is opened, for whom and until when. Snapshots
// are immutable and published one after another by the one thread that owns Grants (grants.h);
// shards read them without a lock.
//
// Memory. The writer keeps every snapshot it has published until no reader holds it, and frees it
// itself: nothing is freed, and no count is touched, on a shard. A reader holds by writing the
// pointer into a cell of its own that the writer looks at (a hazard pointer). So a reader that
// rests keeps one old snapshot alive, and no more. Snapshots share what did not change.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>

#include "engine/http/grant_table.h"
#include "protocol/ip_address.h"

namespace sallyport::http_door {

/// What a grant has to be to let a request through.
struct GrantNeed {
  FactorSet factors = 0;        ///< by one of these; 0: by any
  std::uint64_t access_ms = 0;  ///< no longer ago confirmed than this; 0: as long as it lasts
};

class GrantSnapshot {
 public:
  /// The grant that opens this visitor's address: of several that fit, the one that lasts longest.
  /// Null: none, or none that lasts past `now_ms`. Lives as long as the snapshot is held.
  [[nodiscard]] const Grant* find(const IpAddress& visitor, std::uint64_t now_ms,
                                  const GrantNeed& need = {}) const noexcept;
  /// The grant of this id, whatever its address. The same else.
  [[nodiscard]] const Grant* find_id(std::uint64_t id, std::uint64_t now_ms,
                                     const GrantNeed& need = {}) const noexcept;
  /// The addresses that a grant for `address` opens: itself, or its IPv6 prefix.
  [[nodiscard]] Prefix group(const IpAddress& address) const noexcept;
  /// Whether a grant for one opens the other.
  [[nodiscard]] bool same_group(const IpAddress& one, const IpAddress& other) const noexcept {
    return key_of(one) == key_of(other);
  }
  [[nodiscard]] std::size_t size() const noexcept { return by_id_.size(); }

 private:
  friend class Grants;
  using Key = GrantTable::Key;

  [[nodiscard]] Key key_of(const IpAddress& address) const noexcept;

  std::uint8_t ipv6_prefix_ = 64;
  GrantTable by_group_;  ///< by address in host order, cut to the prefix
  GrantTable by_id_;     ///< by (id, 0)
};

/// Until when a grant that fits lets requests through; Unix time. An operator has said until when,
/// and no route's duration makes it shorter.
[[nodiscard]] inline std::uint64_t open_until_ms(const Grant& grant,
                                                 const GrantNeed& need) noexcept {
  if (need.access_ms == 0 || grant.by == kByOperator) return grant.until_ms;
  return std::min(grant.until_ms, grant.since_ms + need.access_ms);
}

/// The newest snapshot, and the cells of those who read it. Owned by Grants.
class GrantPublication {
 public:
  /// One reader a shard, and some for the control thread.
  static constexpr std::size_t kMaxReaders = 80;

 private:
  friend class Grants;
  friend class GrantReader;
  struct alignas(64) Cell {
    std::atomic<bool> taken = false;
    std::atomic<const GrantSnapshot*> held = nullptr;
  };
  std::atomic<const GrantSnapshot*> current_ = nullptr;
  std::array<Cell, kMaxReaders> cells_;
};

/// One thread's view of the grants. Made and destroyed on any thread, used by one; Grants outlives
/// it.
class GrantReader {
 public:
  explicit GrantReader(GrantPublication& publication) noexcept;
  ~GrantReader();
  GrantReader(const GrantReader&) = delete;
  GrantReader& operator=(const GrantReader&) = delete;

  /// The newest snapshot. It and its grants live until the next call of current() or release(): a
  /// request that goes on past them keeps the grant's id and time, not the pointer. Costs one load
  /// unless there was a change.
  [[nodiscard]] const GrantSnapshot& current() noexcept {
    const GrantSnapshot* const newest = publication_->current_.load(std::memory_order_acquire);
    return newest == held_ ? *held_ : hold_newest();
  }
  /// Holds nothing any more, before a long rest.
  void release() noexcept;

 private:
  const GrantSnapshot& hold_newest() noexcept;

  GrantPublication* publication_;
  GrantPublication::Cell* cell_;
  const GrantSnapshot* held_ = nullptr;  ///< what the cell has
};

}  // namespace sallyport::http_door
