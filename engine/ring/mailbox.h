#pragma once
// Messages from any thread to the one thread of a ring: a bounded lock-free queue, and a wake-up
// only when the reader is parked. No wake-up is lost and none is sent twice.

#include <atomic>
#include <cstddef>

#include "engine/ring/waker.h"
#include "verify/bounded_queue.h"

namespace sallyport::ring {

template <typename Message>
class Mailbox {
 public:
  /// `capacity`: a power of two.
  Mailbox(std::size_t capacity, Waker waker) : queue_(capacity), waker_(waker) {}

  /// Any thread. False: full, nothing was taken.
  [[nodiscard]] bool post(const Message& message) noexcept {
    if (!queue_.try_push(message)) return false;
    if (parked_.exchange(false, std::memory_order_acq_rel)) waker_.wake();
    return true;
  }

  // The reader's thread only.

  [[nodiscard]] bool take(Message& message) noexcept { return queue_.try_pop(message); }

  /// Says that the reader is about to wait. False: a message is there, it must not.
  [[nodiscard]] bool park() noexcept {
    // Both sides exchange the same atomic, so one of them comes first. Reader first: the poster
    // reads true and wakes us. Poster first: we read what it, or an exchange after it, wrote, which
    // makes its push visible to the look into the queue below. A plain store on either side would
    // break the chain of exchanges that carries this.
    parked_.exchange(true, std::memory_order_acq_rel);
    return queue_.empty();
  }
  /// Says that the reader is awake: posters need not wake it.
  void unpark() noexcept { parked_.exchange(false, std::memory_order_acq_rel); }

 private:
  verify::BoundedQueue<Message> queue_;
  alignas(64) std::atomic<bool> parked_{false};
  const Waker waker_;
};

}  // namespace sallyport::ring
