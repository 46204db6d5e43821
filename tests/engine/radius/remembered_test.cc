#include "engine/radius/remembered.h"

#include <set>

#include <gtest/gtest.h>

#include "tests/engine/radius/door_harness.h"

namespace sallyport::radius_door {
namespace {

ClientPath path() {
  return {.source = {.address = IpAddress::v4(0xc000'0201), .port = 40'000},
          .local = IpAddress::v4(0xc000'0202),
          .socket = 1};
}

TEST(Remembered, AMarkTellsApartWhateverMakesARequestAnother) {
  radius::Authenticator authenticator;
  authenticator.octets.fill(7);
  const std::uint64_t mark = mark_of(path(), radius::Identifier{9}, authenticator);
  std::set<std::uint64_t> marks{0, mark};
  const auto is_new = [&marks](std::uint64_t other) { return marks.insert(other).second; };
  EXPECT_EQ(mark_of(path(), radius::Identifier{9}, authenticator), mark);
  EXPECT_TRUE(is_new(mark_of(path(), radius::Identifier{10}, authenticator)));
  ClientPath other = path();
  other.source.port = 40'001;
  EXPECT_TRUE(is_new(mark_of(other, radius::Identifier{9}, authenticator)));
  other = path();
  other.source.address = IpAddress::v4(0xc000'0203);
  EXPECT_TRUE(is_new(mark_of(other, radius::Identifier{9}, authenticator)));
  other = path();
  other.local = IpAddress::v4(0xc000'0203);
  EXPECT_TRUE(is_new(mark_of(other, radius::Identifier{9}, authenticator)));
  other = path();
  other.socket = 2;
  EXPECT_TRUE(is_new(mark_of(other, radius::Identifier{9}, authenticator)));
  for (std::uint8_t& octet : authenticator.octets) {
    octet ^= 1;
    EXPECT_TRUE(is_new(mark_of(path(), radius::Identifier{9}, authenticator)));
  }
}

TEST(Remembered, ADatagramHasTheMarkOfItsRequest) {
  std::array<std::uint8_t, 20> octets{1, 9, 0, 20};
  radius::Authenticator authenticator;
  for (std::uint8_t i = 0; i < 16; ++i) octets[4 + i] = authenticator.octets[i] = i;
  EXPECT_EQ(mark_of({.path = path(), .octets = octets}),
            mark_of(path(), radius::Identifier{9}, authenticator));
  EXPECT_EQ(mark_of({.path = path(), .octets = Octets(octets).first(19)}), 0U);
}

TEST(Remembered, ASetKnowsItsMarksAndNoOthers) {
  std::vector<std::uint64_t> marks;
  for (std::uint64_t i = 1; i <= 1'000; ++i) marks.push_back(i << 20);  // all want one cell
  const RememberedRequests remembered(marks);
  for (const std::uint64_t mark : marks) EXPECT_TRUE(remembered.contains(mark));
  for (std::uint64_t i = 1; i <= 1'000; ++i) EXPECT_FALSE(remembered.contains((i << 20) + 1));
  EXPECT_FALSE(RememberedRequests({}).contains(1));
}

TEST(LearnedAddresses, AnotherProcessTakesWhatWasLearned) {
  LearnedAddresses before;
  before.learn(IpAddress::v4(7));
  LearnedAddresses after;
  after.take(before.words());
  EXPECT_TRUE(after.knows(IpAddress::v4(7)));
  EXPECT_FALSE(after.knows(IpAddress::v4(8)));
  after.take({});
  EXPECT_TRUE(after.knows(IpAddress::v4(7)));
}

using testing::Login;
using RememberedByTheDoor = testing::DoorTest;

TEST_F(RememberedByTheDoor, ItListsWhatItOwesAndWhatItHasAnsweredUntilTheWindowEnds) {
  const auto listed = [this] {
    std::vector<std::uint64_t> marks;
    door().list_remembered(marks);
    return std::set(marks.begin(), marks.end());
  };
  const auto mark = [this](const Login& login) {
    return mark_of({.path = path_, .octets = request(login)});
  };
  const Login answered{.identifier = 1};
  const Login asked{.identifier = 2, .user = "bob"};
  const Login forwarded{.identifier = 3, .user = "carol"};
  receive(answered);
  reply(radius::Code::access_reject);
  ask(asked);
  receive(forwarded);
  EXPECT_EQ(listed(), (std::set{mark(answered), mark(asked), mark(forwarded)}));
  run_ms(60'000 + 60'000);
  EXPECT_TRUE(listed().empty());
}

}  // namespace
}  // namespace sallyport::radius_door
