#pragma once
// Errands that wait for their visit to change. Bounded; pure of clock; its owner locks.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/http/gate/errand.h"

namespace sallyport::http_door {

class HeldErrands {
 public:
  using Errand = std::unique_ptr<GateErrand>;

  /// `of_visit`: pages of one visit that may wait at once; one more sends the oldest of them back.
  HeldErrands(std::size_t most, std::size_t of_visit) : most_(most), of_visit_(of_visit) {}

  struct Put {
    Errand refused;  ///< the errand itself: as many are held as may be
    Errand oldest;   ///< of the same visit, to be answered now
  };
  [[nodiscard]] Put put(Errand errand, std::string_view visit, std::uint64_t until_ms);

  /// All of a visit, the oldest first.
  [[nodiscard]] std::vector<Errand> take(std::string_view visit);
  /// Those whose time is over.
  [[nodiscard]] std::vector<Errand> take_due(std::uint64_t now_ms);
  [[nodiscard]] std::vector<Errand> take_all();
  /// Null: it is not held.
  [[nodiscard]] Errand take(const GateTicket& ticket);

  [[nodiscard]] std::optional<std::uint64_t> next_due_ms() const noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return held_.size(); }

 private:
  struct Held {
    Errand errand;
    std::string visit;
    std::uint64_t until_ms;
  };
  Errand remove(const GateTicket& ticket);

  const std::size_t most_;
  const std::size_t of_visit_;
  std::map<GateTicket, Held> held_;
  std::unordered_map<std::string, std::vector<GateTicket>> by_visit_;
  std::set<std::pair<std::uint64_t, GateTicket>> by_time_;
};

}  // namespace sallyport::http_door
