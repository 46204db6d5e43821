#pragma once
// What `sallyport status` makes of the daemon's answer, or of its silence: one of the five states
// in words, and the facts an operator asks for next. Pure.

#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/admin/problems.h"
#include "verify/pool.h"

namespace sallyport::admin {

struct StatusReport {
  verify::Health health;
  std::vector<Problem> problems;                           ///< besides
  bool asks_notakey = true;                                ///< false: no login over RADIUS needs it
  std::vector<std::pair<std::string, std::string>> facts;  ///< name, value; empty without an answer
  std::string json;                                        ///< for --json: one document, one line
};

/// `answer` is the body of /status, or why there is none: then the daemon does not run or cannot be
/// reached, which only its client can tell. `asked` is the address, for the text.
[[nodiscard]] StatusReport read_status(const std::expected<std::string, std::string>& answer,
                                       std::string_view asked);

[[nodiscard]] std::string human_text(const StatusReport& report);

/// 0: OK; 1: any other state, or a problem.
[[nodiscard]] int exit_status(const StatusReport& report) noexcept;

}  // namespace sallyport::admin
