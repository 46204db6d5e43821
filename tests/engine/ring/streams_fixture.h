#pragma once
// Streams on a ring of the test's own thread, with real sockets on loopback. The test takes the
// owner's part: it runs turns until what it waits for has happened.

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "engine/ring/file_descriptor.h"
#include "engine/ring/streams.h"

namespace sallyport::ring {

inline constexpr auto kPatience = std::chrono::seconds(20);

/// A listening TCP socket on loopback, with a port of the kernel's choice.
inline FileDescriptor listening_socket(int backlog = 512) {
  FileDescriptor fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_EQ(::listen(fd.get(), backlog), 0);
  return fd;
}

inline Endpoint endpoint_of(const FileDescriptor& fd) {
  sockaddr_storage address{};
  socklen_t octets = sizeof(address);
  ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &octets);
  return Endpoint::from(reinterpret_cast<sockaddr*>(&address));
}

/// A peer that knows nothing of rings: a blocking socket.
inline FileDescriptor plain_client(const Endpoint& to) {
  FileDescriptor fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_storage address{};
  const std::uint32_t octets = to.fill(address);
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), octets), 0);
  return fd;
}

inline void send_plain(const FileDescriptor& fd, std::string_view text) {
  ASSERT_EQ(::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(text.size()));
}

/// What a blocking peer receives next; "end" at the end, "reset" after a reset.
inline std::string receive_plain(const FileDescriptor& fd, std::size_t most = 65'536) {
  std::string text(most, '\0');
  pollfd ready{.fd = fd.get(), .events = POLLIN, .revents = 0};
  if (::poll(&ready, 1, 20'000) != 1) return "nothing came";
  const ssize_t octets = ::recv(fd.get(), text.data(), text.size(), 0);
  if (octets < 0) return errno == ECONNRESET ? "reset" : "error";
  if (octets == 0) return "end";
  text.resize(static_cast<std::size_t>(octets));
  return text;
}

class StreamsTest : public ::testing::Test {
 protected:
  void open(const BufferPlan& buffers = {}, const StreamsPlan& plan = {},
            std::uint32_t submission_entries = 64) {
    auto ring = Ring::open({.submission_entries = submission_entries,
                            .completion_entries = 1024,
                            .files = 1,
                            .places = 1});
    ASSERT_TRUE(ring) << ring.error();
    ring_ = std::move(*ring);
    auto pool = BufferPool::open(*ring_, buffers);
    ASSERT_TRUE(pool) << pool.error();
    buffers_ = std::move(*pool);
    ring_->enable();
    streams_ = std::make_unique<Streams>(*ring_, *buffers_, plan);
    listening_ = listening_socket();
    streams_->listen(7, listening_.get());
    turn(0);
  }

  /// All that a test leaves must come home, its buffers too.
  void TearDown() override {
    if (!streams_) return;
    go_home();
    streams_.reset();
    ring_.reset();
    buffers_.reset();
  }

  void go_home() {
    for (Slice& slice : kept_) buffers_->release(slice);
    kept_.clear();
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    streams_->shut_down();
    while (streams_->in_flight() > 0 && std::chrono::steady_clock::now() < deadline) {
      streams_->shut_down();
      wait(50);
    }
    EXPECT_EQ(streams_->in_flight(), 0u);
    EXPECT_EQ(streams_->open(), 0u);
    EXPECT_EQ(buffers_->in_use(), 0u);
  }

  /// One turn of a shard: submit, collect, and hand each event to `act`.
  void turn(std::uint64_t wait_ms = 50) {
    streams_->flush();
    wait(wait_ms);
    StreamEvent event;
    while (streams_->next_event(event)) {
      events_.push_back(event);
      if (act) act(event);
    }
  }

  /// Runs turns until `done`; false: it does not come.
  [[nodiscard]] bool run_until(const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (!done()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      turn();
    }
    return true;
  }

  [[nodiscard]] std::size_t count(StreamEventKind kind) const {
    return static_cast<std::size_t>(
        std::ranges::count(events_, kind, [](const StreamEvent& event) { return event.kind; }));
  }
  [[nodiscard]] std::size_t count(StreamEventKind kind, StreamId stream) const {
    return static_cast<std::size_t>(std::ranges::count_if(events_, [&](const StreamEvent& event) {
      return event.kind == kind && event.stream == stream;
    }));
  }
  /// Waits for the next event of this kind and returns it.
  StreamEvent await(StreamEventKind kind) {
    const std::size_t before = count(kind);
    EXPECT_TRUE(run_until([&] { return count(kind) > before; }))
        << "no event " << static_cast<int>(kind);
    for (auto event = events_.rbegin(); event != events_.rend(); ++event) {
      if (event->kind == kind) return *event;
    }
    return events_.empty() ? StreamEvent{} : events_.back();
  }

  /// All that has been received on it, consumed.
  std::string read_all(StreamId stream) {
    std::string text;
    while (!streams_->received(stream).empty()) {
      const Octets octets = streams_->received(stream);
      text += as_text(octets);
      streams_->consume(stream, octets.size());
    }
    return text;
  }
  /// Consumes until so many octets have come.
  std::string read_exactly(StreamId stream, std::size_t octets) {
    std::string text;
    EXPECT_TRUE(run_until([&] {
      text += read_all(stream);
      return text.size() >= octets;
    })) << "only "
        << text.size();
    return text;
  }

  /// A stream that was accepted from a plain client.
  struct Pair {
    FileDescriptor client;
    StreamId server;
  };
  Pair accept_plain() {
    FileDescriptor client = plain_client(endpoint_of(listening_));
    return {std::move(client), await(StreamEventKind::accepted).stream};
  }
  /// Two of our streams that are each other's peers.
  struct Both {
    StreamId client;
    StreamId server;
  };
  Both connect_both() {
    const StreamId client = streams_->connect(endpoint_of(listening_), 1, nullptr, {});
    EXPECT_TRUE(client.valid());
    StreamId server;
    EXPECT_TRUE(run_until([&] {
      for (const StreamEvent& event : events_) {
        if (event.kind == StreamEventKind::accepted &&
            streams_->peer(event.stream) == streams_->local(client)) {
          server = event.stream;
        }
      }
      return server.valid() && count(StreamEventKind::connected, client) == 1;
    }));
    return {client, server};
  }

  std::unique_ptr<BufferPool> buffers_;
  std::unique_ptr<Ring> ring_;
  std::unique_ptr<Streams> streams_;
  FileDescriptor listening_;
  std::vector<StreamEvent> events_;
  std::vector<Slice> kept_;  ///< released at the end
  std::function<void(const StreamEvent&)> act;
  std::uint64_t skipped_ms_ = 0;  ///< the clock that streams see is ahead by so much

 private:
  void wait(std::uint64_t wait_ms) {
    ring_->submit_and_wait(wait_ms * 1'000'000);
    const std::size_t harvested = ring_->harvest(completions_);
    for (std::size_t at = 0; at < harvested; ++at) {
      streams_->completed(completions_[at]);
    }
    const auto since_start = std::chrono::steady_clock::now().time_since_epoch();
    streams_->tick(static_cast<std::uint64_t>(
                       std::chrono::duration_cast<std::chrono::milliseconds>(since_start).count()) +
                   skipped_ms_);
  }

  std::array<Completion, 1024> completions_;
};

}  // namespace sallyport::ring
