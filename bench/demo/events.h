#pragma once
// Carries the simulators' events from their threads to the one that prints.

#include <mutex>
#include <utility>
#include <variant>
#include <vector>

#include <sys/eventfd.h>

#include "bench/simulators/descriptor.h"
#include "bench/simulators/notakey_service.h"
#include "bench/simulators/radius_simulator.h"
#include "protocol/check.h"

namespace sallyport::lab {

using DemoEvent = std::variant<RadiusEvent, NotakeyEvent>;

class Events {
 public:
  Events() : wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) { CHECK(wake_); }

  /// Any thread.
  void push(DemoEvent event) {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
    const std::uint64_t one = 1;
    CHECK(::write(wake_.get(), &one, sizeof one) == sizeof one);
  }
  /// All so far, in the order they came.
  [[nodiscard]] std::vector<DemoEvent> take() {
    // Before the events are taken: one that comes in between wakes us once too often, not too
    // seldom.
    std::uint64_t ignored = 0;
    while (::read(wake_.get(), &ignored, sizeof ignored) > 0) continue;
    const std::lock_guard lock(mutex_);
    return std::exchange(events_, {});
  }
  /// Readable while there are events.
  [[nodiscard]] int fd() const { return wake_.get(); }

 private:
  Descriptor wake_;
  std::mutex mutex_;
  std::vector<DemoEvent> events_;
};

}  // namespace sallyport::lab
