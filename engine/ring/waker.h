#pragma once
// Wakes a ring from any thread: MSG_RING out of a tiny ring that each waking thread has for itself,
// or, where that thread may not have one, an eventfd that the woken ring polls.
// Costs a system call: the mailbox calls it only for a reader that is parked.

#include <cstdint>

#include "engine/ring/tag.h"

namespace sallyport::ring {

/// A value; the descriptors belong to the woken ring's owner and outlive every wake().
class Waker {
 public:
  /// `ring_fd` < 0: always by the eventfd.
  Waker(int ring_fd, int event_fd) noexcept : ring_fd_(ring_fd), event_fd_(event_fd) {}

  /// Any thread. The ring gets a completion tagged wake_message, or wake_event from its poll.
  void wake() const noexcept;

 private:
  int ring_fd_;
  int event_fd_;
};

}  // namespace sallyport::ring
