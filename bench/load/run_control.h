#pragma once
// What the threads of a run and the one that watches them tell each other. Any thread may call
// anything here; nothing of it is called more than once a second and a thread, but stopping().

#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bench/load/stage.h"

namespace sallyport::lab {

class RunControl {
 public:
  /// A wrong answer, or the machine does not let us go on: the run ends. The first one counts.
  void fail(std::string why) {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::move(why);
    stopping_ = true;
  }
  /// The user has seen enough: the run ends, with the result so far.
  void interrupt() {
    interrupted_ = true;
    stopping_ = true;
  }

  [[nodiscard]] bool stopping() const noexcept { return stopping_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool interrupted() const noexcept { return interrupted_; }
  [[nodiscard]] std::optional<std::string> failure() const {
    const std::lock_guard lock(mutex_);
    return failure_;
  }

  void post(Second second) {
    const std::lock_guard lock(mutex_);
    seconds_.push_back(std::move(second));
  }
  [[nodiscard]] std::vector<Second> take_seconds() {
    const std::lock_guard lock(mutex_);
    return std::exchange(seconds_, {});
  }

 private:
  mutable std::mutex mutex_;
  std::optional<std::string> failure_;
  std::vector<Second> seconds_;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> interrupted_ = false;
};

}  // namespace sallyport::lab
