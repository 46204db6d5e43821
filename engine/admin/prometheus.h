#pragma once
// Metrics as Prometheus reads them (text format 0.0.4). Pure. Names: sallyport_<part>_<what>, with
// _total for counters and _seconds for times; what each means is its HELP and docs/operations.md.

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "engine/admin/snapshot.h"

namespace sallyport::admin {

inline constexpr std::string_view kPrometheusContentType =
    "text/plain; version=0.0.4; charset=utf-8";

/// Writes families and samples; escapes as the format asks. The caller keeps a family together.
class PrometheusText {
 public:
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  /// `type` is "counter", "gauge" or "histogram".
  void family(std::string_view name, std::string_view type, std::string_view help);
  void sample(std::string_view name, Labels labels, double value);
  void sample(std::string_view name, Labels labels, std::uint64_t value);
  [[nodiscard]] std::string take() { return fmt::to_string(out_); }

 private:
  void name_and_labels(std::string_view name, Labels labels);
  fmt::memory_buffer out_;
};

/// The whole of /metrics.
[[nodiscard]] std::string prometheus_text(const Snapshot& snapshot);

}  // namespace sallyport::admin
