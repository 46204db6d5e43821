#pragma once
// Tells the log of clients that were refused: who, why, and how many more; of each kind a line a
// minute at most, however many knock. One thread.

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "engine/radius/refusals.h"

namespace sallyport::log {

class RefusalReport {
 public:
  static constexpr std::uint32_t kApartMs = 60'000;  ///< lines of one kind

  /// Of all shards; they outlive it.
  explicit RefusalReport(std::vector<const radius_door::RefusalNotes*> shards)
      : shards_(std::move(shards)) {}
  void look(std::uint64_t now_ms);

 private:
  struct Told {
    std::uint64_t next_ms = 0;
    std::uint64_t count = 0;
  };
  std::vector<const radius_door::RefusalNotes*> shards_;
  std::array<Told, radius_door::kRefusals> told_{};
};

/// "192.0.2.1:4711 is refused: …". `count`: how many there were since the line before.
[[nodiscard]] std::string refusal_text(radius_door::Refusal kind,
                                       const radius_door::RefusedPeer& peer, std::uint64_t count);

}  // namespace sallyport::log
