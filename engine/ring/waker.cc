#include "engine/ring/waker.h"

#include <cerrno>

#include <liburing.h>
#include <unistd.h>

namespace sallyport::ring {
namespace {

/// The waking thread's own ring. It has at most one request in flight, so two entries are plenty.
class SenderRing {
 public:
  SenderRing() noexcept : open_(io_uring_queue_init(2, &ring_, 0) == 0) {}
  ~SenderRing() {
    if (open_) io_uring_queue_exit(&ring_);
  }
  SenderRing(const SenderRing&) = delete;
  SenderRing& operator=(const SenderRing&) = delete;

  [[nodiscard]] bool message(int target_fd) noexcept {
    if (!open_) return false;
    io_uring_sqe* const entry = io_uring_get_sqe(&ring_);
    if (entry != nullptr) {  // null: earlier messages could not be submitted, and go now instead
      const std::uint64_t user_data = Tag{.operation = Operation::wake_message}.pack();
      io_uring_prep_msg_ring(entry, target_fd, 0, user_data, 0);
    }
    if (io_uring_submit_and_wait(&ring_, 1) < 1) return false;
    io_uring_cqe* cqe = nullptr;
    while (io_uring_wait_cqe(&ring_, &cqe) == -EINTR) {
    }
    bool sent = false;
    while (io_uring_peek_cqe(&ring_, &cqe) == 0) {
      sent = cqe->res >= 0;
      io_uring_cqe_seen(&ring_, cqe);
    }
    return sent;
  }

 private:
  io_uring ring_{};
  bool open_;
};

}  // namespace

void Waker::wake() const noexcept {
  // Thread-local, so that no two threads share a ring and none is made on a thread that never
  // wakes.
  thread_local SenderRing sender;
  if (ring_fd_ >= 0 && sender.message(ring_fd_)) return;
  // EOVERFLOW: the target's completion ring is full; EPERM: a sandbox. The poll on the eventfd
  // tells the same. The write fails only when the counter is at its end, and then it is readable.
  const std::uint64_t one = 1;
  static_cast<void>(::write(event_fd_, &one, sizeof(one)) == sizeof(one));
}

}  // namespace sallyport::ring
