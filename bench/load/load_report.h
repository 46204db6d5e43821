#pragma once
// A result in words and as JSON. The JSON's members are described in docs/benchmarking.md.

#include <string>
#include <vector>

#include "bench/load/radius_load.h"

namespace sallyport::lab {

/// One object on one line. `command`: how the measurement was asked for.
[[nodiscard]] std::string load_report_json(const LoadSettings& settings, const LoadResult& result,
                                           const std::vector<std::string>& command);
/// Some lines for people.
[[nodiscard]] std::string load_report_text(const LoadSettings& settings, const LoadResult& result);

}  // namespace sallyport::lab
