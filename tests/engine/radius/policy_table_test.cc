#include "engine/radius/policy_table.h"

#include <gtest/gtest.h>

#include "tests/engine/radius/packet_builder.h"

namespace sallyport::radius_door {
namespace {

using config::Hours;
using config::Policy;
using config::PolicyAction;
using testing::Bytes;
using testing::PacketBuilder;

constexpr std::int64_t kMonday = 1'767'571'200;  // 2026-01-05 00:00 UTC
constexpr std::int64_t kHour = 3'600;
constexpr std::int64_t kDay = 24 * kHour;

PolicyTable table(std::vector<Policy> policies, LocalZone zone = {}) {
  config::SecondFactor common;
  common.group_attribute = "Filter-Id";
  return {std::move(policies), common, std::move(zone)};
}

const IpAddress kSource = IpAddress::v4(0xc000'0207);  // 192.0.2.7

PolicySubject subject(std::string_view user) {
  return {.user = user,
          .client = "vpn",
          .source = kSource,
          .nas_port_type = std::nullopt,
          .groups = {},
          .unix_s = kMonday};
}

TEST(PolicyTable, WithoutPoliciesNoneDecides) {
  EXPECT_EQ(PolicyTable{}.choose(subject("alice")), PolicyTable::kNone);
}

TEST(PolicyTable, TheFirstOneThatMatchesDecides) {
  const PolicyTable policies =
      table({{.name = "a", .users = {"bob"}}, {.name = "b", .users = {"alice"}}, {.name = "c"}});
  EXPECT_EQ(policies.choose(subject("bob")), 0);
  EXPECT_EQ(policies.choose(subject("alice")), 1);
  EXPECT_EQ(policies.choose(subject("carol")), 2);
}

TEST(PolicyTable, AllConditionsCount) {
  const PolicyTable policies = table({{.name = "a",
                                       .clients = {"vpn"},
                                       .networks = {*Prefix::parse("192.0.2.0/24")},
                                       .users = {"alice"},
                                       .realms = {"example.net"},
                                       .groups = {"staff"},
                                       .nas_port_types = {5},
                                       .hours = {Hours{.days = 1}}}});
  const std::string_view groups[] = {"guests", "STAFF"};
  const PolicySubject good = {.user = "alice@Example.NET",
                              .client = "vpn",
                              .source = kSource,
                              .nas_port_type = 5,
                              .groups = groups,
                              .unix_s = kMonday};
  EXPECT_EQ(policies.choose(good), 0);
  const auto expect_none = [&](auto&& change) {
    PolicySubject bad = good;
    change(bad);
    EXPECT_EQ(policies.choose(bad), PolicyTable::kNone);
  };
  expect_none([](PolicySubject& bad) { bad.user = "bob@example.net"; });
  expect_none([](PolicySubject& bad) { bad.user = "alice"; });
  expect_none([](PolicySubject& bad) { bad.client = "wifi"; });
  expect_none([](PolicySubject& bad) { bad.nas_port_type = 19; });
  expect_none([](PolicySubject& bad) { bad.nas_port_type = std::nullopt; });
  expect_none([](PolicySubject& bad) { bad.groups = bad.groups.first(1); });
  expect_none([](PolicySubject& bad) { bad.unix_s += kDay; });
  const IpAddress elsewhere = IpAddress::v4(0xc000'0307);
  const PolicySubject from_elsewhere = {.user = good.user,
                                        .client = good.client,
                                        .source = elsewhere,
                                        .nas_port_type = good.nas_port_type,
                                        .groups = good.groups,
                                        .unix_s = good.unix_s};
  EXPECT_EQ(policies.choose(from_elsewhere), PolicyTable::kNone);
}

/// How a name is written must not let anybody around a question, nor into an exemption.
TEST(PolicyTable, NamesAreReadStrictlyToExemptAndWidelyForAllElse) {
  for (const PolicyAction action : {PolicyAction::push, PolicyAction::deny}) {
    const PolicyTable policies = table({{.name = "a", .users = {"Mallory"}, .action = action}});
    for (const char* user : {"mallory", "MALLORY", "mallory@example.net", "CORP\\Mallory"})
      EXPECT_EQ(policies.choose(subject(user)), 0) << user;
    for (const char* user :
         {"mallory ", " mallory", "\tMallory\n", "mallory @example.net", "CORP\\ mallory"})
      EXPECT_EQ(policies.choose(subject(user)), 0) << user;
    for (const char* user : {"mallory2", "mal lory"})
      EXPECT_EQ(policies.choose(subject(user)), PolicyTable::kNone) << user;
    EXPECT_EQ(policies.choose(subject(" ")), PolicyTable::kUnnamed);
    const PolicyTable realm = table({{.name = "a", .realms = {"example.net"}, .action = action}});
    EXPECT_EQ(realm.choose(subject("mallory@ Example.net ")), 0);
  }
  const PolicyTable exempt =
      table({{.name = "a", .users = {"backup"}, .action = PolicyAction::exempt}});
  EXPECT_EQ(exempt.choose(subject("backup")), 0);
  for (const char* user : {"Backup", "backup@example.net", "CORP\\backup", "backup ", " backup"})
    EXPECT_EQ(exempt.choose(subject(user)), PolicyTable::kNone) << user;
}

TEST(PolicyTable, AStarStandsForAnyRest) {
  const PolicyTable exempt =
      table({{.name = "a", .users = {"svc-*"}, .action = PolicyAction::exempt}});
  EXPECT_EQ(exempt.choose(subject("svc-backup")), 0);
  EXPECT_EQ(exempt.choose(subject("svc-")), 0);
  EXPECT_EQ(exempt.choose(subject("SVC-backup")), PolicyTable::kNone);
  EXPECT_EQ(exempt.choose(subject("svc")), PolicyTable::kNone);
  const PolicyTable deny = table({{.name = "a", .users = {"svc-*"}, .action = PolicyAction::deny}});
  EXPECT_EQ(deny.choose(subject("CORP\\SVC-backup")), 0);
}

/// With EAP the name may be unknown. Nobody gets past a policy that might be about him.
TEST(PolicyTable, WithoutANameOnlyPoliciesThatNeedNoneDecide) {
  EXPECT_EQ(table({{.name = "a", .clients = {"vpn"}, .action = PolicyAction::exempt}})
                .choose(subject("")),
            0);
  const Policy exempt_all{.name = "b", .clients = {"vpn"}, .action = PolicyAction::exempt};
  EXPECT_EQ(table({{.name = "a", .users = {"x"}, .action = PolicyAction::exempt}, exempt_all})
                .choose(subject("")),
            1);
  EXPECT_EQ(table({{.name = "a", .users = {"x"}, .action = PolicyAction::deny}, exempt_all})
                .choose(subject("")),
            PolicyTable::kUnnamed);
  EXPECT_EQ(table({{.name = "a", .realms = {"x"}}, exempt_all}).choose(subject("")),
            PolicyTable::kUnnamed);
  EXPECT_EQ(
      table({{.name = "a", .clients = {"wifi"}, .users = {"x"}}, exempt_all}).choose(subject("")),
      1);
}

TEST(PolicyTable, HoursMayEndOnTheNextMorning) {
  const PolicyTable policies = table(
      {{.name = "a",
        .hours = {Hours{.days = 0b001'0000, .from_minute = 22 * 60, .until_minute = 6 * 60}}}});
  const auto at = [&](std::int64_t day, std::int64_t hour, std::int64_t second = 0) {
    PolicySubject then = subject("alice");
    then.unix_s = kMonday + day * kDay + hour * kHour + second;
    return policies.choose(then) == 0;
  };
  EXPECT_FALSE(at(4, 22, -1));
  EXPECT_TRUE(at(4, 22));
  EXPECT_TRUE(at(5, 0));
  EXPECT_TRUE(at(5, 6, -1));
  EXPECT_FALSE(at(5, 6));
  EXPECT_FALSE(at(5, 22));
  EXPECT_FALSE(at(4, 3));
}

TEST(PolicyTable, ANightOfSundayEndsOnMonday) {
  const PolicyTable policies = table(
      {{.name = "a",
        .hours = {Hours{.days = 0b100'0000, .from_minute = 22 * 60, .until_minute = 6 * 60}}}});
  PolicySubject then = subject("alice");
  then.unix_s = kMonday + 5 * kHour;
  EXPECT_EQ(policies.choose(then), 0);
}

TEST(PolicyTable, HoursAreLocal) {
  const LocalZone zone({{.from_s = kMonday - kDay, .offset_s = 3'600}});
  const PolicyTable policies =
      table({{.name = "a", .hours = {Hours{.from_minute = 60, .until_minute = 61}}}}, zone);
  EXPECT_EQ(policies.choose(subject("alice")), 0);
}

TEST(PolicyTable, ReadsGroupsOfTheConfiguredAttribute) {
  const Bytes packet = PacketBuilder(radius::Code::access_accept, 1)
                           .add(radius::Type{11}, "staff")
                           .add(radius::Type{25}, "other")
                           .add(radius::Type{11}, "vpn")
                           .sign_response(radius::HopKey(Secret("a secret")), {});
  const auto accept = radius::PacketView::parse(packet);
  ASSERT_TRUE(accept);
  std::array<std::string_view, PolicyTable::kMaxGroups> room;
  const auto groups = table({{.name = "a", .groups = {"x"}}}).groups_of(*accept, room);
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[0], "staff");
  EXPECT_EQ(groups[1], "vpn");
  EXPECT_TRUE(table({{.name = "a"}}).groups_of(*accept, room).empty());
}

// --- Groups of a user directory ------------------------------------------------------------------

PolicyTable table_with_directory(std::vector<Policy> policies) {
  config::SecondFactor common;
  common.directory_groups = true;
  return {std::move(policies), common, {}};
}

/// In these groups, by his directory.
verify::FoundGroups found(const PolicyTable& policies, std::vector<std::string> names) {
  verify::FoundGroups groups;
  groups.spelled_alike = true;
  for (const std::string& name : names) {
    const auto group = policies.directory_names()->find(name);
    EXPECT_TRUE(!group || groups.add(*group));
  }
  return groups;
}

TEST(PolicyTable, AsksADirectoryOnlyWhereAPolicyDependsOnIt) {
  const PolicyTable policies =
      table_with_directory({{.name = "a", .users = {"bob"}},
                            {.name = "b", .clients = {"wifi"}, .groups = {"staff"}},
                            {.name = "c", .groups = {"staff"}},
                            {.name = "d", .groups = {"guests"}}});
  EXPECT_EQ(policies.choose(subject("bob")), 0);
  EXPECT_EQ(policies.choose(subject("alice")), PolicyTable::kAskDirectory);
  const std::string_view said[] = {"Staff"};
  PolicySubject known = subject("alice");
  known.groups = said;
  EXPECT_EQ(policies.choose(known), 2) << "the downstream has said so";
  const std::string_view guest[] = {"guests"};
  known.groups = guest;
  EXPECT_EQ(policies.choose(known), PolicyTable::kAskDirectory) << "one before may be his";
}

TEST(PolicyTable, GoesByTheGroupsOfTheDirectoryAndOfTheDownstream) {
  const PolicyTable policies = table_with_directory({{.name = "a", .groups = {"admins"}},
                                                     {.name = "b", .groups = {"STAFF", "vpn"}},
                                                     {.name = "c", .groups = {"guests"}}});
  PolicySubject alice = subject("alice");
  const auto by = [&](std::vector<std::string> names) {
    const verify::FoundGroups groups = found(policies, std::move(names));
    alice.directory_groups = &groups;
    return policies.choose(alice);
  };
  EXPECT_EQ(by({"Admins", "staff"}), 0);
  EXPECT_EQ(by({"others", "Staff"}), 1);
  EXPECT_EQ(by({}), PolicyTable::kNone);
  const std::string_view said[] = {"guests"};
  alice.groups = said;
  EXPECT_EQ(by({"vpn"}), 1);
  EXPECT_EQ(by({"others"}), 2);
}

TEST(PolicyTable, ADirectoryExemptsWhomItSpellsInTheSameWay) {
  const PolicyTable policies =
      table_with_directory({{.name = "a", .groups = {"x"}, .action = PolicyAction::exempt},
                            {.name = "b", .groups = {"x"}, .action = PolicyAction::deny}});
  verify::FoundGroups groups = found(policies, {"x"});
  PolicySubject alice = subject("ALICE");
  alice.directory_groups = &groups;
  EXPECT_EQ(policies.choose(alice), 0);
  groups.spelled_alike = false;
  EXPECT_EQ(policies.choose(alice), 1);
}

TEST(PolicyTable, WithoutANameNoDirectoryIsAsked) {
  const Policy exempt_all{.name = "b", .clients = {"vpn"}, .action = PolicyAction::exempt};
  EXPECT_EQ(table_with_directory(
                {{.name = "a", .groups = {"x"}, .action = PolicyAction::exempt}, exempt_all})
                .choose(subject("")),
            1);
  EXPECT_EQ(table_with_directory(
                {{.name = "a", .groups = {"x"}, .action = PolicyAction::deny}, exempt_all})
                .choose(subject("")),
            PolicyTable::kUnnamed);
}

TEST(PolicyTable, WithoutGroupsInPoliciesNoDirectoryIsAsked) {
  EXPECT_EQ(table_with_directory({{.name = "a"}}).directory_names(), nullptr);
  EXPECT_EQ(table({{.name = "a", .groups = {"x"}}}).directory_names(), nullptr);
}

TEST(PolicyTable, AddsItsOwnAttributesOrTheCommonOnes) {
  config::SecondFactor common;
  common.accept_attributes = {{.name = *radius::AttributeName::parse("Class"), .value = "mfa"}};
  const PolicyTable policies(
      {{.name = "a"},
       {.name = "b",
        .accept_attributes = {{.name = *radius::AttributeName::parse("26.9.1"), .value = "x"}}}},
      common, {});
  const auto bytes = [&](std::uint16_t index) {
    const Octets octets = policies.accept_attributes(index, verify::LoginFactor::push);
    return Bytes(octets.begin(), octets.end());
  };
  EXPECT_EQ(bytes(0), (Bytes{25, 5, 'm', 'f', 'a'}));
  EXPECT_EQ(bytes(PolicyTable::kNone), bytes(0));
  EXPECT_EQ(bytes(1), (Bytes{26, 9, 0, 0, 0, 9, 1, 3, 'x'}));
}

TEST(PolicyTable, AddsAnAttributeForEachGroup) {
  config::SecondFactor common;
  common.accept_attributes = {
      {.name = *radius::AttributeName::parse("Class"), .value = "mfa"},
      {.name = *radius::AttributeName::parse("Filter-Id"), .value = "{factor}:{group}."}};
  const PolicyTable policies(
      {{.name = "a"},
       {.name = "b",
        .accept_attributes = {{.name = *radius::AttributeName::parse("26.9.1"),
                               .value = "{group}"}}}},
      common, {});
  const auto bytes = [&](std::uint16_t index, std::string_view groups, std::size_t room = 4'096) {
    std::vector<std::uint8_t> out(room);
    const auto octets = policies.write_group_attributes(index, groups, out);
    out.resize(octets.value_or(0));
    return octets ? std::string(out.begin(), out.end()) : "no room";
  };
  EXPECT_EQ(bytes(0, "staff\nvpn"), "\x0b\x0dpush:staff.\x0b\x0bpush:vpn.");
  EXPECT_EQ(bytes(PolicyTable::kNone, "vpn"), "\x0b\x0bpush:vpn.");
  EXPECT_EQ(bytes(1, "vpn"), std::string("\x1a\x0b\0\0\0\x09\x01\x05vpn", 11));
  EXPECT_EQ(bytes(0, ""), "");
  EXPECT_EQ(bytes(0, "staff\nvpn", 24), "\x0b\x0dpush:staff.\x0b\x0bpush:vpn.");
  EXPECT_EQ(bytes(0, "staff\nvpn", 23), "no room");
  EXPECT_EQ(bytes(0, std::string(250, 'x') + "\na"), "\x0b\x09push:a.") << "longer than a value";
  // What is one for each group is not among the others.
  EXPECT_EQ(policies.accept_attributes(0, verify::LoginFactor::push).size(), 5u);
  EXPECT_TRUE(policies.accept_attributes(1, verify::LoginFactor::push).empty());
}

TEST(PolicyTable, RequiresAGroup) {
  const PolicyTable policies =
      table({{.name = "a", .required_groups = {"VPN users", "Admins"}}, {.name = "b"}});
  EXPECT_TRUE(policies.allows(0, "staff\nvpn USERS"));
  EXPECT_TRUE(policies.allows(0, "admins"));
  EXPECT_FALSE(policies.allows(0, "staff\nvpn"));
  EXPECT_FALSE(policies.allows(0, "VPN users and more"));
  EXPECT_FALSE(policies.allows(0, ""));
  EXPECT_TRUE(policies.allows(1, ""));
  EXPECT_TRUE(policies.allows(PolicyTable::kNone, ""));
}

TEST(LocalZone, IsUtcWithoutChanges) {
  EXPECT_EQ(LocalZone().minute_of_week(kMonday), 0);
  EXPECT_EQ(LocalZone().minute_of_week(kMonday - 1), LocalZone::kMinutesOfWeek - 1);
  EXPECT_EQ(LocalZone().minute_of_week(kMonday + 7 * kDay), 0);
  EXPECT_EQ(LocalZone().minute_of_week(0), 3 * 1440);
  EXPECT_EQ(LocalZone().minute_of_week(-1), 3 * 1440 - 1);
}

TEST(LocalZone, KnowsWhenSummerBegins) {
  ::setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
  const LocalZone zone = LocalZone::of_this_machine(kMonday);
  ::unsetenv("TZ");
  EXPECT_EQ(zone.minute_of_week(kMonday), 60);
  constexpr std::int64_t kSummer = 1'774'746'000;  // 2026-03-29 01:00 UTC
  EXPECT_EQ(zone.minute_of_week(kSummer - 60), 6 * 1440 + 119);
  EXPECT_EQ(zone.minute_of_week(kSummer), 6 * 1440 + 180);
  EXPECT_GE(zone.changes().size(), 19u);
}

}  // namespace
}  // namespace sallyport::radius_door
