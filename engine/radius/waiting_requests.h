#pragma once
// Requests that wait for a connection to their server, oldest first. Bounded: whoever finds no
// place is dropped, and his client asks again. One that has ended meanwhile, or has gone to another
// server, is passed over when its turn comes. One thread.

#include <cstddef>
#include <optional>
#include <vector>

#include "engine/limits.h"
#include "verify/verification.h"

namespace sallyport::radius_door {

class WaitingRequests {
 public:
  WaitingRequests() : tickets_(limits::kMaxWaitingRequests) {}

  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
  [[nodiscard]] std::size_t size() const noexcept { return count_; }
  /// Whether another one has a place. Those for whom `waits(ticket)` is false lose theirs.
  template <typename Waits>
  [[nodiscard]] bool has_room(Waits&& waits) noexcept {
    if (count_ < tickets_.size()) return true;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < count_; ++i)
      if (const verify::Ticket ticket = at(i); waits(ticket)) at(kept++) = ticket;
    count_ = kept;
    return count_ < tickets_.size();
  }
  /// False: there is no place.
  bool add(verify::Ticket ticket) noexcept {
    if (count_ == tickets_.size()) return false;
    at(count_++) = ticket;
    return true;
  }
  [[nodiscard]] std::optional<verify::Ticket> take() noexcept {
    if (count_ == 0) return std::nullopt;
    const verify::Ticket oldest = at(0);
    first_ = (first_ + 1) % tickets_.size();
    --count_;
    return oldest;
  }

  /// The one just taken keeps its turn.
  void put_back(verify::Ticket ticket) noexcept {
    first_ = (first_ + tickets_.size() - 1) % tickets_.size();
    ++count_;
    at(0) = ticket;
  }

 private:
  [[nodiscard]] verify::Ticket& at(std::size_t i) noexcept {
    return tickets_[(first_ + i) % tickets_.size()];
  }

  std::vector<verify::Ticket> tickets_;  ///< ring
  std::size_t first_ = 0;
  std::size_t count_ = 0;
};

}  // namespace sallyport::radius_door
