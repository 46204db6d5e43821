#pragma once
// What is wrong although the Notakey API is well: the daemon is degraded. Pure.

#include <span>
#include <string>
#include <vector>

#include "engine/radius/downstream_board.h"

namespace sallyport::admin {

struct Problem {
  std::string text;     ///< one line: what is seen
  std::string look_at;  ///< what to check next
};

/// Pools of RADIUS servers none of which answers.
[[nodiscard]] std::vector<Problem> problems_of(
    std::span<const radius_door::DownstreamState> servers);

}  // namespace sallyport::admin
