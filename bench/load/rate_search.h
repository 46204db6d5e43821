#pragma once
// The search for the highest rate that a system holds: doubled until one fails, then halved between
// the highest that held and the lowest that failed. One failure is not believed: on a busy machine
// a step may fail by chance, so it is tried once more. Pure.

#include <cstdint>
#include <optional>

namespace sallyport::lab {

class RateSearch {
 public:
  /// Requests a second. Ends when the highest that held and the lowest that failed are within
  /// `precision` (0.02: 2 %) of each other, or when `highest` held.
  RateSearch(double first, double highest, double precision);

  /// The rate to try next; empty: found.
  [[nodiscard]] std::optional<double> next() const noexcept;
  /// How next() went.
  void report(bool held) noexcept;

  /// The highest rate that held; 0: none did.
  [[nodiscard]] double found() const noexcept { return held_; }

 private:
  double trying_;
  const double highest_;
  const double precision_;
  double held_ = 0;
  std::optional<double> failed_;  ///< the lowest that failed
  bool in_doubt_ = false;         ///< trying_ has failed once
  bool done_ = false;
};

}  // namespace sallyport::lab
