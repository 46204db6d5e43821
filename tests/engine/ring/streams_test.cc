#include "engine/ring/streams.h"

#include <array>
#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/ring/tcp_listener.h"
#include "tests/engine/ring/streams_fixture.h"

namespace sallyport::ring {
namespace {

using enum StreamEventKind;

TEST_F(StreamsTest, AcceptsAndEchoes) {
  open();
  const Pair pair = accept_plain();
  EXPECT_EQ(events_.back().listener, 7);
  EXPECT_EQ(streams_->peer(pair.server), endpoint_of(pair.client));
  EXPECT_EQ(streams_->local(pair.server), endpoint_of(listening_));
  for (const std::string text : {"one", "two", "three"}) {
    send_plain(pair.client, text);
    EXPECT_EQ(read_exactly(pair.server, text.size()), text);
    streams_->send(pair.server, as_octets(text));
    turn(0);
    EXPECT_EQ(receive_plain(pair.client), text);
  }
  EXPECT_TRUE(run_until([&] { return buffers_->in_use() == 0; })) << "an idle stream holds buffers";
}

TEST_F(StreamsTest, LivesInATableOfFilesUntilItEnds) {
  open();
  const Pair first = accept_plain();
  const Pair second = accept_plain();  // finds no place, and is served all the same
  for (const Pair* pair : {&first, &second}) {
    for (int i = 0; i < 20; ++i) {
      const std::string text = std::to_string(i);
      streams_->send(pair->server, as_octets(text));
      turn(0);
      EXPECT_EQ(receive_plain(pair->client), text);
    }
  }
  EXPECT_FALSE(ring_->take_place(listening_.get())) << "the first did not take the only one";
  streams_->close(first.server);
  turn(0);
  EXPECT_EQ(receive_plain(first.client), "end");
  ::shutdown(first.client.get(), SHUT_WR);
  EXPECT_TRUE(run_until([&] { return streams_->open() == 1; }));
  const auto place = ring_->take_place(listening_.get());
  ASSERT_TRUE(place) << "it is still there";
  ring_->vacate(*place);
  streams_->abort(second.server);
  EXPECT_EQ(receive_plain(second.client), "reset");
}

/// Connected TCP sockets of this process, by the algorithm that they use.
std::map<std::string, int> congestion_controls() {
  std::map<std::string, int> count;
  for (int fd = 0; fd < 1024; ++fd) {
    tcp_info info{};
    socklen_t octets = sizeof(info);
    if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &octets) != 0) continue;
    if (info.tcpi_state != TCP_ESTABLISHED) continue;
    std::array<char, 16> name{};
    octets = name.size();
    EXPECT_EQ(::getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name.data(), &octets), 0);
    ++count[name.data()];
  }
  return count;
}

