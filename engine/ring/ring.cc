#include "engine/ring/ring.h"

#include <cerrno>
#include <csignal>
#include <cstdint>

#include <poll.h>
#include <sys/socket.h>

#include "engine/ring/refusal.h"
#include "protocol/check.h"

namespace sallyport::ring {
namespace {

// R_DISABLED: built on the main thread, owned by the thread that enables it. SUBMIT_ALL: a bad
// entry gets its own completion and does not hold up the rest of the batch.
constexpr unsigned kSetupFlags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                                 IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
                                 IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE |
                                 IORING_SETUP_R_DISABLED;

/// IORING_FEAT_MIN_TIMEOUT, which liburing 2.3's header does not know.
constexpr std::uint32_t kFeatureMinTimeout = std::uint32_t{1} << 15;

/// What to do after io_uring_enter has failed.
enum class EnterOutcome : std::uint8_t {
  turn,   ///< go on with this turn; what is queued goes with the next one
  reap,   ///< the kernel wants its completions fetched before it takes more
  broken  ///< our mistake, or the kernel's
};

EnterOutcome judge_enter(int error) noexcept {
  switch (error) {
    case EINTR:  // a signal came
    case ETIME:  // the deadline came
      return EnterOutcome::turn;
    case EAGAIN:  // no memory for a request just now
    case EBUSY:   // completions are waiting outside the ring, which was full
      return EnterOutcome::reap;
    case EBADR:  // completions were lost: no memory to keep them while the ring was full. Receives
                 // and accounting cannot be trusted any more.
    case EBADF:  // the rest are calls that this code never makes
    case EBADFD:
    case EEXIST:
    case EFAULT:
    case EINVAL:
    case ENXIO:
    case EOPNOTSUPP:
    default: return EnterOutcome::broken;
  }
}

}  // namespace

std::expected<std::unique_ptr<Ring>, std::string> Ring::open(const RingPlan& plan) {
  std::unique_ptr<Ring> ring(new Ring);
  io_uring_params parameters{};
  parameters.flags = kSetupFlags;
  parameters.cq_entries = plan.completion_entries;
  int result = io_uring_queue_init_params(plan.submission_entries, &ring->ring_, &parameters);
  if (result < 0) return std::unexpected(explain_ring_refusal_here(-result));
  ring->open_ = true;
  ring->next_place_ = ring->end_of_places_ = plan.files;
  result = io_uring_register_files_sparse(&ring->ring_, plan.files + plan.places);
  if (result >= 0) {
    ring->end_of_places_ += plan.places;
  } else if (plan.places > 0) {
    result = io_uring_register_files_sparse(&ring->ring_, plan.files);
  }
  if (result < 0) return std::unexpected(explain_ring_refusal_here(-result));
  return ring;
}

Ring::~Ring() {
  if (!open_) return;
  if (!enabled_) static_cast<void>(io_uring_unregister_files(&ring_));  // retire() tells why
  io_uring_queue_exit(&ring_);
}

void Ring::enable() {
  // liburing 2.3 declares io_uring_enable_rings but does not export it; this is all that it does.
  const auto ring_fd = static_cast<unsigned>(ring_.ring_fd);
  CHECK(io_uring_register(ring_fd, IORING_REGISTER_ENABLE_RINGS, nullptr, 0) == 0);
  enabled_ = true;
  // Saves the look-up of the ring's descriptor in every enter; the ring works without it.
  static_cast<void>(io_uring_register_ring_fd(&ring_));
}

void Ring::retire() noexcept {
  // The kernel tears a ring down some time after its descriptor closes. Waiting for that would keep
  // our ports bound, and a restart would find them in use.
  CHECK(io_uring_unregister_files(&ring_) == 0);
  static_cast<void>(io_uring_unregister_ring_fd(&ring_));
}

bool Ring::register_file(std::uint32_t index, int fd) noexcept {
  const int result = io_uring_register_files_update(&ring_, index, &fd, 1);
  if (result < 0) errno = -result;
  return result == 1;
}

std::optional<std::uint32_t> Ring::take_place(int fd) noexcept {
  if (vacant_.empty() && next_place_ == end_of_places_) return std::nullopt;
  const std::uint32_t place = vacant_.empty() ? next_place_ : vacant_.back();
  if (!register_file(place, fd)) return std::nullopt;
  if (vacant_.empty()) {
    ++next_place_;
  } else {
    vacant_.pop_back();
  }
  return place;
}

void Ring::vacate(std::uint32_t place) noexcept {
  CHECK(register_file(place, -1));
  vacant_.push_back(place);
}

io_uring_sqe& Ring::next_entry() noexcept {
  io_uring_sqe* entry = io_uring_get_sqe(&ring_);
  if (entry == nullptr) {
    submit();
    entry = io_uring_get_sqe(&ring_);
  }
  CHECK(entry != nullptr);  // submit takes entries unless memory is gone: no request can be made
  return *entry;
}

void Ring::receive_messages(std::uint32_t file, msghdr& layout, std::uint16_t buffer_group,
                            Tag tag) noexcept {
  io_uring_sqe& entry = next_entry();
  io_uring_prep_recvmsg_multishot(&entry, static_cast<int>(file), &layout, 0);
  entry.flags |= IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
  entry.buf_group = buffer_group;
  entry.user_data = tag.pack();
}

void Ring::receive(std::uint32_t file, std::uint16_t buffer_group, Tag tag) noexcept {
  io_uring_sqe& entry = next_entry();
  io_uring_prep_recv_multishot(&entry, static_cast<int>(file), nullptr, 0, 0);
  entry.flags |= IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
  entry.buf_group = buffer_group;
  entry.user_data = tag.pack();
}

// Both sends: with MSG_DONTWAIT a request is never parked and never handed to a worker thread
// (REQ_F_NOWAIT, io_uring/net.c), so the socket has copied the octets, or refused, when the kernel
// has taken the entry. That is why success needs no completion.
void Ring::send_message(std::uint32_t file, const msghdr& message, Tag tag) noexcept {
  io_uring_sqe& entry = next_entry();
  io_uring_prep_sendmsg(&entry, static_cast<int>(file), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  entry.flags |= IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
  entry.user_data = tag.pack();
}

void Ring::send(std::uint32_t file, std::span<const std::uint8_t> octets, Tag tag) noexcept {
  io_uring_sqe& entry = next_entry();
  io_uring_prep_send(&entry, static_cast<int>(file), octets.data(), octets.size(),
                     MSG_DONTWAIT | MSG_NOSIGNAL);
  entry.flags |= IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
  entry.user_data = tag.pack();
}

void Ring::poll_readable(int fd, Tag tag) noexcept {
  io_uring_sqe& entry = next_entry();
  io_uring_prep_poll_multishot(&entry, fd, POLLIN);
  entry.user_data = tag.pack();
}

void Ring::accept(int fd, Tag tag) noexcept {
  io_uring_sqe& entry = next_entry();
  io_uring_prep_multishot_accept(&entry, fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  entry.user_data = tag.pack();
}

void Ring::connect(int fd, const sockaddr& address, std::uint32_t address_octets,
                   Tag tag) noexcept {
  io_uring_sqe& entry = next_entry();
  io_uring_prep_connect(&entry, fd, &address, address_octets);
  entry.user_data = tag.pack();
}

void Ring::receive_stream(int fd, std::uint16_t buffer_group, bool quiet, Tag tag) noexcept {
  io_uring_sqe& entry = next_entry();
  io_uring_prep_recv_multishot(&entry, fd, nullptr, 0, 0);
  if (quiet) entry.ioprio |= IORING_RECVSEND_POLL_FIRST;
  entry.flags |= IOSQE_BUFFER_SELECT;
  entry.buf_group = buffer_group;
  entry.user_data = tag.pack();
}

// Both sends: with MSG_WAITALL the kernel goes on by itself after a short send, since 5.19.
void Ring::send_stream(int fd, std::span<const std::uint8_t> octets, Tag tag) noexcept {
  io_uring_sqe& entry = next_entry();
  io_uring_prep_send(&entry, fd, octets.data(), octets.size(), MSG_NOSIGNAL | MSG_WAITALL);
  entry.user_data = tag.pack();
}

void Ring::send_stream_message(int fd, const msghdr& message, Tag tag) noexcept {
  io_uring_sqe& entry = next_entry();
  io_uring_prep_sendmsg(&entry, fd, &message, MSG_NOSIGNAL | MSG_WAITALL);
  entry.user_data = tag.pack();
}

// These are not parked: MSG_DONTWAIT fails the request where the one above waits, as it does for
// datagrams. With MSG_WAITALL a short send is a failure too, which posts its completion (io_send,
// io_req_defer_failed: before the submission returns).
void Ring::send_stream_now(FileName file, std::span<const std::uint8_t> octets, Tag tag) noexcept {
  io_uring_sqe& entry = next_entry();
  io_uring_prep_send(&entry, file.number, octets.data(), octets.size(),
                     MSG_NOSIGNAL | MSG_WAITALL | MSG_DONTWAIT);
  entry.flags |= IOSQE_CQE_SKIP_SUCCESS | (file.registered ? IOSQE_FIXED_FILE : 0);
  entry.user_data = tag.pack();
}

void Ring::send_stream_message_now(FileName file, const msghdr& message, Tag tag) noexcept {
  io_uring_sqe& entry = next_entry();
  io_uring_prep_sendmsg(&entry, file.number, &message, MSG_NOSIGNAL | MSG_WAITALL | MSG_DONTWAIT);
  entry.flags |= IOSQE_CQE_SKIP_SUCCESS | (file.registered ? IOSQE_FIXED_FILE : 0);
  entry.user_data = tag.pack();
}

void Ring::cancel(Tag target, Tag tag) noexcept {
  io_uring_sqe& entry = next_entry();
  io_uring_prep_cancel64(&entry, target.pack(), 0);
  entry.user_data = tag.pack();
}

void Ring::cancel_all(Tag tag) noexcept {
  io_uring_sqe& entry = next_entry();
  io_uring_prep_cancel64(&entry, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
  entry.user_data = tag.pack();
}

void Ring::submit() noexcept {
  // The kernel may take a part only; a few rounds, then the rest stays queued for the next turn.
  for (int round = 0; round < 4 && unsubmitted() > 0; ++round) {
    const int result = io_uring_submit(&ring_);
    if (result >= 0) continue;
    switch (judge_enter(-result)) {
      case EnterOutcome::turn: break;
      case EnterOutcome::reap: static_cast<void>(io_uring_get_events(&ring_)); break;
      case EnterOutcome::broken: CHECK(!"io_uring_submit failed");
    }
  }
}

/// What io_uring_submit_and_wait_min_timeout does, which liburing has since 2.8.
int Ring::submit_and_wait_for(Company company, __kernel_timespec* timeout) noexcept {
  io_uring_sq& queue = ring_.sq;
  std::uint32_t tail = *queue.ktail;
  for (; queue.sqe_head != queue.sqe_tail; ++queue.sqe_head) {
    queue.array[tail++ & queue.ring_mask] = queue.sqe_head & queue.ring_mask;
  }
  io_uring_smp_store_release(queue.ktail, tail);
  io_uring_getevents_arg argument{};
  argument.sigmask_sz = _NSIG / 8;
  argument.pad = company.wait_us;  // min_wait_usec in later headers
  argument.ts = reinterpret_cast<std::uintptr_t>(timeout);
  unsigned flags = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG;
  if (ring_.enter_ring_fd != ring_.ring_fd) flags |= IORING_ENTER_REGISTERED_RING;
  return io_uring_enter2(static_cast<unsigned>(ring_.enter_ring_fd), tail - *queue.khead,
                         company.completions, flags, reinterpret_cast<sigset_t*>(&argument),
                         sizeof(argument));
}

void Ring::submit_and_wait(std::optional<std::uint64_t> timeout_ns, Company company) noexcept {
  __kernel_timespec timeout{};
  if (timeout_ns) {
    timeout.tv_sec = static_cast<std::int64_t>(*timeout_ns / 1'000'000'000);
    timeout.tv_nsec = static_cast<std::int64_t>(*timeout_ns % 1'000'000'000);
  }
  __kernel_timespec* const until = timeout_ns ? &timeout : nullptr;
  const bool for_company =
      company.completions > 1 && company.wait_us > 0 && (ring_.features & kFeatureMinTimeout) != 0;
  if (for_company && company.enough <= company.completions) {
    // If that fails, so does what follows, which judges it.
    static_cast<void>(io_uring_submit_and_get_events(&ring_));
    if (io_uring_cq_ready(&ring_) >= company.enough) return;
  }
  io_uring_cqe* first = nullptr;
  const int result = for_company
                         ? submit_and_wait_for(company, until)
                         : io_uring_submit_and_wait_timeout(&ring_, &first, 1, until, nullptr);
  if (result >= 0) return;
  switch (judge_enter(-result)) {
    case EnterOutcome::turn: break;
    case EnterOutcome::reap: static_cast<void>(io_uring_get_events(&ring_)); break;
    case EnterOutcome::broken: CHECK(!"io_uring_enter failed");
  }
}

std::size_t Ring::take(std::span<Completion> out) noexcept {
  std::size_t count = 0;
  unsigned head = 0;
  io_uring_cqe* cqe = nullptr;
  io_uring_for_each_cqe(&ring_, head, cqe) {
    if (count == out.size()) break;
    out[count++] = {.tag = Tag::unpack(cqe->user_data), .result = cqe->res, .flags = cqe->flags};
  }
  io_uring_cq_advance(&ring_, static_cast<unsigned>(count));
  return count;
}

std::size_t Ring::harvest(std::span<Completion> out) noexcept {
  std::size_t count = take(out);
  if (io_uring_cq_has_overflow(&ring_)) {
    // The ring was full and the kernel queued the rest (IORING_FEAT_NODROP). There is room now.
    ++overflows_;
    static_cast<void>(io_uring_get_events(&ring_));
    count += take(out.subspan(count));
  }
  return count;
}

}  // namespace sallyport::ring
