#include "bench/relay/relay_thread.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>

#include "engine/limits.h"
#include "protocol/check.h"

namespace sallyport::lab {
namespace {

constexpr std::uint16_t kBufferGroup = 0;
constexpr std::uint32_t kListener = 0;  ///< file; the source ports are the files after it
/// io_uring_recvmsg_out, then the name, then (no control data was asked for) the payload.
constexpr std::size_t kNameAt = sizeof(io_uring_recvmsg_out);
constexpr std::size_t kNameOctets = sizeof(sockaddr_in6);
constexpr std::size_t kPayloadAt = kNameAt + kNameOctets;

std::string system_error(const char* what) {
  return std::string(what) + ": " + std::generic_category().message(errno);
}

void count(std::atomic<std::uint64_t>& counter) noexcept {
  // One writer: no read-modify-write is needed.
  counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

}  // namespace

RelayThread::RelayThread(std::uint32_t ports) : ports_(ports) { layout_.msg_namelen = kNameOctets; }

RelayThread::~RelayThread() { stop(); }

std::expected<std::unique_ptr<RelayThread>, std::string> RelayThread::open(
    const ring::FileDescriptor& listener, const std::vector<ring::FileDescriptor>& downstream) {
  std::unique_ptr<RelayThread> relay(
      new RelayThread(static_cast<std::uint32_t>(downstream.size())));
  if (const auto built = relay->build(listener, downstream); !built)
    return std::unexpected(built.error());
  return relay;
}

std::expected<void, std::string> RelayThread::build(
    const ring::FileDescriptor& listener, const std::vector<ring::FileDescriptor>& downstream) {
  const auto files = static_cast<std::uint32_t>(1 + downstream.size());
  auto ring = ring::Ring::open({.submission_entries = limits::kSubmissionEntries,
                                .completion_entries = limits::kCompletionEntries,
                                .files = files});
  if (!ring) return std::unexpected(ring.error());
  ring_ = std::move(*ring);
  auto buffers = ring::ReceiveBuffers::open(*ring_, kBufferGroup, limits::kReceiveBuffers,
                                            limits::kReceiveBufferOctets);
  if (!buffers) return std::unexpected(buffers.error());
  buffers_ = std::move(*buffers);
  stop_event_ = ring::FileDescriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop_event_.valid()) return std::unexpected(system_error("cannot create an eventfd"));
  for (std::uint32_t file = 0; file < files; ++file) {
    const int fd = file == kListener ? listener.get() : downstream[file - 1].get();
    if (!ring_->register_file(file, fd))
      return std::unexpected(system_error("cannot register a socket with io_uring"));
    to_arm_.push_back(file);
  }
  completions_.resize(limits::kCompletionEntries);
  outgoing_.resize(limits::kReceiveBuffers);
  arrivals_.reserve(limits::kReceiveBuffers);
  queued_.reserve(limits::kReceiveBuffers);
  return {};
}

void RelayThread::start(std::optional<unsigned> cpu) {
  thread_ = std::thread([this, cpu] { run(cpu); });
}

void RelayThread::stop() {
  if (!thread_.joinable()) return;
  const std::uint64_t one = 1;
  CHECK(::write(stop_event_.get(), &one, sizeof one) == sizeof one);
  thread_.join();
}

void RelayThread::run(std::optional<unsigned> cpu) {
  // As in the daemon's shard: one system call submits what the turn before has queued and waits;
  // buffers go back before receives are armed again. But they go back a turn later, when the kernel
  // has taken the octets out of them.
  if (cpu) {
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(*cpu, &cpus);
    static_cast<void>(::pthread_setaffinity_np(::pthread_self(), sizeof cpus, &cpus));
  }
  ring_->enable();
  ring_->poll_readable(stop_event_.get(), {.operation = ring::Operation::wake_event});
  ++in_flight_;
  arm_receivers();
  while (!stopping_) {
    ring_->submit_and_wait(std::nullopt);
    give_back_sent();
    collect();
    for (const Arrival& arrival : arrivals_) relay(arrival);
    arrivals_.clear();
    arm_receivers();
    count(counts_.turns);
  }
  come_home();
}

void RelayThread::give_back_sent() noexcept {
  if (ring_->unsubmitted() > 0) return;  // sends are done when they are submitted (Ring::send)
  for (const std::uint16_t buffer : queued_) buffers_->give_back(buffer);
  queued_.clear();
  buffers_->publish();
}

void RelayThread::collect() noexcept {
  const std::size_t harvested = ring_->harvest(completions_);
  for (const ring::Completion& completion : std::span(completions_).first(harvested)) {
    switch (completion.tag.operation) {
      case ring::Operation::receive_message:
      case ring::Operation::receive: receive_completed(completion); break;
      case ring::Operation::send: count(counts_.send_errors); break;
      case ring::Operation::wake_event:
        stopping_ = true;
        if (!completion.more()) --in_flight_;
        break;
      case ring::Operation::cancel: --in_flight_; break;
      default: CHECK(!"a completion of what was never asked for");
    }
  }
}

void RelayThread::receive_completed(const ring::Completion& completion) noexcept {
  if (const auto buffer = completion.buffer()) {
    const auto octets = static_cast<std::size_t>(std::max(completion.result, 0));
    arrivals_.push_back({completion.tag.index, *buffer, buffers_->take(*buffer, octets)});
  }
  if (completion.more()) return;
  --in_flight_;
  const int error = completion.result < 0 ? -completion.result : 0;
  CHECK(error != EBADF && error != EFAULT && error != EINVAL && error != ENOTSOCK);
  if (error == ENOBUFS) count(counts_.starved);
  to_arm_.push_back(completion.tag.index);
}

void RelayThread::relay(const Arrival& arrival) noexcept {
  queued_.push_back(arrival.buffer);
  if (arrival.file == kListener) {
    send_request(arrival);
  } else {
    send_reply(arrival);
  }
}

void RelayThread::send_request(const Arrival& arrival) noexcept {
  io_uring_recvmsg_out head;
  if (arrival.octets.size() <= kPayloadAt) return;  // an empty datagram
  std::memcpy(&head, arrival.octets.data(), sizeof head);
  CHECK(head.namelen <= kNameOctets);
  const std::uint32_t port = ports_.port_of(arrival.octets.subspan(kNameAt, head.namelen));
  ring_->send(1 + port, arrival.octets.subspan(kPayloadAt),
              {.operation = ring::Operation::send, .index = arrival.buffer});
  count(counts_.requests);
  counts_.taken_over.store(ports_.taken_over(), std::memory_order_relaxed);
}

void RelayThread::send_reply(const Arrival& arrival) noexcept {
  const SocketName* const client = ports_.client_of(arrival.file - 1);
  if (client == nullptr) return count(counts_.strays);
  Outgoing& out = outgoing_[arrival.buffer];
  out.to = *client;
  out.part = {.iov_base = const_cast<std::uint8_t*>(arrival.octets.data()),
              .iov_len = arrival.octets.size()};
  out.message = {};
  out.message.msg_name = &out.to.address;
  out.message.msg_namelen = out.to.octets;
  out.message.msg_iov = &out.part;
  out.message.msg_iovlen = 1;
  ring_->send_message(kListener, out.message,
                      {.operation = ring::Operation::send, .index = arrival.buffer});
  count(counts_.replies);
}

void RelayThread::arm_receivers() noexcept {
  for (const std::uint32_t file : to_arm_) {
    if (file == kListener) {
      ring_->receive_messages(file, layout_, kBufferGroup,
                              {.operation = ring::Operation::receive_message, .index = file});
    } else {
      ring_->receive(file, kBufferGroup, {.operation = ring::Operation::receive, .index = file});
    }
    ++in_flight_;
  }
  to_arm_.clear();
}

void RelayThread::come_home() noexcept {
  // A cancel can miss a receive that is just being run again, so it is repeated until all have
  // ended.
  while (in_flight_ > 0) {
    ring_->cancel_all({.operation = ring::Operation::cancel});
    ++in_flight_;
    ring_->submit_and_wait(std::nullopt);
    collect();
    to_arm_.clear();
    for (const Arrival& arrival : arrivals_) queued_.push_back(arrival.buffer);
    arrivals_.clear();
    give_back_sent();
  }
  CHECK(buffers_->out() == 0 && ring_->unsubmitted() == 0);
  ring_->retire();
}

}  // namespace sallyport::lab