TEST_F(StreamsTest, UsesRenoWithinAMachine) {
  open();
  const auto listening = open_tcp_listeners({.address = IpAddress::v4(0x7f00'0001), .port = 0}, 1);
  ASSERT_TRUE(listening);
  streams_->listen(8, listening->sockets.front().get());
  const StreamId client = streams_->connect(listening->bound, 1, nullptr, {});
  await(accepted);
  EXPECT_TRUE(run_until([&] { return congestion_controls()["reno"] == 2; }));
  EXPECT_TRUE(streams_->alive(client));
}

TEST_F(StreamsTest, ConnectsAndTellsItsOwner) {
  open();
  const Both both = connect_both();
  streams_->set_owner(both.server, 42);
  streams_->send(both.client, as_octets("hello"));
  EXPECT_EQ(await(received).owner, 42u);
  EXPECT_EQ(read_all(both.server), "hello");
  streams_->send(both.server, as_octets("hello yourself"));
  EXPECT_EQ(await(received).owner, 1u);
  EXPECT_EQ(read_all(both.client), "hello yourself");
}

TEST_F(StreamsTest, TellsOfAResetAfterWhatCameBefore) {
  open();
  Pair pair = accept_plain();
  send_plain(pair.client, "last words");
  await(received);
  const linger reset{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(pair.client.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
  pair.client.reset();
  EXPECT_EQ(await(failed).error, StreamError::reset);
  EXPECT_EQ(read_all(pair.server), "last words");
  streams_->send(pair.server, as_octets("nobody there"));
  streams_->close(pair.server);
  EXPECT_TRUE(run_until([&] { return streams_->open() == 0; }));
}

TEST_F(StreamsTest, TellsOfARefusedConnect) {
  open();
  Endpoint nobody;
  {
    const FileDescriptor gone = listening_socket();
    nobody = endpoint_of(gone);
  }
  const StreamId stream = streams_->connect(nobody, 5, nullptr, {});
  streams_->send(stream, as_octets("never sent"));
  const StreamEvent event = await(failed);
  EXPECT_EQ(event.error, StreamError::refused);
  EXPECT_EQ(event.stream, stream);
  streams_->close(stream);
  EXPECT_FALSE(streams_->alive(stream));
  EXPECT_EQ(streams_->open(), 0u);
}

TEST_F(StreamsTest, EndsEachDirectionByItself) {
  open();
  const Pair pair = accept_plain();
  send_plain(pair.client, "question");
  ::shutdown(pair.client.get(), SHUT_WR);
  EXPECT_EQ(await(ended).stream, pair.server);
  EXPECT_EQ(read_all(pair.server), "question");
  streams_->send(pair.server, as_octets("answer"));
  streams_->end(pair.server);
  turn(0);
  EXPECT_EQ(receive_plain(pair.client), "answer");
  turn(0);
  EXPECT_EQ(receive_plain(pair.client), "end");
  EXPECT_TRUE(streams_->alive(pair.server));
}

TEST_F(StreamsTest, AbortResets) {
  open();
  const Pair pair = accept_plain();
  send_plain(pair.client, "unread");
  await(received);
  streams_->abort(pair.server);
  EXPECT_EQ(receive_plain(pair.client), "reset");
  EXPECT_FALSE(streams_->alive(pair.server));
  EXPECT_TRUE(run_until([&] { return streams_->open() == 0; }));
}

TEST_F(StreamsTest, CloseSendsTheRestAndWaitsForThePeer) {
  open();
  Pair pair = accept_plain();
  const std::string large(3'000'000, 'x');
  streams_->send(pair.server, as_octets(large));
  streams_->close(pair.server);
  EXPECT_FALSE(streams_->alive(pair.server));
  // Octets that nobody will read: closing over them would reset the connection.
  send_plain(pair.client, "are you still there?");
  std::size_t octets = 0;
  std::string text;
  while (octets < large.size()) {
    turn(0);
    pollfd ready{.fd = pair.client.get(), .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, 0) == 0) continue;
    text = receive_plain(pair.client, 1'000'000);
    ASSERT_EQ(text.find_first_not_of('x'), std::string::npos) << text;
    octets += text.size();
    send_plain(pair.client, "?");
  }
  turn(10);
  EXPECT_EQ(receive_plain(pair.client), "end");
  EXPECT_EQ(streams_->open(), 1u);
  pair.client.reset();
  EXPECT_TRUE(run_until([&] { return streams_->open() == 0; }));
}

TEST_F(StreamsTest, LingersNoLongerThanPlanned) {
  open();
  const Pair pair = accept_plain();
  streams_->close(pair.server);
  turn(0);
  EXPECT_EQ(receive_plain(pair.client), "end");
  turn(0);
  EXPECT_EQ(streams_->open(), 1u);
  ASSERT_TRUE(streams_->next_deadline_ms());
  skipped_ms_ = 6'000;
  EXPECT_TRUE(run_until([&] { return streams_->open() == 0; }));
  EXPECT_FALSE(streams_->next_deadline_ms());
}

TEST_F(StreamsTest, SpeaksOverUnixSockets) {
  open();
  const std::string name = "@sallyport-streams-test-" + std::to_string(::getpid());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::copy(name.begin() + 1, name.end(), address.sun_path + 1);
  const FileDescriptor listening(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::bind(listening.get(), reinterpret_cast<sockaddr*>(&address),
                   static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size())),
            0);
  ASSERT_EQ(::listen(listening.get(), 8), 0);
  streams_->listen(9, listening.get());
  const StreamId client = streams_->connect_unix(name, 3);
  const StreamEvent event = await(accepted);
  EXPECT_EQ(event.listener, 9);
  EXPECT_EQ(streams_->peer(event.stream), Endpoint{});
  streams_->send(client, as_octets("by file"));
  EXPECT_EQ(read_exactly(event.stream, 7), "by file");
  streams_->abort(event.stream);
  EXPECT_EQ(await(ended).stream, client);
  const StreamId nobody = streams_->connect_unix("/nonexistent/socket", 4);
  EXPECT_EQ(await(failed).stream, nobody);
  EXPECT_EQ(events_.back().error, StreamError::refused);
}

TEST_F(StreamsTest, ServesManyAtOnce) {
  open({.lent = 64, .most = 1024}, {.max_streams = 2048});
  constexpr std::size_t kClients = 500;
  std::vector<StreamId> clients;
  std::map<std::uint32_t, std::string> texts;
  act = [&](const StreamEvent& event) {
    if (event.kind == connected) {
      streams_->send(event.stream, as_octets(std::to_string(event.owner)));
    }
    if (event.kind != received) return;
    const std::string text = read_all(event.stream);
    if (event.owner == 0) {  // ours as a server
      streams_->send(event.stream, as_octets(text));
    } else {
      texts[static_cast<std::uint32_t>(event.owner)] += text;
    }
  };
  for (std::size_t client = 1; client <= kClients; ++client) {
    clients.push_back(streams_->connect(endpoint_of(listening_), client, nullptr, {}));
    ASSERT_TRUE(clients.back().valid());
  }
  ASSERT_TRUE(run_until([&] { return texts.size() == kClients; })) << texts.size();
  for (const auto& [client, text] : texts) EXPECT_EQ(text, std::to_string(client));
  for (const StreamId client : clients) streams_->close(client);
  EXPECT_TRUE(run_until([&] { return count(ended) == kClients; }));
}

TEST_F(StreamsTest, LeavesNothingOfAStreamToTheNextInItsPlace) {
  open();
  for (int round = 0; round < 20; ++round) {
    Both both = connect_both();
    const std::string much(1'000'000, static_cast<char>('a' + round));
    streams_->send(both.server, as_octets(much));
    turn(0);
    EXPECT_GT(streams_->unsent(both.server), 0u);
    streams_->abort(both.server);  // with a send, a receive and what was received in flight
    streams_->send(both.server, as_octets("to nobody"));
    EXPECT_TRUE(streams_->received(both.server).empty());
    EXPECT_FALSE(streams_->alive(both.server));
    read_all(both.client);
    streams_->close(both.client);
  }
  EXPECT_TRUE(run_until([&] { return streams_->open() == 0; }));
  EXPECT_EQ(buffers_->in_use(), 0u);
}

TEST_F(StreamsTest, AbortsBeforeItIsConnected) {
  open();
  const StreamId stream = streams_->connect(endpoint_of(listening_), 1, nullptr, {});
  streams_->send(stream, as_octets("never sent"));
  streams_->abort(stream);
  EXPECT_TRUE(run_until([&] { return streams_->open() <= 1; }));
  EXPECT_EQ(count(connected), 0u);
}

TEST_F(StreamsTest, GathersWhatCameInPieces) {
  open({.octets_each = 4096, .lent = 8, .most = 64});
  const Pair pair = accept_plain();
  std::string text;
  for (int part = 0; part < 6; ++part) text += std::string(1500, static_cast<char>('a' + part));
  for (std::size_t part = 0; part < 6; ++part) {
    send_plain(pair.client, std::string_view(text).substr(part * 1500, 1500));
    ASSERT_TRUE(
        run_until([&] { return streams_->received_total(pair.server) == (part + 1) * 1500; }));
  }
  EXPECT_FALSE(streams_->gather(pair.server, 4097));  // more than a buffer
  EXPECT_LT(streams_->received(pair.server).size(), 4000u);
  ASSERT_TRUE(streams_->gather(pair.server, 4000));
  EXPECT_GE(streams_->received(pair.server).size(), 4000u);
  // With a part of its buffer in other hands it has to move.
  kept_.push_back(streams_->take(pair.server, 100));
  streams_->consume(pair.server, 900);
  ASSERT_TRUE(streams_->gather(pair.server, 4096));
  EXPECT_EQ(as_text(streams_->received(pair.server).first(4096)), text.substr(1000, 4096));
  streams_->consume(pair.server, 4096);
  EXPECT_EQ(read_all(pair.server), text.substr(5096));
  EXPECT_EQ(as_text(buffers_->octets(kept_.front())), text.substr(0, 100));
}

TEST_F(StreamsTest, StopsAcceptingWhenFull) {
  open({}, {.max_streams = 16});
  std::vector<FileDescriptor> clients;
  for (int client = 0; client < 40; ++client) {
    clients.push_back(plain_client(endpoint_of(listening_)));
    turn(0);
  }
  turn();
  EXPECT_GE(streams_->open(), 14u);
  EXPECT_LE(streams_->open(), 16u);
  const std::size_t before = count(accepted);
  while (count(accepted) > 0 && streams_->open() > 0) {
    for (const StreamEvent& event : events_) streams_->abort(event.stream);
    events_.clear();
    turn();
    if (streams_->open() == 0) turn();
  }
  EXPECT_GE(before, 14u);
}

TEST_F(StreamsTest, ReadsTheExplanationBeforeTheReset) {
  open();
  Pair pair = accept_plain();
  const std::string block(4'000'000, 'x');
  streams_->send(pair.server, as_octets(block));
  turn(0);
  send_plain(pair.client, "413 enough");
  pair.client.reset();  // with octets unread: the kernel resets
  const StreamEvent event = await(failed);
  EXPECT_EQ(event.error, StreamError::reset);
  EXPECT_EQ(read_all(pair.server), "413 enough");
}

TEST_F(StreamsTest, AnIdThatIsGoneDoesNothing) {
  open();
  const Both both = connect_both();
  streams_->send(both.client, as_octets("some octets"));
  await(received);
  const Slice slice = streams_->take(both.server, 4);
  streams_->abort(both.server);
  streams_->send(both.server, slice);  // released
  streams_->close(both.server);
  streams_->consume(both.server, 0);
  EXPECT_TRUE(streams_->received(both.server).empty());
  EXPECT_FALSE(streams_->writable(both.server));
  EXPECT_EQ(streams_->take(both.server, 0).buffer, Slice::kNone);
  EXPECT_FALSE(streams_->gather(both.server, 1));
  EXPECT_EQ(buffers_->in_use(), 0u);
}

TEST_F(StreamsTest, StopsListening) {
  open();
  const Pair before = accept_plain();
  turn(0);
  streams_->stop_listening();
  const std::uint32_t with_accept = streams_->in_flight();
  ASSERT_TRUE(run_until([&] { return streams_->in_flight() < with_accept; }));
  const FileDescriptor late = plain_client(endpoint_of(listening_));  // only into the backlog
  turn();
  EXPECT_EQ(count(accepted), 1u);
  send_plain(before.client, "still served");
  EXPECT_EQ(read_exactly(before.server, 12), "still served");
}

}  // namespace
}  // namespace sallyport::ring
