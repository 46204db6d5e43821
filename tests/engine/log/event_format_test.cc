#include "engine/log/event_format.h"

#include <gtest/gtest.h>

namespace sallyport::log {
namespace {

using http_door::AuditEvent;

std::string line_of(const AuditEvent& event, LineStyle style) {
  fmt::memory_buffer out;
  append_event_line(out, style, event);
  return fmt::to_string(out);
}

AuditEvent opened() {
  return {.at_unix_ms = 1'700'000'000'123,
          .event = "grant_opened",
          .grant = 17,
          .user = "al\"ice\n",
          .address = *IpAddress::parse("192.0.2.1"),
          .by = "push",
          .until_ms = 1'700'000'060'123,
          .who = "visitor",
          .detail = "why"};
}

TEST(EventFormat, IsOneObjectALine) {
  EXPECT_EQ(line_of(opened(), LineStyle::json),
            R"({"time":"2023-11-14T22:13:20.123Z","level":"info","component":"audit",)"
            R"("event":"grant_opened","grant":17,"user":"al\"ice\u000a","address":"192.0.2.1",)"
            R"("by":"push","until":"2023-11-14T22:14:20.123Z","who":"visitor","detail":"why"})"
            "\n");
}

TEST(EventFormat, LeavesOutWhatIsNotThere) {
  AuditEvent event;
  event.at_unix_ms = 1'700'000'000'123;
  event.event = "user_unlocked";
  event.user = "alice";
  EXPECT_EQ(line_of(event, LineStyle::json),
            R"({"time":"2023-11-14T22:13:20.123Z","level":"info","component":"audit",)"
            R"("event":"user_unlocked","user":"alice"})"
            "\n");
  EXPECT_EQ(line_of(event, LineStyle::human),
            "2023-11-14T22:13:20.123Z user_unlocked user=\"alice\"\n");
}

TEST(EventFormat, ForPeople) {
  EXPECT_EQ(line_of(opened(), LineStyle::human),
            "2023-11-14T22:13:20.123Z grant_opened grant=17 user=\"al\\\"ice\\x0a\" "
            "address=\"192.0.2.1\" by=\"push\" until=\"2023-11-14T22:14:20.123Z\" "
            "who=\"visitor\" detail=\"why\"\n");
}

}  // namespace
}  // namespace sallyport::log
