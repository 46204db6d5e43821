// Passkeys: registered by a mailed link, then signing in. The authenticator is the tests' own.

#include <gtest/gtest.h>

#include "tests/protocol/webauthn/authenticator.h"
#include "tests/verify/gate/gate_harness.h"

namespace sallyport::verify {
namespace {

using webauthn::Ceremony;

GateSettings passkey_settings() {
  GateSettings settings = plain_settings();
  settings.factors = {Factor::passkey};
  return settings;
}

std::string b64(std::string_view octets) { return base64url(as_octets(octets)); }

std::string mailed(World& world, Browser& browser, std::string_view user) {
  browser.start(user);
  browser.post("/register", {{"factor", "passkey"}});
  world.run_jobs();
  return world.messages.link_secret();
}

GateReply register_passkey(Browser& browser, const std::string& k, Ceremony ceremony,
                           const std::string& current_code = "") {
  const GateReply shown = browser.get("/register?k=" + k);
  EXPECT_EQ(shown.view.page, PageId::register_passkey);
  EXPECT_EQ(shown.view.relying_party, "login.example.net");
  ceremony.challenge = shown.view.challenge;
  return browser.post("/register", {{"k", k},
                                    {"credential", b64(ceremony.id)},
                                    {"client_data", b64(ceremony.client_data())},
                                    {"attestation", b64(ceremony.object())},
                                    {"name", "Key ring"},
                                    {"current_code", current_code}});
}

GateReply sign(Browser& browser, Ceremony ceremony) {
  return browser.submit("/passkey", {{"credential", b64(ceremony.id)},
                                     {"client_data", b64(ceremony.client_data())},
                                     {"authenticator_data", b64(ceremony.data())},
                                     {"signature", b64(ceremony.signature())},
                                     {"user_handle", ""}});
}

Ceremony login_with(const std::string& challenge, std::uint32_t count = 8) {
  Ceremony ceremony = webauthn::login();
  ceremony.challenge = challenge;
  ceremony.sign_count = count;
  return ceremony;
}

/// Alice has one.
struct Registered {
  World world{passkey_settings()};
  Browser browser{world};
  Registered() {
    const std::string k = mailed(world, browser, "alice");
    EXPECT_EQ(register_passkey(browser, k, Ceremony{}).location, "/visit");
  }
};

TEST(Passkey, IsRegisteredAndLetsIn) {
  Registered registered;
  const GateReply asked = registered.browser.get("/visit");
  EXPECT_EQ(asked.view.page, PageId::passkey);
  const GateReply done = sign(registered.browser, login_with(asked.view.challenge));
  EXPECT_EQ(done.view.page, PageId::done);
  EXPECT_EQ(registered.world.keeper.all()[0].by, "passkey");
  const GateReply access = registered.browser.get("/access");
  ASSERT_EQ(access.view.passkeys.size(), 1);
  EXPECT_EQ(access.view.passkeys[0].name, "Key ring");
}

TEST(Passkey, AChallengeIsGoodOnce) {
  Registered registered;
  const std::string challenge = registered.browser.get("/visit").view.challenge;
  Ceremony forged = login_with(challenge);
  forged.origin = "https://evil.example";
  const GateReply wrong = sign(registered.browser, forged);
  EXPECT_EQ(wrong.view.error, GateError::bad_passkey);
  EXPECT_NE(wrong.view.challenge, challenge);
  EXPECT_EQ(sign(registered.browser, login_with(challenge)).view.error, GateError::bad_passkey);
  const std::string next = registered.browser.get("/visit").view.challenge;
  EXPECT_EQ(sign(registered.browser, login_with(next)).view.page, PageId::done);
}

TEST(Passkey, AClonedOneIsRefused) {
  Registered registered;
  const std::string challenge = registered.browser.get("/visit").view.challenge;
  EXPECT_EQ(sign(registered.browser, login_with(challenge, 7)).view.error, GateError::bad_passkey);
  EXPECT_TRUE(registered.world.keeper.all().empty());
}

TEST(Passkey, IsNoneAnyMoreWhenAnOperatorRemovesAll) {
  Registered registered;
  World& world = registered.world;
  EXPECT_NE(world.gate->show_user("alice").find("passkey: Key ring"), std::string::npos);
  EXPECT_TRUE(world.gate->reset_passkeys("alice"));
  EXPECT_EQ(world.gate->show_user("alice").find("passkey: "), std::string::npos);
  Browser browser(world);
  const GateReply shown = browser.start("alice");
  EXPECT_EQ(sign(browser, login_with(shown.view.challenge)).view.error, GateError::bad_passkey);
  EXPECT_TRUE(world.keeper.all().empty());
}

TEST(Passkey, OfAnotherUserIsNone) {
  Registered registered;
  Browser browser(registered.world, "198.51.100.7");
  for (const char* user : {"bob", "nobody"}) {
    const std::string challenge = browser.start(user).view.challenge;
    EXPECT_EQ(sign(browser, login_with(challenge)).view.error, GateError::bad_passkey);
  }
  EXPECT_TRUE(registered.world.keeper.all().empty());
}

TEST(Passkey, WrongOnesEndTheVisit) {
  Registered registered;
  registered.browser.get("/visit");
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(sign(registered.browser, login_with("AAAA")).view.error, GateError::bad_passkey);
  }
  EXPECT_EQ(registered.browser.get("/visit").view.page, PageId::ended);
}

TEST(Passkey, FormsThatAreNoneAreToldSo) {
  Registered registered;
  registered.browser.get("/visit");
  EXPECT_EQ(registered.browser.post("/passkey", {}).view.error, GateError::bad_form);
  EXPECT_EQ(registered.browser
                .post("/passkey", {{"credential", "!"}, {"client_data", std::string(20'000, 'A')}})
                .view.error,
            GateError::bad_form);
}

TEST(RegisterPasskey, AMailboxAloneAddsNoneToWhoHasOne) {
  Registered registered;
  Browser attacker(registered.world, "198.51.100.7");
  const std::string k = mailed(registered.world, attacker, "alice");
  Ceremony another;
  another.id = "another-credential";
  EXPECT_EQ(register_passkey(attacker, k, another).view.error, GateError::bad_code);
  // The one who has signed in with it can.
  const std::string challenge = registered.browser.get("/visit").view.challenge;
  sign(registered.browser, login_with(challenge));
  EXPECT_EQ(register_passkey(registered.browser, k, another).location, "/access");
  EXPECT_EQ(registered.browser.get("/access").view.passkeys.size(), 2);
}

TEST(RegisterPasskey, WhatIsForAnotherChallengeOrSiteIsRefused) {
  World world(passkey_settings());
  Browser browser(world);
  const std::string k = mailed(world, browser, "alice");
  Ceremony elsewhere;
  elsewhere.origin = "https://evil.example";
  EXPECT_EQ(register_passkey(browser, k, elsewhere).view.error, GateError::bad_passkey);
  Ceremony unverified;
  unverified.flags = webauthn::kUp | webauthn::kAt;
  EXPECT_EQ(register_passkey(browser, k, unverified).view.error, GateError::bad_passkey);
  EXPECT_EQ(register_passkey(browser, k, Ceremony{}).location, "/visit")
      << "the link is still good";
}

TEST(Passkey, IsSealedInTheStore) {
  Registered registered;
  const std::string key = webauthn::KeyPair::of(webauthn::Sort::p256).cose();
  std::size_t passkeys = 0;
  for (const auto& [name, record] : registered.world.store.all()) {
    if (std::get<0>(name) != RecordKind::passkey) continue;
    ++passkeys;
    EXPECT_EQ(record.value.find(key), std::string::npos);
    EXPECT_EQ(record.value.find("Key ring"), std::string::npos);
  }
  EXPECT_EQ(passkeys, 1);
}

}  // namespace
}  // namespace sallyport::verify
