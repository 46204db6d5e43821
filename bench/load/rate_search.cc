#include "bench/load/rate_search.h"

#include <algorithm>

#include "protocol/check.h"

namespace sallyport::lab {
namespace {

/// Below this nothing is looked for: a system that cannot hold it does not work.
constexpr double kLowestRate = 10;

}  // namespace

RateSearch::RateSearch(double first, double highest, double precision)
    : trying_(std::clamp(first, kLowestRate, std::max(highest, kLowestRate))),
      highest_(std::max(highest, kLowestRate)),
      precision_(precision) {
  CHECK(precision > 0 && precision < 1);
}

std::optional<double> RateSearch::next() const noexcept {
  if (done_) return std::nullopt;
  return trying_;
}

void RateSearch::report(bool held) noexcept {
  CHECK(!done_);
  if (!held && !in_doubt_) {
    in_doubt_ = true;
    return;
  }
  in_doubt_ = false;
  if (held) {
    held_ = trying_;
  } else {
    failed_ = trying_;
  }
  if (failed_) {
    trying_ = (held_ + *failed_) / 2;
    done_ = *failed_ - held_ <= precision_ * *failed_ || trying_ < kLowestRate;
  } else {
    done_ = held_ >= highest_;
    trying_ = std::min(trying_ * 2, highest_);
  }
}

}  // namespace sallyport::lab
