#pragma once
// How shards let grants last longer that slide: one that is used in the second half of its time is
// named to the grant book, which extends it in the store. A shard names it once for each end that
// it has, not with every request.

#include <array>
#include <cstdint>

#include "verify/bounded_queue.h"
#include "verify/gate/grant_keeper.h"

namespace sallyport::http_door {

/// Ids of grants, from the shards to the grant book.
using SlideQueue = verify::BoundedQueue<std::uint64_t>;

/// One shard's. No heap, no lock.
class SlideTeller {
 public:
  /// `queue` outlives it; none: nothing is told.
  explicit SlideTeller(SlideQueue* queue) noexcept : queue_(queue) {}

  /// A request was let in by it.
  void used(const verify::Grant& grant, std::uint64_t now_ms) noexcept {
    if (grant.slides_ms == 0 || grant.until_ms >= grant.latest_ms || queue_ == nullptr) return;
    if (now_ms + grant.slides_ms / 2 <= grant.until_ms) return;
    Told& told = told_[grant.id % told_.size()];
    if (told.id == grant.id && told.until_ms == grant.until_ms) return;
    if (queue_->try_push(grant.id)) told = {.id = grant.id, .until_ms = grant.until_ms};
  }

 private:
  struct Told {
    std::uint64_t id = 0;
    std::uint64_t until_ms = 0;
  };
  SlideQueue* queue_;
  std::array<Told, 1024> told_;  ///< two that share a place are told twice, and no harm
};

}  // namespace sallyport::http_door
