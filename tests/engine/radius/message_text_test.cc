#include "engine/radius/message_text.h"

#include <string>

#include <gtest/gtest.h>

namespace sallyport::radius_door {
namespace {

std::string render(std::string_view text, std::string_view user = "alice",
                   std::uint8_t number = 0) {
  SenderNote note;
  note.user.assign(user);
  note.calling_station.assign(std::string_view("02-00"));
  note.nas.assign(std::string_view("gate"));
  MessageRoom room;
  return std::string(render_message(text, note, "office", number, room));
}

TEST(MessageText, FillsInWhoAndWhere) {
  EXPECT_EQ(render("No, {user} of {client} at {nas} from {calling_station}."),
            "No, alice of office at gate from 02-00.");
  EXPECT_EQ(render("{number}!", "alice", 10) + render("{number}!", "alice", 99), "10!99!");
  EXPECT_EQ(render("{number}!"), "!");
  EXPECT_EQ(render("plain"), "plain");
  EXPECT_EQ(render(""), "");
}

TEST(MessageText, LooksAtNothingTwice) {
  EXPECT_EQ(render("{user}", "{client}"), "{client}");
  EXPECT_EQ(render("{other} {"), "{other} {");
}

TEST(MessageText, LetsNoControlCharacterThrough) {
  EXPECT_EQ(render("{user}", std::string_view("a\r\nb\0c\x7f", 6)), "abc");
}

TEST(MessageText, CutsAtACharactersBorder) {
  const std::string filled = render(std::string(252, 'x') + "{user}", "\xc3\xa9");
  EXPECT_EQ(filled, std::string(252, 'x'));
  EXPECT_EQ(render(std::string(251, 'x') + "{user}", "\xc3\xa9"),
            std::string(251, 'x') + "\xc3\xa9");
  EXPECT_EQ(render(std::string(253, 'x') + "{user}"), std::string(253, 'x'));
}

}  // namespace
}  // namespace sallyport::radius_door
