#pragma once
// Where the tests of the desks hear what those say of a login.

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>

#include "verify/verification.h"

namespace sallyport::verify {

template <typename Sink, typename Got>
class Arriving final : public Sink {
 public:
  bool deliver(const Got& answer) noexcept override {
    const std::scoped_lock lock(mutex_);
    answers_.insert_or_assign(answer.ticket.value, answer);
    arrived_.notify_all();
    return true;
  }
  Got wait(Ticket ticket) {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [&] { return answers_.contains(ticket.value); });
    return answers_.at(ticket.value);
  }
  [[nodiscard]] bool has(Ticket ticket) {
    const std::scoped_lock lock(mutex_);
    return answers_.contains(ticket.value);
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::map<std::uint64_t, Got> answers_;
};

}  // namespace sallyport::verify
