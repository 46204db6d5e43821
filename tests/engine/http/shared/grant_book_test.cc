#include "engine/http/grant_book.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/http/grant_record.h"
#include "engine/http/operator_commands.h"
#include "tests/engine/http/shared/fake_store.h"

namespace sallyport::http_door {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using verify::GrantFailure;

constexpr std::uint64_t kStart = 1'700'000'000'000;
constexpr std::uint64_t kHour = 3'600'000;

/// Until it holds; false after ten seconds, when it never will.
bool soon(const std::function<bool()>& holds) {
  for (int i = 0; i < 10'000; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

Grant wanted(const char* where, std::string user, std::uint64_t lasts_ms = kHour) {
  Grant grant;
  grant.address = *IpAddress::parse(where);
  grant.user = std::move(user);
  grant.since_ms = kStart;
  grant.until_ms = kStart + lasts_ms;
  grant.by = "otp";
  return grant;
}

/// A node: its book, and what came of it.
struct Node {
  explicit Node(verify::Store* store, std::atomic<std::uint64_t>& clock)
      : book(64, 1,
             {.store = store,
              .audit = &audit,
              .recheck = [this] { ++rechecks; },
              .now_ms = [&clock] { return clock.load(); }}) {
    if (store != nullptr) {
      store->watch({verify::RecordKind::grant},
                   {.changed = [this](const auto& change) { book.changed(change); },
                    .resync = [this] { book.resync(); }});
    }
    book.start();
  }
  ~Node() { book.stop(); }

  /// Whose grant opens an address, to a shard.
  std::string user_at(const char* where, std::uint64_t now_ms = kStart) {
    GrantReader reader(book.publication());
    const Grant* const grant = reader.current().find(*IpAddress::parse(where), now_ms);
    return grant == nullptr ? "" : grant->user;
  }
  /// "grant_opened 1 alice visitor" and so on, since the last time.
  std::vector<std::string> told() {
    std::vector<std::string> lines;
    for (AuditEvent event; audit.try_pop(event);) {
      lines.push_back(event.event + " " + std::to_string(event.grant) + " " + event.user + " " +
                      event.who);
    }
    return lines;
  }

  AuditEvents audit;
  std::atomic<int> rechecks = 0;
  GrantBook book;
};

class GrantBookTest : public testing::Test {
 protected:
  std::atomic<std::uint64_t> clock_ = kStart;
  FakeStore store_;
};

TEST_F(GrantBookTest, AGrantIsInTheStoreAndOpensItsAddress) {
  Node node(&store_, clock_);
  Grant asked = wanted("192.0.2.1", "alice");
  asked.session = std::string("\0hash", 5);
  asked.reason = "on call";
  asked.slides_ms = 5;
  asked.latest_ms = kStart + 7 * kHour;
  const auto opened = node.book.open(asked);
  ASSERT_TRUE(opened);
  asked.id = opened->id;
  EXPECT_EQ(*opened, asked);
  EXPECT_EQ(node.user_at("192.0.2.1"), "alice");
  const auto record = store_.get(grant_key(opened->id));
  ASSERT_TRUE(record && *record);
  EXPECT_EQ(read_grant(opened->id, **record), asked);
  EXPECT_THAT(node.told(), ElementsAre("grant_opened 1 alice visitor"));

  ASSERT_TRUE(node.book.end(opened->id, "user"));
  EXPECT_EQ(node.user_at("192.0.2.1"), "");
  EXPECT_EQ(store_.size(), 0u);
  EXPECT_TRUE(soon([&] { return node.rechecks == 1; })) << "its open streams are cut off";
  EXPECT_THAT(node.told(), ElementsAre("grant_ended 1 alice user"));
  EXPECT_EQ(node.book.end(opened->id, "user").error(), GrantFailure::unknown);
  EXPECT_EQ(node.book.end(99, "user").error(), GrantFailure::unknown);
}

TEST_F(GrantBookTest, TheSameAgainKeepsItsIdAndLastsLonger) {
  for (verify::Store* const store : {static_cast<verify::Store*>(&store_), {}}) {
    Node node(store, clock_);
    const std::uint64_t first = node.book.open(wanted("2001:db8::1", "alice"))->id;
    Grant again = wanted("2001:db8::2", "alice", 2 * kHour);
    again.since_ms += 5;
    for (int i = 0; i < 3; ++i) {  // what version its change has got, the book has to look up
      again.until_ms += 1000;
      const auto longer = node.book.open(again);
      ASSERT_TRUE(longer);
      EXPECT_EQ(longer->id, first);
      EXPECT_EQ(longer->since_ms, kStart + 5);
      EXPECT_EQ(longer->until_ms, again.until_ms);
    }
    EXPECT_EQ(node.book.open(wanted("2001:db8::2", "alice", 1))->until_ms, again.until_ms);
    // Another factor, session, user or address is another grant.
    Grant other = again;
    other.by = "push";
    EXPECT_NE(node.book.open(other)->id, first);
    other = again;
    other.session = "s";
    EXPECT_NE(node.book.open(other)->id, first);
    EXPECT_NE(node.book.open(wanted("2001:db8::1", "bob"))->id, first);
    EXPECT_NE(node.book.open(wanted("2001:db8:1::1", "alice"))->id, first);
    EXPECT_EQ(node.book.size(), 5u);
    EXPECT_EQ(node.book.of_user("alice").size(), 4u);
    EXPECT_EQ(node.book.end_session("s", "user"), 1u);
    EXPECT_EQ(node.book.end_session("none", "user"), 0u);
    EXPECT_EQ(node.book.size(), 4u);
  }
}

TEST_F(GrantBookTest, WhatCannotBeIsRefused) {
  Node node(&store_, clock_);
  Grant bad = wanted("192.0.2.1", "alice");
  bad.until_ms = bad.since_ms;
  EXPECT_EQ(node.book.open(bad).error(), GrantFailure::bad);
  EXPECT_EQ(node.book.open(wanted("0.0.0.0", "alice")).error(), GrantFailure::bad);
  EXPECT_EQ(node.book.open(wanted("192.0.2.1", "al\nice")).error(), GrantFailure::bad);
  EXPECT_EQ(store_.size(), 0u);
}

TEST_F(GrantBookTest, NothingIsOpenedThatTheAuditLogCannotTell) {
  Node node(nullptr, clock_);
  for (std::size_t i = 0; i < AuditEvents::kMost; ++i) node.audit.push({});
  EXPECT_EQ(node.book.open(wanted("192.0.2.1", "alice")).error(), GrantFailure::unavailable);
  EXPECT_EQ(node.user_at("192.0.2.1"), "");
}

TEST_F(GrantBookTest, AnotherNodeOpensAndEnds) {
  Node here(&store_, clock_);
  Node there(&store_, clock_);
  const std::uint64_t id = there.book.open(wanted("192.0.2.1", "alice"))->id;
  ASSERT_TRUE(soon([&] { return here.user_at("192.0.2.1") == "alice"; }));
  EXPECT_THAT(here.told(), ElementsAre("grant_opened 1 alice another node"));
  // Each can end what the other has opened.
  ASSERT_TRUE(here.book.end(id, "user"));
  ASSERT_TRUE(soon([&] { return there.user_at("192.0.2.1").empty(); }));
  ASSERT_TRUE(soon([&] { return there.rechecks == 1; })) << "its open streams are cut off";
  EXPECT_THAT(there.told(),
              ElementsAre("grant_opened 1 alice visitor", "grant_ended 1 alice another node"));
}

TEST_F(GrantBookTest, GrantsOutliveTheProcess) {
  {
    Node node(&store_, clock_);
    ASSERT_TRUE(node.book.open(wanted("192.0.2.1", "alice")));
  }
  store_.watch_nobody();
  Node next(&store_, clock_);
  EXPECT_EQ(next.user_at("192.0.2.1"), "alice") << "before it serves";
  EXPECT_THAT(next.told(), ElementsAre()) << "no news";
  EXPECT_EQ(next.book.open(wanted("192.0.2.1", "bob"))->id, 2u);
}

TEST_F(GrantBookTest, WhileTheStoreIsAwayGrantsGoOnAndNoneBegins) {
  Node node(&store_, clock_);
  const std::uint64_t id = node.book.open(wanted("192.0.2.1", "alice"))->id;
  store_.set_away(true);
  EXPECT_EQ(node.book.open(wanted("192.0.2.2", "bob")).error(), GrantFailure::unavailable);
  EXPECT_EQ(node.book.open(wanted("192.0.2.1", "alice", 2 * kHour)).error(),
            GrantFailure::unavailable);
  EXPECT_EQ(node.book.end(id, "user").error(), GrantFailure::unavailable);
  EXPECT_EQ(node.book.end_these(node.book.list(), "user").error(), GrantFailure::unavailable);
  EXPECT_EQ(node.user_at("192.0.2.1"), "alice");
  clock_ = kStart + kHour;
  ASSERT_TRUE(soon([&] { return node.book.size() == 0; })) << "it still ends on time";
  ASSERT_TRUE(soon([&] { return node.rechecks == 1; }));
  EXPECT_THAT(node.told(),
              ElementsAre("grant_opened 1 alice visitor", "grant_expired 1 alice time"));
}

TEST_F(GrantBookTest, AfterATimeOutOfTouchItListsThem) {
  Node node(&store_, clock_);
  const std::uint64_t ended = node.book.open(wanted("192.0.2.1", "alice"))->id;
  const std::uint64_t longer = node.book.open(wanted("192.0.2.2", "bob"))->id;
  ASSERT_TRUE(node.book.open(wanted("192.0.2.3", "carol")));
  static_cast<void>(node.told());
  // What happens meanwhile elsewhere, nobody tells.
  store_.set_late(true);
  ASSERT_TRUE(store_.remove(grant_key(ended)));
  Grant changed = *node.book.find(longer);
  changed.until_ms += 5;
  ASSERT_TRUE(store_.put(grant_key(longer), grant_value(changed), changed.until_ms));
  const Grant fresh = wanted("192.0.2.4", "dave");
  ASSERT_TRUE(store_.put(grant_key(77), grant_value(fresh), fresh.until_ms));
  ASSERT_TRUE(store_.put(grant_key(78), "nonsense", fresh.until_ms));
  store_.forget_news();
  store_.set_late(false);
  node.book.resync();
  ASSERT_TRUE(soon([&] { return node.user_at("192.0.2.4") == "dave"; }));
  EXPECT_EQ(node.user_at("192.0.2.1"), "");
  EXPECT_EQ(node.user_at("192.0.2.2"), "bob");
  EXPECT_EQ(node.user_at("192.0.2.3"), "carol");
  EXPECT_EQ(node.book.find(longer)->until_ms, changed.until_ms);
  ASSERT_TRUE(soon([&] { return node.rechecks == 1; }));
  EXPECT_THAT(node.told(), testing::UnorderedElementsAre("grant_ended 1 alice another node",
                                                         "grant_extended 2 bob another node",
                                                         "grant_opened 77 dave another node"));
}

TEST_F(GrantBookTest, AStoreThatHasLostItsDataGivesNoNumberTwice) {
  Node node(&store_, clock_);
  ASSERT_TRUE(node.book.open(wanted("192.0.2.1", "alice")));
  ASSERT_TRUE(node.book.open(wanted("192.0.2.2", "bob")));
  store_.lose();
  node.book.resync();
  ASSERT_TRUE(soon([&] { return node.book.size() == 0; }));
  const auto opened = node.book.open(wanted("192.0.2.3", "carol"));
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->id, 3u);
  EXPECT_EQ(node.user_at("192.0.2.3"), "carol");
}

TEST_F(GrantBookTest, AStoreThatIsAwayAtTheStartIsAskedAgain) {
  const Grant kept = wanted("192.0.2.1", "alice");
  ASSERT_TRUE(store_.put(grant_key(5), grant_value(kept), kept.until_ms));
  store_.set_away(true);
  Node node(&store_, clock_);
  EXPECT_EQ(node.user_at("192.0.2.1"), "");
  store_.set_away(false);
  EXPECT_TRUE(soon([&] { return node.user_at("192.0.2.1") == "alice"; }));
}

TEST_F(GrantBookTest, LateNewsOpenNothingAgain) {
  Node node(&store_, clock_);
  store_.set_late(true);
  const std::uint64_t id = node.book.open(wanted("192.0.2.1", "alice"))->id;
  ASSERT_TRUE(node.book.end(id, "user"));
  static_cast<void>(node.told());
  store_.tell();  // opened, and ended
  // What the watcher says goes in order, so this comes after.
  const Grant last = wanted("192.0.2.9", "last");
  ASSERT_TRUE(store_.put(grant_key(50), grant_value(last), last.until_ms));
  store_.tell();
  ASSERT_TRUE(soon([&] { return node.user_at("192.0.2.9") == "last"; }));
  EXPECT_THAT(node.told(), ElementsAre("grant_opened 50 last another node"));
}

TEST_F(GrantBookTest, LateNewsTakeNothingBack) {
  Node node(&store_, clock_);
  store_.set_late(true);
  const std::uint64_t id = node.book.open(wanted("192.0.2.1", "alice"))->id;
  const Grant longer = *node.book.open(wanted("192.0.2.1", "alice", 2 * kHour));
  ASSERT_EQ(longer.id, id);
  static_cast<void>(node.told());
  // Another's change comes after both of ours.
  Grant last = longer;
  last.until_ms += kHour;
  ASSERT_TRUE(store_.put(grant_key(id), grant_value(last), last.until_ms));
  store_.tell();
  ASSERT_TRUE(soon([&] { return node.book.find(id)->until_ms == last.until_ms; }));
  EXPECT_THAT(node.told(), ElementsAre("grant_extended 1 alice another node"));
  EXPECT_EQ(node.rechecks, 0) << "at no time did it end sooner";
}

TEST_F(GrantBookTest, WhoEndsAGrantIsNotUndoneByWhoExtendsIt) {
  Node here(&store_, clock_);
  const std::uint64_t id = here.book.open(wanted("192.0.2.1", "alice"))->id;
  // Another node ends it just before it is extended here.
  store_.before_next_change([&] { ASSERT_TRUE(store_.remove(grant_key(id))); });
  const auto opened = here.book.open(wanted("192.0.2.1", "alice", 2 * kHour));
  ASSERT_TRUE(opened);
  EXPECT_NE(opened->id, id) << "confirmed anew, so another one";
  const auto record = store_.get(grant_key(id));
  EXPECT_TRUE(record && !*record);
}

TEST_F(GrantBookTest, WhatAnotherChangedMeanwhileIsKept) {
  Node here(&store_, clock_);
  const Grant first = *here.book.open(wanted("192.0.2.1", "alice"));
  store_.set_late(true);
  store_.before_next_change([&] {
    Grant later = first;
    later.until_ms += 9 * kHour;
    ASSERT_TRUE(store_.put(grant_key(first.id), grant_value(later), later.until_ms));
  });
  const auto opened = here.book.open(wanted("192.0.2.1", "alice", 2 * kHour));
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->id, first.id);
  EXPECT_EQ(opened->until_ms, first.until_ms + 9 * kHour);
}

TEST_F(GrantBookTest, ASlidingGrantLastsLongerAsLongAsItIsUsed) {
  for (verify::Store* const store : {static_cast<verify::Store*>(&store_), {}}) {
    clock_ = kStart;
    Node node(store, clock_);
    SlideTeller shard(&node.book.slides());
    Grant sliding = wanted("192.0.2.1", "alice");
    sliding.slides_ms = kHour;
    sliding.latest_ms = kStart + 2 * kHour;
    const std::uint64_t id = node.book.open(sliding)->id;
    const auto until = [&] { return node.book.find(id)->until_ms; };
    const auto use = [&] { shard.used(*node.book.find(id), clock_); };
    use();  // in its first half: nothing to do
    clock_ = kStart + kHour * 3 / 4;
    use();
    ASSERT_TRUE(soon([&] { return until() == kStart + kHour * 7 / 4; }));
    clock_ = kStart + kHour * 3 / 2;
    use();
    ASSERT_TRUE(soon([&] { return until() == kStart + 2 * kHour; })) << "never beyond the latest";
    EXPECT_EQ(node.told().size(), 3u);
    if (store == nullptr) continue;
    EXPECT_EQ((*store_.get(grant_key(id)))->until_ms, kStart + 2 * kHour);
  }
}

TEST_F(GrantBookTest, AShardAsksOnceAndIsRememberedUntilTheStoreIsBack) {
  Node node(&store_, clock_);
  SlideTeller shard(&node.book.slides());
  Grant sliding = wanted("192.0.2.1", "alice");
  sliding.slides_ms = kHour;
  sliding.latest_ms = kStart + 9 * kHour;
  const Grant opened = *node.book.open(sliding);
  store_.set_away(true);
  clock_ = kStart + kHour * 3 / 4;
  for (int i = 0; i < 10'000; ++i) shard.used(opened, clock_);  // more than the queue holds
  ASSERT_TRUE(soon([&] { return store_.refused() > 0; }));
  store_.set_away(false);
  ASSERT_TRUE(soon([&] { return node.book.find(opened.id)->until_ms > opened.until_ms; }));
  EXPECT_EQ(store_.changes(), 2u) << "opened, and extended once";
}

// --- Operators -------------------------------------------------------------------------------

class FakeUsers final : public UserCommands {
 public:
  std::string show(std::string_view user) override { return "user: " + std::string(user) + "\n"; }
  verify::Changed unlock(std::string_view user) override { return change(user); }
  verify::Changed reset_otp(std::string_view user) override { return change(user); }
  verify::Registered register_otp(std::string_view user) override {
    if (!there) return std::unexpected(verify::RegisterFailure::unavailable);
    if (user == "bob") return std::unexpected(verify::RegisterFailure::registered);
    return "otpauth://totp/x";
  }
  verify::Changed reset_passkeys(std::string_view user) override { return change(user); }
  /// There is nothing of carol.
  [[nodiscard]] verify::Changed change(std::string_view user) const {
    return there ? verify::Changed(user != "carol") : std::nullopt;
  }
  bool there = true;
};

TEST_F(GrantBookTest, OperatorsOpenListAndEnd) {
  Node node(&store_, clock_);
  const auto say = [&](std::string line) {
    for (char& c : line) c = c == ' ' ? '\t' : c;
    return obey(line + "\n", "operator uid=7",
                {.grants = node.book,
                 .users = nullptr,
                 .audit = node.audit,
                 .now_ms = kStart,
                 .access_ms = kHour});
  };
  EXPECT_EQ(say("grants-list"), "ok\n");
  EXPECT_EQ(say("grants-add 192.0.2.1 alice 60 why"),
            "ok\n1\t192.0.2.1\talice\t1700000000000\t1700000060000\toperator\twhy\n");
  EXPECT_THAT(say("grants-add 2001:db8::1 alice 0 "), HasSubstr("\t1700003600000\t"));
  EXPECT_THAT(say("grants-add 192.0.2.1 bob 60 "), StartsWith("ok\n3\t"));
  EXPECT_THAT(say("grants-list-user bob"), StartsWith("ok\n3\t"));
  EXPECT_THAT(say("grants-list-address 192.0.2.1"), HasSubstr("\n3\t"));
  EXPECT_EQ(say("grants-list-address 192.0.2.2"), "ok\n");
  EXPECT_EQ(say("grants-end 2"), "ok\n1 ended\n");
  EXPECT_EQ(say("grants-end 2"), "error: there is no grant of this number\n");
  EXPECT_EQ(say("grants-end-user alice"), "ok\n1 ended\n");
  EXPECT_EQ(say("grants-end-address 192.0.2.1"), "ok\n1 ended\n");
  EXPECT_EQ(say("grants-end-all"), "ok\n0 ended\n");
  EXPECT_THAT(
      node.told(),
      ElementsAre("grant_opened 1 alice operator uid=7", "grant_opened 2 alice operator uid=7",
                  "grant_opened 3 bob operator uid=7", "grant_ended 2 alice operator uid=7",
                  "grant_ended 1 alice operator uid=7", "grant_ended 3 bob operator uid=7"));
  for (const char* line :
       {"", "grants", "grants-list x", "grants-end", "grants-end x", "grants-add 192.0.2.1 alice",
        "grants-add nowhere alice 1 ", "grants-add 192.0.2.1 alice 99999999999 ", "users-show",
        "grants-add 192.0.2.1  1 ", "grants-end-address nowhere", "users-x alice"}) {
    EXPECT_THAT(say(line), StartsWith("error: ")) << line;
  }
  EXPECT_EQ(say("users-show alice"),
            "error: there is no gate, and no policy that asks for codes\n");
  EXPECT_EQ(store_.size(), 0u);
  store_.set_away(true);
  EXPECT_THAT(say("grants-add 192.0.2.1 alice 60 why"), HasSubstr("store"));
  EXPECT_THAT(say("grants-end 1"), HasSubstr("store"));
}

TEST_F(GrantBookTest, OperatorsSeeAndHelpUsers) {
  Node node(nullptr, clock_);
  FakeUsers users;
  const auto say = [&](std::string_view line) {
    return obey(line, "operator uid=7",
                {.grants = node.book,
                 .users = &users,
                 .audit = node.audit,
                 .now_ms = kStart,
                 .access_ms = kHour});
  };
  EXPECT_EQ(say("users-show\talice smith\n"), "ok\nuser: alice smith\n");
  EXPECT_EQ(say("users-unlock\talice\n"), "ok\ndone\n");
  EXPECT_EQ(say("users-reset-otp\talice\n"), "ok\ndone\n");
  EXPECT_EQ(say("users-register-otp\talice\n"), "ok\notpauth://totp/x\n");
  EXPECT_TRUE(say("users-register-otp\tbob\n").starts_with("error: this user has"));
  EXPECT_EQ(say("users-reset-passkeys\talice\n"), "ok\ndone\n");
  EXPECT_EQ(say("users-unlock\tcarol\n"), "ok\nnothing was counted against this user\n");
  EXPECT_EQ(say("users-reset-otp\tcarol\n"), "ok\nnothing was registered\n");
  EXPECT_EQ(say("users-reset-passkeys\tcarol\n"), "ok\nnothing was registered\n");
  EXPECT_THAT(node.told(), ElementsAre("user_unlocked 0 alice operator uid=7",
                                       "otp_reset 0 alice operator uid=7",
                                       "otp_registered 0 alice operator uid=7",
                                       "passkeys_reset 0 alice operator uid=7"));
  users.there = false;
  EXPECT_THAT(say("users-unlock\talice\n"), StartsWith("error: "));
  EXPECT_THAT(node.told(), ElementsAre());
}

}  // namespace
}  // namespace sallyport::http_door
