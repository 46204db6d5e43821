#include "engine/daemon/signals.h"

#include <csignal>

#include <gtest/gtest.h>
#include <unistd.h>

namespace sallyport::daemon {
namespace {

TEST(Signals, ArriveAsEventsOneByOne) {
  Signals signals;  // blocks them: the test program survives what follows
  EXPECT_EQ(signals.wait(std::chrono::milliseconds(0)), Signal::none);
  ::kill(::getpid(), SIGHUP);
  EXPECT_EQ(signals.wait(std::nullopt), Signal::reload);
  for (const int signal : {SIGTERM, SIGINT}) {
    ::kill(::getpid(), signal);
    EXPECT_EQ(signals.wait(std::nullopt), Signal::stop);
  }
  ::kill(::getpid(), SIGPIPE);
  EXPECT_EQ(signals.wait(std::chrono::milliseconds(0)), Signal::none);
}

TEST(Signals, TheSameWishSentTwiceIsNotTheSecondOne) {
  Signals signals;
  signals.next_stop_is_final();
  ::kill(::getpid(), SIGTERM);
  ::kill(::getpid(), SIGINT);
  SUCCEED() << "still here";
}

}  // namespace
}  // namespace sallyport::daemon
