#include "engine/ring/streams.h"

#include <gtest/gtest.h>

#include "tests/engine/ring/streams_fixture.h"

namespace sallyport::ring {
namespace {

using enum StreamEventKind;

void send_plain(const FileDescriptor& fd, std::string_view text) {
  ASSERT_EQ(::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(text.size()));
}

/// What a blocking peer receives next; "end" at the end, "reset" after a reset.
std::string receive_plain(const FileDescriptor& fd, std::size_t most = 65'536) {
  std::string text(most, '\0');
  pollfd ready{.fd = fd.get(), .events = POLLIN, .revents = 0};
  if (::poll(&ready, 1, 20'000) != 1) return "nothing came";
  const ssize_t octets = ::recv(fd.get(), text.data(), text.size(), 0);
  if (octets < 0) return errno == ECONNRESET ? "reset" : "error";
  if (octets == 0) return "end";
  text.resize(static_cast<std::size_t>(octets));
  return text;
}

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

}  // namespace
}  // namespace sallyport::ring
