#include "protocol/http/user_agent.h"

#include <gtest/gtest.h>

namespace sallyport::http {
namespace {

TEST(Device, BrowsersAreNamedAsPeopleNameThem) {
  struct Case {
    std::string_view user_agent, name;
  };
  for (const auto& [user_agent, name] : std::initializer_list<Case>{
           {"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
            "Firefox on Linux"},
           {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0",
            "Edge on Windows"},
           {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like "
            "Gecko) Version/17.5 Safari/605.1.15",
            "Safari on macOS"},
           {"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, "
            "like Gecko) CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1",
            "Chrome on iPhone"},
           {"Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/126.0.0.0 Mobile Safari/537.36",
            "Chrome on Android"},
           {"curl/8.5.0", "curl"},
           {"Jellyfin-Android (Android 13)", "Jellyfin-Android on Android"},
           {"Mozilla/5.0", "Unknown device"},
           {"", "Unknown device"},
       }) {
    EXPECT_EQ(device_name(user_agent), name) << user_agent;
  }
}

TEST(Device, NothingButOurWordsAndAProductsNameGetsThrough) {
  EXPECT_EQ(device_name("<script>alert(1)</script>"), "Unknown device");
  EXPECT_EQ(device_name("x\"><b>/1 (Windows)"), "x on Windows");
  EXPECT_EQ(device_name("Mozilla/5.0 (<b>Linux</b>) Firefox/1\r\nX: y"), "Firefox on Linux");
  const std::string name = device_name(std::string(4'000, 'a') + " Windows");
  EXPECT_EQ(name, std::string(kMaxDeviceName, 'a'));
}

}  // namespace
}  // namespace sallyport::http
