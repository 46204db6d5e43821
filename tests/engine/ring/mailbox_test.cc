#include "engine/ring/mailbox.h"

#include <array>
#include <cstdint>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include "engine/ring/file_descriptor.h"
#include "engine/ring/ring.h"

namespace sallyport::ring {
namespace {

struct Note {
  std::uint32_t poster;
  std::uint32_t number;
};

enum class WakeBy : std::uint8_t { message_ring, event };

/// One reader on this thread, that waits for ever when nothing is there: a lost wake-up hangs the
/// test, which its time limit then ends.
class Mailboxes : public ::testing::TestWithParam<WakeBy> {
 protected:
  void SetUp() override {
    auto ring = Ring::open({.submission_entries = 8, .completion_entries = 64, .files = 1});
    ASSERT_TRUE(ring) << ring.error();
    ring_ = std::move(*ring);
    event_ = FileDescriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    mailbox_ = std::make_unique<Mailbox<Note>>(
        256, Waker(GetParam() == WakeBy::event ? -1 : ring_->fd(), event_.get()));
    ring_->enable();
    ring_->poll_readable(event_.get(), {.operation = Operation::wake_event});
  }

  /// One turn: waits unless a message is there. Counts the wake-ups that came.
  void wait_for_message() {
    std::array<Completion, 64> completions;
    ring_->submit_and_wait(mailbox_->park() ? std::nullopt : std::optional<std::uint64_t>(0));
    mailbox_->unpark();
    const std::size_t count = ring_->harvest(completions);
    for (std::size_t i = 0; i < count; ++i) {
      const Operation operation = completions[i].tag.operation;
      wakes_ += operation == Operation::wake_message || operation == Operation::wake_event;
    }
  }

  std::unique_ptr<Ring> ring_;
  FileDescriptor event_;
  std::unique_ptr<Mailbox<Note>> mailbox_;
  std::uint32_t wakes_ = 0;
};

INSTANTIATE_TEST_SUITE_P(By, Mailboxes, ::testing::Values(WakeBy::message_ring, WakeBy::event),
                         [](const auto& by) {
                           return by.param == WakeBy::event ? "EventFd" : "MessageRing";
                         });

TEST_P(Mailboxes, ParkSaysNoWhileAMessageWaits) {
  EXPECT_TRUE(mailbox_->park());
  mailbox_->unpark();
  ASSERT_TRUE(mailbox_->post({1, 1}));
  EXPECT_FALSE(mailbox_->park());
  Note note{};
  EXPECT_TRUE(mailbox_->take(note));
  EXPECT_TRUE(mailbox_->park());
}

TEST_P(Mailboxes, APosterWakesAParkedReader) {
  std::thread poster([this] { EXPECT_TRUE(mailbox_->post({7, 1})); });
  Note note{};
  while (!mailbox_->take(note)) wait_for_message();
  EXPECT_EQ(note.poster, 7u);
  poster.join();
}

TEST_P(Mailboxes, OnlyAParkedReaderIsWoken) {
  for (std::uint32_t i = 0; i < 100; ++i) ASSERT_TRUE(mailbox_->post({0, i}));
  wait_for_message();  // does not wait, and harvests whatever wake-ups there are
  EXPECT_EQ(wakes_, 0u);
}

TEST_P(Mailboxes, SaysWhenItIsFull) {
  for (std::uint32_t i = 0; i < 256; ++i) ASSERT_TRUE(mailbox_->post({0, i}));
  EXPECT_FALSE(mailbox_->post({0, 256}));
  Note note{};
  ASSERT_TRUE(mailbox_->take(note));
  EXPECT_TRUE(mailbox_->post({0, 257}));
}

TEST_P(Mailboxes, ManyPostersLoseNoMessageAndNoWakeUp) {
  constexpr std::uint32_t kPosters = 4;
  constexpr std::uint32_t kEach = 5'000;
  std::vector<std::thread> posters;
  for (std::uint32_t poster = 0; poster < kPosters; ++poster) {
    posters.emplace_back([this, poster] {
      for (std::uint32_t number = 0; number < kEach; ++number) {
        while (!mailbox_->post({poster, number})) std::this_thread::yield();
      }
    });
  }
  std::array<std::uint32_t, kPosters> next{};
  for (std::uint32_t taken = 0; taken < kPosters * kEach;) {
    wait_for_message();
    for (Note note{}; mailbox_->take(note); ++taken) {
      ASSERT_LT(note.poster, kPosters);
      ASSERT_EQ(note.number, next[note.poster]++) << "out of order, lost or doubled";
    }
  }
  for (std::thread& poster : posters) poster.join();
}

}  // namespace
}  // namespace sallyport::ring
