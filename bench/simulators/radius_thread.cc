#include "bench/simulators/radius_thread.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include <poll.h>
#include <pthread.h>
#include <sched.h>

#include "protocol/check.h"

namespace sallyport::lab {
namespace {

/// How much longer an answer is held back that others shall overtake.
constexpr std::uint64_t kReorderUs = 2'000;

std::uint64_t monotonic_us() {
  using std::chrono::duration_cast, std::chrono::microseconds, std::chrono::steady_clock;
  return static_cast<std::uint64_t>(
      duration_cast<microseconds>(steady_clock::now().time_since_epoch()).count());
}

}  // namespace

RadiusThread::RadiusThread(ring::FileDescriptor socket, const AnswerTimes& times,
                           const RadiusBehaviour& behaviour, const UserDirectory& users,
                           const radius::HopKey& key, std::uint64_t seed)
    : socket_(std::move(socket)), times_(times), responder_(behaviour, users, key, seed, counts_) {
  for (std::size_t i = 0; i < kBatch; ++i) {
    received_[i].part = {.iov_base = in_[i].data(), .iov_len = in_[i].size()};
    headers_in_[i].msg_hdr.msg_name = &received_[i].peer;
    headers_in_[i].msg_hdr.msg_iov = &received_[i].part;
    headers_in_[i].msg_hdr.msg_iovlen = 1;
    headers_out_[i].msg_hdr.msg_iov = &parts_out_[i];
    headers_out_[i].msg_hdr.msg_iovlen = 1;
  }
}

RadiusThread::~RadiusThread() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  // Wakes whoever waits for datagrams, and lets nobody wait again. It fails on a socket that is not
  // connected, but does that all the same (inet_shutdown, net/ipv4/af_inet.c).
  ::shutdown(socket_.get(), SHUT_RDWR);
  thread_.join();
}

void RadiusThread::start(std::optional<unsigned> cpu) {
  thread_ = std::thread([this, cpu] { run(cpu); });
}

void RadiusThread::run(std::optional<unsigned> cpu) {
  if (cpu) {
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(*cpu, &cpus);
    static_cast<void>(::pthread_setaffinity_np(::pthread_self(), sizeof cpus, &cpus));
  }
  while (!stopping_) {
    if (const auto due_us = late_.next_due_ms()) wait_until(*due_us);
    const std::size_t received = receive();
    responder_.respond(std::span(datagrams_).first(received));
    if (times_.at_once()) {
      send_answers(received);
    } else {
      hold_answers(received);
      send_due();
    }
  }
}

void RadiusThread::wait_until(std::uint64_t due_us) {
  const std::uint64_t now_us = monotonic_us();
  const std::uint64_t wait_us = due_us > now_us ? due_us - now_us : 0;
  const timespec timeout = {.tv_sec = static_cast<time_t>(wait_us / 1'000'000),
                            .tv_nsec = static_cast<long>(wait_us % 1'000'000 * 1'000)};
  pollfd watched = {.fd = socket_.get(), .events = POLLIN, .revents = 0};
  static_cast<void>(::ppoll(&watched, 1, &timeout, nullptr));  // a failed wait: we look too early
}

std::size_t RadiusThread::receive() {
  for (mmsghdr& header : headers_in_) header.msg_hdr.msg_namelen = sizeof(sockaddr_storage);
  // Without late answers it may wait for the first datagram; never for a second.
  const int flags = late_.next_due_ms() ? MSG_DONTWAIT : MSG_WAITFORONE;
  const int count = ::recvmmsg(socket_.get(), headers_in_.data(), kBatch, flags, nullptr);
  if (count < 0 || stopping_) return 0;
  const auto received = static_cast<std::size_t>(count);
  for (std::size_t i = 0; i < received; ++i)
    datagrams_[i] = Octets(in_[i]).first(headers_in_[i].msg_len);
  return received;
}

void RadiusThread::send_answers(std::size_t received) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < received; ++i) {
    const Octets answer = responder_.answer(i);
    if (answer.empty()) continue;
    parts_out_[count] = {.iov_base = const_cast<std::uint8_t*>(answer.data()),
                         .iov_len = answer.size()};
    headers_out_[count].msg_hdr.msg_name = &received_[i].peer;
    headers_out_[count].msg_hdr.msg_namelen = headers_in_[i].msg_hdr.msg_namelen;
    ++count;
  }
  send(count);
}

void RadiusThread::hold_answers(std::size_t received) {
  const std::uint64_t now_us = monotonic_us();
  for (std::size_t i = 0; i < received; ++i) {
    const Octets answer = responder_.answer(i);
    if (answer.empty()) continue;
    const std::uint64_t low_ms = times_.delay_ms - std::min(times_.delay_ms, times_.jitter_ms);
    const std::uint64_t span_us = (times_.delay_ms + times_.jitter_ms - low_ms) * 1'000;
    std::uint64_t due_us = now_us + low_ms * 1'000;
    if (span_us > 0) due_us += responder_.random().next() % (span_us + 1);
    if (responder_.happens(times_.reorder)) {
      counts_.add(RadiusCount::held_back);
      due_us += kReorderUs;
    }
    late_.add(due_us, {.peer = received_[i].peer,
                       .peer_octets = headers_in_[i].msg_hdr.msg_namelen,
                       .octets = {answer.begin(), answer.end()}});
  }
}

void RadiusThread::send_due() {
  const std::uint64_t now_us = monotonic_us();
  std::vector<LateAnswer> due;
  due.reserve(kBatch);
  do {
    due.clear();
    while (due.size() < kBatch) {
      auto answer = late_.take_due(now_us);
      if (!answer) break;
      due.push_back(std::move(*answer));
    }
    for (std::size_t i = 0; i < due.size(); ++i) {
      parts_out_[i] = {.iov_base = due[i].octets.data(), .iov_len = due[i].octets.size()};
      headers_out_[i].msg_hdr.msg_name = &due[i].peer;
      headers_out_[i].msg_hdr.msg_namelen = due[i].peer_octets;
    }
    send(due.size());
  } while (due.size() == kBatch);
}

void RadiusThread::send(std::size_t count) {
  std::size_t sent = 0;
  while (sent < count) {
    const int result = ::sendmmsg(socket_.get(), headers_out_.data() + sent,
                                  static_cast<unsigned>(count - sent), 0);
    if (result > 0) {
      sent += static_cast<std::size_t>(result);
    } else if (errno != EINTR) {
      // The kernel refuses the first of them: RADIUS clients ask again.
      counts_.add(RadiusCount::send_errors);
      ++sent;
    }
  }
}

}  // namespace sallyport::lab
