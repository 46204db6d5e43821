#pragma once
// What a loader has found so far. It goes on after a mistake, so that all are reported at once.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "engine/config/mistake.h"

namespace sallyport::config {

class Notes {
 public:
  explicit Notes(std::string source) : source_(std::move(source)) {}

  void mistake(Position where, std::string key, Complaint complaint) {
    mistakes_.push_back(make(where, std::move(key), std::move(complaint)));
  }
  void warning(Position where, std::string key, Complaint complaint) {
    warnings_.push_back(make(where, std::move(key), std::move(complaint)));
  }

  [[nodiscard]] bool good() const noexcept { return mistakes_.empty(); }
  /// Both in the order of the file; taken once.
  [[nodiscard]] std::vector<Mistake> take_mistakes() { return take(mistakes_); }
  [[nodiscard]] std::vector<Mistake> take_warnings() { return take(warnings_); }

 private:
  [[nodiscard]] Mistake make(Position where, std::string key, Complaint complaint) const {
    return {.source = source_,
            .where = where,
            .key = std::move(key),
            .wrong = std::move(complaint.wrong),
            .mend = std::move(complaint.mend)};
  }
  [[nodiscard]] static std::vector<Mistake> take(std::vector<Mistake>& from) {
    std::ranges::stable_sort(from, {}, &Mistake::where);
    return std::exchange(from, {});
  }

  std::string source_;
  std::vector<Mistake> mistakes_;
  std::vector<Mistake> warnings_;
};

}  // namespace sallyport::config
