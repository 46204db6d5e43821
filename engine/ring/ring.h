#pragma once
// One io_uring for one thread: SINGLE_ISSUER and DEFER_TASKRUN, so completions run only while its
// thread waits in submit_and_wait. Requests are queued here and submitted once a turn; results are
// collected into the caller's array. Nothing is called back.
// Built on any thread; from enable() to retire() only the enabling thread may use it.

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <liburing.h>

#include "engine/ring/tag.h"

namespace sallyport::ring {

struct RingPlan {
  std::uint32_t submission_entries = 1024;
  std::uint32_t completion_entries = 4096;  ///< at least twice the submission entries
  std::uint32_t files = 16;                 ///< size of the table of registered files
  std::uint32_t places = 0;  ///< more of that table, for take_place; none where RLIMIT_NOFILE is
                             ///< too low
};

/// A file by its descriptor, or by its index in the table of registered files, which saves the
/// kernel the look-up.
struct FileName {
  int number;
  bool registered;
};

/// Completions to wait for beyond the first, so that a turn has more to do; and how long at the
/// most.
struct Company {
  std::uint32_t completions = 1;
  std::uint32_t wait_us = 0;
  std::uint32_t enough = 0xffff'ffff;  ///< if so many are there already, there is no wait at all
};

/// One result, copied out of the completion ring.
struct Completion {
  Tag tag;
  std::int32_t result = 0;  ///< octets, or -errno
  std::uint32_t flags = 0;

  /// The request lives on; without it a multishot request has ended, whatever the result.
  [[nodiscard]] bool more() const noexcept { return (flags & IORING_CQE_F_MORE) != 0; }
  /// The provided buffer that it used.
  [[nodiscard]] std::optional<std::uint16_t> buffer() const noexcept {
    if ((flags & IORING_CQE_F_BUFFER) == 0) return std::nullopt;
    return static_cast<std::uint16_t>(flags >> IORING_CQE_BUFFER_SHIFT);
  }
};

class Ring {
 public:
  /// The ring stays disabled until enable(). An error is one line: cause and remedy.
  [[nodiscard]] static std::expected<std::unique_ptr<Ring>, std::string> open(const RingPlan& plan);
  ~Ring();
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  /// Makes the calling thread the ring's own.
  void enable();
  /// Gives registered files up at once. The last call of the ring's thread; nothing may be in
  /// flight.
  void retire() noexcept;

  /// For other rings' MSG_RING and for register calls that have no wrapper here.
  [[nodiscard]] int fd() const noexcept { return ring_.ring_fd; }
  [[nodiscard]] io_uring& raw() noexcept { return ring_; }

  /// Puts `fd` into the file table; the table keeps the file open. False: errno says why.
  [[nodiscard]] bool register_file(std::uint32_t index, int fd) noexcept;
  /// Puts `fd` into a place of the plan's `places`. The table keeps the file open until vacate().
  /// Empty: none is free. A system call, as vacate() is.
  [[nodiscard]] std::optional<std::uint32_t> take_place(int fd) noexcept;
  void vacate(std::uint32_t place) noexcept;

  // Requests. Each is queued, and submitted by the next submit_and_wait (or when the queue is
  // full). `file` is an index of the file table.

  /// `layout` gives the lengths of name and control data; it must live until submitted.
  void receive_messages(std::uint32_t file, msghdr& layout, std::uint16_t buffer_group,
                        Tag tag) noexcept;
  void receive(std::uint32_t file, std::uint16_t buffer_group, Tag tag) noexcept;
  /// Never waits for room in the socket's buffer, so it is done, and `message` and all it points to
  /// is free again, once unsubmitted() is 0. Only a refusal posts a completion.
  void send_message(std::uint32_t file, const msghdr& message, Tag tag) noexcept;
  void send(std::uint32_t file, std::span<const std::uint8_t> octets, Tag tag) noexcept;
  void poll_readable(int fd, Tag tag) noexcept;

  // Streams, by plain descriptor. Each posts its completion.

  /// New descriptors are close-on-exec and non-blocking.
  void accept(int fd, Tag tag) noexcept;
  /// `address` must live until submitted.
  void connect(int fd, const sockaddr& address, std::uint32_t address_octets, Tag tag) noexcept;
  /// `quiet`: nothing is expected to be there yet, so the kernel waits before it looks.
  void receive_stream(int fd, std::uint16_t buffer_group, bool quiet, Tag tag) noexcept;
  /// Completes when all octets are in the socket's buffer or the stream is broken. They must live
  /// until then; `message` and its iovec until submitted.
  void send_stream(int fd, std::span<const std::uint8_t> octets, Tag tag) noexcept;
  void send_stream_message(int fd, const msghdr& message, Tag tag) noexcept;
  /// The same without waiting for room in the socket's buffer. All octets are sent, and free again,
  /// once settled() and no completion was posted; else one tells how many were, or -EAGAIN.
  void send_stream_now(FileName file, std::span<const std::uint8_t> octets, Tag tag) noexcept;
  void send_stream_message_now(FileName file, const msghdr& message, Tag tag) noexcept;

  void cancel(Tag target, Tag tag) noexcept;
  void cancel_all(Tag tag) noexcept;

  /// Queued and not yet taken by the kernel.
  [[nodiscard]] std::uint32_t unsubmitted() const noexcept { return io_uring_sq_ready(&ring_); }
  /// All that was queued has been taken by the kernel, and all completions have been harvested.
  [[nodiscard]] bool settled() noexcept {
    return unsubmitted() == 0 && io_uring_cq_ready(&ring_) == 0 &&
           !io_uring_cq_has_overflow(&ring_);
  }
  /// Submits without waiting. What the kernel does not take now stays queued.
  void submit() noexcept;
  /// Submits, then waits for a completion, but no longer than `timeout_ns`; empty: for ever. Waits
  /// for company where the kernel can (since Linux 6.12).
  void submit_and_wait(std::optional<std::uint64_t> timeout_ns, Company company = {}) noexcept;

  /// Moves what has completed into `out` and returns how many. Completions that the kernel had to
  /// keep aside are fetched as well, and counted.
  [[nodiscard]] std::size_t harvest(std::span<Completion> out) noexcept;
  /// Times that the completion ring was found overflown.
  [[nodiscard]] std::uint64_t overflows() const noexcept { return overflows_; }

 private:
  Ring() = default;
  [[nodiscard]] io_uring_sqe& next_entry() noexcept;
  [[nodiscard]] int submit_and_wait_for(Company company, __kernel_timespec* timeout) noexcept;
  [[nodiscard]] std::size_t take(std::span<Completion> out) noexcept;

  io_uring ring_{};
  bool open_ = false;
  bool enabled_ = false;
  std::uint64_t overflows_ = 0;
  std::uint32_t next_place_ = 0;  ///< none from here on has been taken
  std::uint32_t end_of_places_ = 0;
  std::vector<std::uint32_t> vacant_;  ///< of those that have
};

}  // namespace sallyport::ring
