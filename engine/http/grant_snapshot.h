#pragma once
// The grants as a request sees them: which address is opened, for whom and until when. Snapshots
// are immutable and published one after another by the one thread that owns Grants (grants.h);
// shards read them without a lock.
//
// Memory. The writer keeps every snapshot it has published until no reader holds it, and frees it
// itself: nothing is freed, and no count is touched, on a shard. A reader holds by writing the
// pointer into a cell of its own that the writer looks at (a hazard pointer). So a reader that
// rests keeps one old snapshot alive, and no more. Snapshots share what did not change.

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "protocol/ip_address.h"

namespace sallyport::http_door {

/// An address opened for a user until a time. Immutable; a change makes another of the same id.
struct Grant {
  std::uint64_t id = 0;  ///< never used again, over restarts either
  IpAddress address;     ///< the visitor's, as it was when it was opened
  std::string user;      ///< 1..kMaxGrantText octets, as all three texts no control characters
  std::uint64_t since_ms = 0;  ///< Unix time; information only: a clock set back takes nothing away
  std::uint64_t until_ms = 0;  ///< Unix time; open before, closed from then on
  std::string by;              ///< who or what opened it: "push", "admin"; may be empty
  std::string reason;          ///< may be empty

  bool operator==(const Grant&) const = default;
};
using GrantPointer = std::shared_ptr<const Grant>;

class GrantSnapshot {
 public:
  /// The grant that opens this visitor's address: of several the one that lasts longest. Null:
  /// none, or none that lasts past `now_ms`. Lives as long as the snapshot is held. No heap, no
  /// lock.
  [[nodiscard]] const Grant* find(const IpAddress& visitor, std::uint64_t now_ms) const noexcept;
  /// The addresses that a grant for `address` opens: itself, or its IPv6 prefix.
  [[nodiscard]] Prefix group(const IpAddress& address) const noexcept;
  [[nodiscard]] std::size_t groups() const noexcept { return groups_; }

 private:
  friend class Grants;
  /// An address as two numbers in host order.
  using Key = std::pair<std::uint64_t, std::uint64_t>;
  struct Entry {
    Key key;
    std::uint64_t until_ms;
    GrantPointer grant;  ///< readers take the pointer and leave the count alone
  };
  /// Sorted by key; some kEntriesPerBucket of them.
  using Bucket = std::vector<Entry>;
  static constexpr std::size_t kEntriesPerBucket = 16;

  [[nodiscard]] Key key_of(const IpAddress& address) const noexcept;
  [[nodiscard]] std::size_t bucket_of(const Key& key) const noexcept;

  std::uint8_t ipv6_prefix_ = 64;
  std::uint64_t seed_ = 0;
  std::size_t groups_ = 0;
  std::vector<std::shared_ptr<const Bucket>> buckets_;  ///< a power of two; null: empty
};

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
