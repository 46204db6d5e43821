#include "engine/http/gate/push.h"

#include <atomic>
#include <future>

#include <gtest/gtest.h>

#include "verify/template_text.h"

namespace sallyport::http_door {
namespace {

const IpAddress kAddress = IpAddress::parse("192.0.2.7").value();

TEST(Push, ShowsDeviceAddressAndNumberOnThePhone) {
  verify::PoolSettings settings;
  settings.notakey.description = "Log in as {user} from {address}?";
  const std::string description = push_settings(settings).notakey.description;
  EXPECT_EQ(verify::render_template(description,
                                    push_question("alice", kAddress, "Firefox on Linux", "42")),
            "Log in as alice from 192.0.2.7? (Firefox on Linux) 42");
  EXPECT_EQ(verify::render_template(description,
                                    push_question("alice", kAddress, "Firefox on Linux", "")),
            "Log in as alice from 192.0.2.7? (Firefox on Linux)");
}

TEST(Push, TellsTheVerdictAsAJobAndAgainWhenThereWasNoRoom) {
  // Port 9 of loopback: nobody listens, so the service cannot be asked.
  verify::PoolSettings settings;
  settings.notakey.host = "http://127.0.0.1:9";
  settings.notakey.access_id = "4d3a2f30-57b1-4b5d-a8b8-3c3d9c6f2a11";
  std::atomic<int> refusals{0};
  std::promise<verify::Verdict> told;
  Push push(settings, [&](std::function<void()> job) {
    if (refusals++ == 0) return false;
    job();
    return true;
  });
  push.start();
  ASSERT_TRUE(push.ask("alice", kAddress, "Firefox on Linux", "42",
                       [&](verify::Verdict verdict) { told.set_value(verdict); }));
  EXPECT_EQ(told.get_future().get(), verify::Verdict::unavailable);
  EXPECT_EQ(refusals, 2);
}

TEST(Push, WaitsForSoManyAndNoMore) {
  verify::PoolSettings settings;
  settings.notakey.host = "http://127.0.0.1:9";
  settings.max_pending = 1;
  Push push(settings, [](const std::function<void()>&) { return true; });
  EXPECT_TRUE(push.ask("alice", kAddress, "", "", [](verify::Verdict) {}));
  EXPECT_FALSE(push.ask("bob", kAddress, "", "", [](verify::Verdict) {}));
}

}  // namespace
}  // namespace sallyport::http_door
