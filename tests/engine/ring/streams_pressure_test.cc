#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/engine/ring/streams_fixture.h"

namespace sallyport::ring {
namespace {

using enum StreamEventKind;

TEST_F(StreamsTest, CarriesMegabytesInBoundedMemory) {
  open();
  // A proxy: what arrives on `entry` is passed on to `exit` without a copy, and held back while the
  // sink behind it is slow.
  const Both front = connect_both();
  const Both back = connect_both();
  const StreamId entry = front.server;
  const StreamId exit = back.client;
  const StreamId sink = back.server;
  constexpr std::size_t kTotal = 10'000'000;
  std::size_t sent = 0;
  std::size_t arrived = 0;
  std::size_t pauses = 0;
  std::uint32_t most_in_use = 0;
  bool right = true;
  std::string block(50'000, '\0');
  ASSERT_TRUE(run_until([&] {
    while (sent < kTotal && streams_->writable(front.client)) {
      for (std::size_t at = 0; at < block.size(); ++at) {
        block[at] = static_cast<char>((sent + at) % 251);
      }
      streams_->send(front.client, as_octets(block));
      sent += block.size();
    }
    while (streams_->writable(exit) && !streams_->received(entry).empty()) {
      streams_->send(exit, streams_->take(entry, streams_->received(entry).size()));
    }
    if (streams_->writable(exit)) {
      streams_->resume(entry);
    } else {
      streams_->pause(entry);
    }
    // The sink takes nothing for nine turns, then all.
    if (++pauses % 10 == 0) {
      for (const char octet : read_all(sink)) {
        right &= octet == static_cast<char>(arrived++ % 251);
      }
      streams_->resume(sink);
    } else {
      streams_->pause(sink);
    }
    most_in_use = std::max(most_in_use, buffers_->in_use());
    return arrived >= kTotal;
  })) << arrived;
  EXPECT_TRUE(right);
  EXPECT_EQ(arrived, kTotal);
  // Two send queues, and what one turn brings between a pause and its cancel.
  EXPECT_LT(most_in_use, 1000u);
}

TEST_F(StreamsTest, KeepsOrderOverPauseAndResume) {
  open();
  const Pair pair = accept_plain();
  std::string sent;
  std::string got;
  for (int round = 0; round < 50; ++round) {
    const std::string text = "round " + std::to_string(round) + ";";
    sent += text;
    if (round % 3 == 1) streams_->pause(pair.server);
    send_plain(pair.client, text);
    turn(0);
    if (round % 3 == 2) streams_->resume(pair.server);
    got += read_all(pair.server);
  }
  streams_->resume(pair.server);
  got += read_exactly(pair.server, sent.size() - got.size());
  EXPECT_EQ(got, sent);
}

TEST_F(StreamsTest, BringsNothingWhilePaused) {
  open();
  const Pair pair = accept_plain();
  streams_->pause(pair.server);
  const Pair other = accept_plain();  // by now the receive has been cancelled
  send_plain(pair.client, "held back");
  send_plain(other.client, "let through");
  EXPECT_EQ(read_exactly(other.server, 11), "let through");
  EXPECT_EQ(streams_->received_total(pair.server), 0u);
  streams_->resume(pair.server);
  EXPECT_EQ(read_exactly(pair.server, 9), "held back");
}

TEST_F(StreamsTest, ReceivesAgainWhenBuffersAreBack) {
  open({.octets_each = 4096, .lent = 8, .most = 16});
  std::vector<Pair> pairs;
  for (int pair = 0; pair < 40; ++pair) pairs.push_back(accept_plain());
  // Keeps all that arrives until nothing does.
  act = [&](const StreamEvent& event) {
    if (event.kind != received) return;
    kept_.push_back(streams_->take(event.stream, streams_->received(event.stream).size()));
  };
  for (const Pair& pair : pairs) send_plain(pair.client, "waiting");
  ASSERT_TRUE(run_until([&] { return kept_.size() >= 14; })) << kept_.size();
  turn();
  EXPECT_LT(kept_.size(), pairs.size());
  ASSERT_TRUE(run_until([&] {
    for (const Slice& slice : kept_) buffers_->release(slice);
    kept_.clear();
    return count(received) == pairs.size();
  })) << count(received);
  EXPECT_EQ(count(failed), 0u);
}

TEST_F(StreamsTest, CutsOffWhoHoldsMostWhenBuffersAreGone) {
  open({.octets_each = 4096, .lent = 8, .most = 64}, {.send_limit_octets = 1 << 20});
  const Pair greedy = accept_plain();
  std::vector<Pair> modest;
  for (int pair = 0; pair < 12; ++pair) modest.push_back(accept_plain());
  const std::string much(8 * 4096, 'x');  // which its peer does not read
  ASSERT_TRUE(run_until([&] {
    if (streams_->unsent(greedy.server) < 32 * 4096) {
      streams_->send(greedy.server, as_octets(much));
    }
    return buffers_->in_use() > 30;
  }));
  for (Slice slice = buffers_->allocate(); slice.buffer != Slice::kNone;
       slice = buffers_->allocate()) {
    kept_.push_back(slice);
  }
  for (const Pair& pair : modest) send_plain(pair.client, "only this");
  const StreamEvent event = await(failed);
  EXPECT_EQ(event.stream, greedy.server);
  EXPECT_EQ(event.error, StreamError::no_buffers);
  for (const Pair& pair : modest) EXPECT_EQ(read_exactly(pair.server, 9), "only this");
}

TEST_F(StreamsTest, HoldsBackAndTellsWhenDrained) {
  open();
  const Pair pair = accept_plain();
  const std::string block(100'000, 'x');
  std::size_t sent = 0;
  ASSERT_TRUE(run_until([&] {
    if (!streams_->writable(pair.server)) return true;
    streams_->send(pair.server, as_octets(block));
    sent += block.size();
    return false;
  }));
  EXPECT_EQ(count(drained), 0u);
  std::size_t octets = 0;
  while (octets < sent) {
    turn(0);
    pollfd ready{.fd = pair.client.get(), .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, 0) == 1) octets += receive_plain(pair.client, 1'000'000).size();
  }
  ASSERT_TRUE(run_until([&] { return streams_->unsent(pair.server) == 0; }));
  EXPECT_EQ(count(drained), 1u);
  EXPECT_TRUE(streams_->writable(pair.server));
}

TEST_F(StreamsTest, ASmallSendDoesNotWakeTheShard) {
  open();
  const Pair pair = accept_plain();
  turn(0);
  streams_->send(pair.server, as_octets("small"));
  streams_->flush();
  ring_->submit();
  EXPECT_TRUE(ring_->settled()) << "it posted a completion";
  EXPECT_EQ(receive_plain(pair.client), "small");
  EXPECT_EQ(streams_->unsent(pair.server), 5u);
  turn(0);
  EXPECT_EQ(streams_->unsent(pair.server), 0u);
  EXPECT_EQ(streams_->next_deadline_ms(), std::nullopt);
}

TEST_F(StreamsTest, GoesOnWhereASmallSendFindsNoRoom) {
  open();
  const Pair pair = accept_plain();
  // One in each turn, so that all are small, until the sockets' buffers are full.
  std::string sent;
  while (streams_->unsent(pair.server) == 0 && sent.size() < 200'000'000) {
    const std::string block(60'000, static_cast<char>('a' + sent.size() / 60'000 % 26));
    streams_->send(pair.server, as_octets(block));
    sent += block;
    turn(0);
    turn(0);
  }
  ASSERT_GT(streams_->unsent(pair.server), 0u);
  std::string received;
  while (received.size() < sent.size()) {
    turn(0);
    pollfd ready{.fd = pair.client.get(), .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, 0) == 1) received += receive_plain(pair.client, 1'000'000);
  }
  EXPECT_TRUE(received == sent);
  // And is small again.
  ASSERT_TRUE(run_until([&] { return streams_->unsent(pair.server) == 0; }));
  streams_->send(pair.server, as_octets("small"));
  streams_->flush();
  ring_->submit();
  EXPECT_TRUE(ring_->settled());
}

TEST_F(StreamsTest, TellsProgressOfALongSend) {
  open();
  const Pair pair = accept_plain();
  const std::string block(16'000'000, 'x');
  streams_->send(pair.server, as_octets(block));
  // Until the peer's window is full and all of it acknowledged: then time goes by without progress.
  std::uint64_t stuck_ms = 0;
  int rounds = 0;
  ASSERT_TRUE(run_until([&] {
    skipped_ms_ += 1'000;
    const std::uint64_t before_ms = std::exchange(stuck_ms, streams_->progress_ms(pair.server));
    rounds = before_ms == stuck_ms ? rounds + 1 : 0;
    return rounds == 8;
  }));
  const std::size_t unsent = streams_->unsent(pair.server);
  EXPECT_GT(unsent, 0u);
  // The send is the same one, and yet it goes on.
  skipped_ms_ += 1'000;
  EXPECT_TRUE(run_until([&] {
    receive_plain(pair.client, 1'000'000);
    turn(1);
    return streams_->progress_ms(pair.server) > stuck_ms;
  }));
}

}  // namespace
}  // namespace sallyport::ring
