#include "engine/ring/tls_tickets.h"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace sallyport::ring {
namespace {

using Buffer = std::vector<std::uint8_t>;

class Tickets : public testing::Test {
 protected:
  Buffer sealed(std::string_view session) {
    Buffer ticket(session.size() + TicketKeys::kOverheadOctets);
    EXPECT_EQ(keys_.seal(as_octets(session), ticket), ticket.size());
    return ticket;
  }
  std::string opened(const Buffer& ticket, const TicketKeys& keys) {
    Buffer session(ticket.size());
    const auto octets = keys.open(ticket, session);
    return octets ? std::string(as_text(Octets(session).first(*octets))) : "refused";
  }
  std::string opened(const Buffer& ticket) { return opened(ticket, keys_); }

  SystemRandom random_;
  TicketKeys keys_{0, random_};
};

TEST_F(Tickets, OpenAsTheyWereSealed) {
  for (const std::string_view session : {"", "x", "a session with its secrets"}) {
    EXPECT_EQ(opened(sealed(session)), session);
  }
}

TEST_F(Tickets, ShowNothingAndDifferEachTime) {
  const Buffer one = sealed("the same secret");
  const Buffer two = sealed("the same secret");
  EXPECT_NE(one, two);
  EXPECT_EQ(as_text(one).find("secret"), std::string_view::npos);
}

TEST_F(Tickets, SealAndOpenInPlace) {
  Buffer buffer(7 + TicketKeys::kOverheadOctets);
  copy_octets(as_octets("session"), buffer);
  ASSERT_EQ(keys_.seal(Octets(buffer).first(7), buffer), buffer.size());
  ASSERT_EQ(keys_.open(buffer, buffer), 7u);
  EXPECT_EQ(as_text(Octets(buffer).first(7)), "session");
}

TEST_F(Tickets, RefuseAnyChange) {
  const Buffer ticket = sealed("session");
  for (std::size_t at = 0; at < ticket.size(); ++at) {
    Buffer changed = ticket;
    changed[at] ^= 0x80;
    EXPECT_EQ(opened(changed), "refused") << at;
  }
  for (std::size_t octets = 0; octets < ticket.size(); ++octets) {
    EXPECT_EQ(opened(Buffer(ticket.begin(), ticket.begin() + static_cast<std::ptrdiff_t>(octets))),
              "refused");
  }
}

TEST_F(Tickets, RefuseTheKeysOfOthers) {
  const TicketKeys others(0, random_);
  EXPECT_EQ(opened(sealed("session"), others), "refused");
}

TEST_F(Tickets, FindNoRoom) {
  Buffer small(TicketKeys::kOverheadOctets);
  EXPECT_FALSE(keys_.seal(as_octets("session"), small));
}

TEST_F(Tickets, KeysRotateByTime) {
  const Buffer first = sealed("session");
  keys_.rotate(TicketKeys::kRotateMs - 1, random_);
  const Buffer same_key = sealed("session");
  EXPECT_TRUE(std::equal(first.begin(), first.begin() + TicketKeys::kNameOctets, same_key.begin()));
  std::uint64_t now_ms = 0;
  for (std::size_t kept = 1; kept < TicketKeys::kKept; ++kept) {
    keys_.rotate(now_ms += TicketKeys::kRotateMs, random_);
    EXPECT_EQ(opened(first), "session");
    const Buffer next = sealed("session");
    EXPECT_FALSE(std::equal(first.begin(), first.begin() + TicketKeys::kNameOctets, next.begin()));
    EXPECT_EQ(opened(next), "session");
  }
  keys_.rotate(now_ms += TicketKeys::kRotateMs, random_);
  EXPECT_EQ(opened(first), "refused");
}

TEST_F(Tickets, AreForAllThreads) {
  std::atomic<bool> done = false;
  std::vector<std::thread> shards;
  std::atomic<std::size_t> opened_fresh = 0;
  for (int shard = 0; shard < 3; ++shard) {
    shards.emplace_back([&] {
      while (!done) {
        if (opened(sealed("session")) == "session") ++opened_fresh;
      }
    });
  }
  std::uint64_t now_ms = 0;
  for (int i = 0; i < 300 || opened_fresh < 100; ++i) {
    keys_.rotate(now_ms += TicketKeys::kRotateMs, random_);
    std::this_thread::yield();
  }
  done = true;
  for (std::thread& shard : shards) shard.join();
}

}  // namespace
}  // namespace sallyport::ring
