#include "bench/load/stage.h"

#include <algorithm>

namespace sallyport::lab {
namespace {

constexpr double kBusy = 0.9;
/// More than this share of the requests left late, or not at all.
constexpr double kBehindShare = 0.01;

}  // namespace

void StageResult::merge(const StageResult& other) {
  tally.merge(other.tally);
  answers_in_time += other.answers_in_time;
  elapsed_ns = std::max(elapsed_ns, other.elapsed_ns);
  cpu_ns += other.cpu_ns;
  busy = std::max(busy, other.busy);
}

const char* to_text(Limit limit) noexcept {
  switch (limit) {
    case Limit::none: return "none";
    case Limit::cpu: return "cpu";
    case Limit::schedule: return "schedule";
    case Limit::identifiers: return "identifiers";
  }
  return "";
}

Limit limit_of(const StageResult& result) noexcept {
  const Tally& tally = result.tally;
  const auto due = static_cast<double>(tally.requests + tally.unsent);
  const bool behind = static_cast<double>(tally.sent_late + tally.unsent) > kBehindShare * due;
  if (result.busy > kBusy) return Limit::cpu;
  if (!behind) return Limit::none;
  return tally.without_channel > 0 ? Limit::identifiers : Limit::schedule;
}

}  // namespace sallyport::lab
