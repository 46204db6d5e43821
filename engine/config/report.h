#pragma once
// A configuration told to people: what `check` prints, and the lines of the start-up log. Secrets
// appear as "set", nothing else of them.

#include <span>
#include <string>
#include <vector>

#include "engine/config/config.h"
#include "engine/config/environment.h"
#include "engine/config/mistake.h"

namespace sallyport::config {

/// One mistake a line, then how many there are.
[[nodiscard]] std::string mistakes_text(std::span<const Mistake> mistakes);

/// "warning: …" a line; empty without warnings.
[[nodiscard]] std::string warnings_text(std::span<const Mistake> warnings);

struct CheckReport {
  int exit_status = 0;  ///< 0: good, perhaps with warnings; 1: mistakes
  std::string text;
};

/// All that `sallyport check --config PATH` does.
[[nodiscard]] CheckReport check_file(const std::string& path,
                                     const Environment& environment = process_environment());

/// Every setting as "key = value", one each, in the order of the reference. For the start-up log.
[[nodiscard]] std::vector<std::string> redacted_lines(const Config& config);

/// One line: "2 clients, listening on …, downstream …, Notakey v2 at …; HTTP on …, 3 routes, …".
[[nodiscard]] std::string summary(const Config& config);

/// "192.0.2.1:1812", "[2001:db8::1]:1812", "radius.example.com:1812"; of several servers how many
/// there are.
[[nodiscard]] std::string downstream_text(const Downstream& downstream);

}  // namespace sallyport::config
