// Both ceremonies with an authenticator of our own: as they should be, and with each part broken
// once.

#include "protocol/webauthn/webauthn.h"

#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/protocol/webauthn/authenticator.h"

namespace sallyport::webauthn {
namespace {

Credential credential_of(Sort sort) {
  return {.id = "credential-id-16", .public_key = KeyPair::of(sort).cose(), .sign_count = 7};
}

std::expected<std::uint32_t, Problem> logs_in(const Ceremony& ceremony) {
  return check_assertion(kExpected, credential_of(ceremony.sort), ceremony.client_data(),
                         ceremony.data(), ceremony.signature());
}

struct Broken {
  const char* what;
  Problem problem;
  std::function<void(Ceremony&)> change;
};

/// What breaks a ceremony of either sort.
const std::vector<Broken> kBroken = {
    {"type", Problem::wrong_type, [](Ceremony& c) { c.type = "payment.get"; }},
    {"no type", Problem::malformed, [](Ceremony& c) { c.type = R"(x","type":"y)"; }},
    {"challenge", Problem::wrong_challenge, [](Ceremony& c) { c.challenge[0] ^= 1; }},
    {"challenge cut", Problem::wrong_challenge, [](Ceremony& c) { c.challenge.resize(40); }},
    {"challenge padded", Problem::wrong_challenge, [](Ceremony& c) { c.challenge += '='; }},
    {"no challenge", Problem::wrong_challenge, [](Ceremony& c) { c.challenge.clear(); }},
    {"origin", Problem::wrong_origin, [](Ceremony& c) { c.origin = "https://evil.example"; }},
    {"scheme", Problem::wrong_origin, [](Ceremony& c) { c.origin.replace(0, 5, "http"); }},
    {"port", Problem::wrong_origin, [](Ceremony& c) { c.origin += ":8443"; }},
    {"suffix", Problem::wrong_origin, [](Ceremony& c) { c.origin += ".evil.example"; }},
    {"frame", Problem::wrong_origin,
     [](Ceremony& c) { c.more_client_data = R"(,"crossOrigin":true)"; }},
    {"origin twice", Problem::malformed,
     [](Ceremony& c) { c.more_client_data = R"(,"origin":"https://login.example.net")"; }},
    {"challenge twice", Problem::malformed,
     [](Ceremony& c) { c.more_client_data = R"(,"challenge":"AA")"; }},
    {"type twice", Problem::malformed, [](Ceremony& c) { c.more_client_data = R"(,"type":"")"; }},
    {"crossOrigin", Problem::malformed,
     [](Ceremony& c) { c.more_client_data = R"(,"crossOrigin":"false")"; }},
    {"JSON", Problem::malformed, [](Ceremony& c) { c.more_client_data = ",}"; }},
    {"JSON trailing", Problem::malformed, [](Ceremony& c) { c.more_client_data = "}{"; }},
    {"JSON UTF-8", Problem::malformed, [](Ceremony& c) { c.origin += '\xff'; }},
    {"JSON deep", Problem::malformed,
     [](Ceremony& c) {
       c.more_client_data = ",\"x\":" + std::string(100, '[') + std::string(100, ']');
     }},
    {"JSON long", Problem::malformed,
     [](Ceremony& c) { c.more_client_data = ",\"x\":\"" + std::string(4'096, 'x') + '"'; }},
    {"rpIdHash", Problem::wrong_relying_party, [](Ceremony& c) { c.relying_party = "evil.net"; }},
    {"UP", Problem::not_present, [](Ceremony& c) { c.flags &= ~kUp; }},
    {"UV", Problem::not_verified, [](Ceremony& c) { c.flags &= ~kUv; }},
    {"BS without BE", Problem::malformed, [](Ceremony& c) { c.flags |= kBs; }},
    {"ED without any", Problem::malformed, [](Ceremony& c) { c.flags |= kEd; }},
    {"extensions without ED", Problem::malformed, [](Ceremony& c) { c.extensions = cbor_map(0); }},
    {"extensions no map", Problem::malformed,
     [](Ceremony& c) {
       c.flags |= kEd;
       c.extensions = cbor_head(4, 0);
     }},
    {"extensions trailing", Problem::malformed,
     [](Ceremony& c) {
       c.flags |= kEd;
       c.extensions = cbor_map(0) + cbor_map(0);
     }},
};

TEST(Registration, GivesTheCredentialOfEachAlgorithm) {
  for (const Sort sort : kSorts) {
    const auto credential = Ceremony{.sort = sort}.registers();
    ASSERT_TRUE(credential) << to_text(credential.error());
    EXPECT_EQ(credential->id, "credential-id-16");
    EXPECT_EQ(credential->public_key, KeyPair::of(sort).cose());
    EXPECT_EQ(credential->sign_count, 7U);
    EXPECT_FALSE(credential->backed_up);
  }
}

TEST(Registration, SaysOfEachBrokenPartWhatIsWrong) {
  for (const Broken& broken : kBroken) {
    Ceremony ceremony;
    broken.change(ceremony);
    const auto credential = ceremony.registers();
    ASSERT_FALSE(credential) << broken.what;
    EXPECT_EQ(credential.error(), broken.problem)
        << broken.what << ": " << to_text(credential.error());
  }
}

TEST(Registration, NeedsACredentialItCanUse) {
  const auto [x, y] = KeyPair::of(Sort::p256).point();
  const auto ec2 = [&](int algorithm, int curve, std::string_view px, std::string_view py) {
    return cbor_map(5) + cbor(1) + cbor(2) + cbor(3) + cbor(algorithm) + cbor(-1) + cbor(curve) +
           cbor(-2) + cbor_bytes(px) + cbor(-3) + cbor_bytes(py);
  };
  const auto rsa = [](std::size_t octets, std::string_view e) {
    return cbor_map(4) + cbor(1) + cbor(3) + cbor(3) + cbor(-257) + cbor(-1) +
           cbor_bytes(std::string(octets, '\xf1')) + cbor(-2) + cbor_bytes(e);
  };
  const std::string ed25519 = KeyPair::of(Sort::ed25519).cose();
  const std::vector<std::pair<std::string, Problem>> keys = {
      {ec2(-35, 2, x, y), Problem::unknown_algorithm},  // ES384
      {ec2(-65'535, 1, x, y), Problem::unknown_algorithm},
      {ec2(-8, 1, x, y), Problem::malformed},    // EdDSA, but not of that type
      {ec2(-257, 1, x, y), Problem::malformed},  // RS256 likewise
      {ec2(-7, 2, x, y), Problem::malformed},    // another curve
      {ec2(-7, 1, x, x), Problem::malformed},    // no point of it
      {ec2(-7, 1, x + '\0', y), Problem::malformed},
      {ec2(-7, 1, x.substr(1), y), Problem::malformed},
      {ec2(-7, 1, "", ""), Problem::malformed},
      {rsa(255, "\x01\x01"), Problem::malformed},  // too small
      {rsa(513, "\x01\x01"), Problem::malformed},  // too large
      {rsa(256, ""), Problem::malformed},
      {rsa(256, "\x01"), Problem::malformed},
      {rsa(256, "\x02"), Problem::malformed},
      {rsa(256, "\x01\x01\x01\x01\x01"), Problem::malformed},
      {ed25519.substr(0, ed25519.size() - 1), Problem::malformed},
      {cbor_map(0), Problem::malformed},
      {cbor_map(1) + cbor(1) + cbor(2), Problem::malformed},
      {cbor_map(2) + cbor(3) + cbor(-7) + cbor(1) + cbor(2), Problem::malformed},  // wrong order
      {cbor_map(3) + cbor(1) + cbor(2) + cbor(1) + cbor(2) + cbor(3) + cbor(-7),
       Problem::malformed},
      {cbor_map(2) + cbor(1) + cbor(2) + cbor(3) + cbor_text("ES256"), Problem::malformed},
      {"\xbf" + ec2(-7, 1, x, y).substr(1) + "\xff", Problem::malformed},  // indefinite
      {"\xc1" + ec2(-7, 1, x, y), Problem::malformed},                     // tagged
      {"\xff", Problem::malformed},
  };
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto credential = Ceremony{.cose = keys[i].first}.registers();
    ASSERT_FALSE(credential) << i;
    EXPECT_EQ(credential.error(), keys[i].second) << i << ": " << to_text(credential.error());
  }
  EXPECT_EQ(Ceremony{.flags = kUp | kUv}.registers().error(), Problem::malformed);  // no AT
  EXPECT_EQ(Ceremony{.id = ""}.registers().error(), Problem::malformed);
  EXPECT_TRUE(Ceremony{.id = std::string(1'023, 'x')}.registers());
  EXPECT_EQ(Ceremony{.id = std::string(1'024, 'x')}.registers().error(), Problem::malformed);
  // Labels that we do not know are passed over.
  const std::string more = cbor_map(6) + ec2(-7, 1, x, y).substr(1) + cbor(-70) + cbor_text("x");
  EXPECT_TRUE(Ceremony{.cose = more}.registers());
}

TEST(Registration, TakesAnyAttestationWithoutTrustingIt) {
  const std::string packed = cbor_map(2) + cbor_text("alg") + cbor(-7) + cbor_text("x5c") +
                             cbor_head(4, 1) + cbor_bytes(std::string(900, 'c'));
  EXPECT_TRUE((Ceremony{.format = "packed", .statement = packed}.registers()));
  EXPECT_TRUE(
      (Ceremony{.format = "x", .statement = cbor_map(1) + cbor_text("a") + "\xf6"}.registers()));
  const std::string deep = cbor_map(1) + cbor_text("a") + std::string(4, '\x81') + cbor(1);
  for (const std::string& statement :
       {cbor(1), cbor_bytes(""), std::string(), std::string("\xff"), std::string("\xbf\xff"), deep,
        cbor_map(1) + cbor(1), std::string("\xbb\xff\xff\xff\xff\xff\xff\xff\xff")}) {
    const auto credential = Ceremony{.statement = statement}.registers();
    ASSERT_FALSE(credential);
    EXPECT_EQ(credential.error(), Problem::malformed);
  }
}

TEST(Registration, ReadsTheAttestationObjectToItsLastOctet) {
  const Ceremony ceremony;
  const std::string object = ceremony.object();
  const auto check = [&](std::string_view changed) {
    return check_registration(kExpected, ceremony.client_data(), changed);
  };
  ASSERT_TRUE(check(object));
  for (std::size_t length = 0; length < object.size(); ++length)
    ASSERT_EQ(check(object.substr(0, length)).error(), Problem::malformed) << length;
  EXPECT_EQ(check(object + '\0').error(), Problem::malformed);
  EXPECT_EQ(check(object + object).error(), Problem::malformed);

  const std::string format = cbor_text("fmt") + cbor_text("none");
  const std::string statement = cbor_text("attStmt") + cbor_map(0);
  const std::string data = cbor_text("authData") + cbor_bytes(ceremony.data());
  EXPECT_TRUE(check(cbor_map(3) + data + statement + format));  // whatever the order
  EXPECT_TRUE(check(cbor_map(4) + data + statement + format + cbor_text("ep") + "\xf5"));
  for (const std::string& twice : {format, statement, data})
    EXPECT_EQ(check(cbor_map(4) + format + statement + data + twice).error(), Problem::malformed);
  EXPECT_EQ(check(cbor_map(2) + format + data).error(), Problem::malformed);
  EXPECT_EQ(check(cbor_map(2) + statement + data).error(), Problem::malformed);
  EXPECT_EQ(check(cbor_map(2) + format + statement).error(), Problem::malformed);
  EXPECT_EQ(check(std::string(1'000'000, '\x81')).error(), Problem::malformed);
}

TEST(Registration, TellsWhetherThePasskeyIsBackedUp) {
  const auto credential = Ceremony{.flags = kUp | kUv | kAt | kBe | kBs}.registers();
  ASSERT_TRUE(credential);
  EXPECT_TRUE(credential->backed_up);
  EXPECT_FALSE(Ceremony{.flags = kUp | kUv | kAt | kBe}.registers()->backed_up);
}

TEST(Registration, TakesExtensions) {
  const std::string extensions =
      cbor_map(1) + cbor_text("credProps") + cbor_map(1) + cbor_text("rk") + "\xf5";
  EXPECT_TRUE((Ceremony{.flags = kUp | kUv | kAt | kEd, .extensions = extensions}.registers()));
}

TEST(Assertion, IsBelievedOfEachAlgorithm) {
  for (const Sort sort : kSorts) {
    const auto count = logs_in(login(sort));
    ASSERT_TRUE(count) << to_text(count.error());
    EXPECT_EQ(*count, 8U);
  }
}

TEST(Assertion, SaysOfEachBrokenPartWhatIsWrong) {
  for (const Broken& broken : kBroken) {
    Ceremony ceremony = login();
    broken.change(ceremony);
    const auto count = logs_in(ceremony);
    ASSERT_FALSE(count) << broken.what;
    EXPECT_EQ(count.error(), broken.problem) << broken.what << ": " << to_text(count.error());
  }
}

TEST(Assertion, IsNoRegistrationAndTheOtherWayRound) {
  Ceremony ceremony = login();
  ceremony.type = "webauthn.create";
  EXPECT_EQ(logs_in(ceremony).error(), Problem::wrong_type);
  EXPECT_EQ(Ceremony{.type = "webauthn.get"}.registers().error(), Problem::wrong_type);
}

TEST(Assertion, IsBadWhateverOctetOfItsSignatureIsChanged) {
  for (const Sort sort : kSorts) {
    const Ceremony ceremony = login(sort);
    const std::string good = ceremony.signature();
    const auto check = [&](std::string_view signature) {
      return check_assertion(kExpected, credential_of(sort), ceremony.client_data(),
                             ceremony.data(), signature);
    };
    ASSERT_TRUE(check(good));
    for (std::size_t at = 0; at < good.size(); ++at) {
      std::string signature = good;
      signature[at] ^= 1;
      ASSERT_EQ(check(signature).error(), Problem::bad_signature) << at;
    }
    for (const std::string& signature :
         {std::string(), good + '\0', good.substr(1), std::string(100'000, 'x')})
      EXPECT_EQ(check(signature).error(), Problem::bad_signature);
  }
}

TEST(Assertion, IsOfItsKeyItsDataAndItsClientDataOnly) {
  const Ceremony ceremony = login();
  const std::string signature = ceremony.signature();
  Credential other = credential_of(Sort::p256);
  other.public_key = KeyPair(Sort::p256).cose();
  EXPECT_EQ(
      check_assertion(kExpected, other, ceremony.client_data(), ceremony.data(), signature).error(),
      Problem::bad_signature);
  Ceremony counted = ceremony;
  counted.sign_count = 9;
  EXPECT_EQ(check_assertion(kExpected, credential_of(Sort::p256), ceremony.client_data(),
                            counted.data(), signature)
                .error(),
            Problem::bad_signature);
  EXPECT_EQ(check_assertion(kExpected, credential_of(Sort::p256), ceremony.client_data() + " ",
                            ceremony.data(), signature)
                .error(),
            Problem::bad_signature);
  other.public_key = "nonsense";
  EXPECT_EQ(
      check_assertion(kExpected, other, ceremony.client_data(), ceremony.data(), signature).error(),
      Problem::malformed);
}

TEST(Assertion, NoticesACounterThatDoesNotGoUp) {
  const auto check = [](std::uint32_t stored, std::uint32_t sent) {
    Ceremony ceremony = login();
    ceremony.sign_count = sent;
    Credential credential = credential_of(Sort::p256);
    credential.sign_count = stored;
    return check_assertion(kExpected, credential, ceremony.client_data(), ceremony.data(),
                           ceremony.signature());
  };
  EXPECT_EQ(check(0, 0), 0U);  // it does not count
  EXPECT_EQ(check(0, 1), 1U);
  EXPECT_EQ(check(7, 0xffff'ffff), 0xffff'ffffU);
  EXPECT_EQ(check(7, 7).error(), Problem::cloned);
  EXPECT_EQ(check(7, 6).error(), Problem::cloned);
  EXPECT_EQ(check(7, 0).error(), Problem::cloned);
}

TEST(Assertion, AsksForVerificationOnlyWhereExpected) {
  Ceremony ceremony = login();
  ceremony.flags = kUp;
  Expected expected = kExpected;
  EXPECT_EQ(logs_in(ceremony).error(), Problem::not_verified);
  expected.user_verification = false;
  EXPECT_TRUE(check_assertion(expected, credential_of(Sort::p256), ceremony.client_data(),
                              ceremony.data(), ceremony.signature()));
}

TEST(Assertion, IsNeverBelievedWithoutAChallenge) {
  Ceremony ceremony = login();
  ceremony.challenge.clear();
  Expected expected = kExpected;
  expected.challenge = "";
  EXPECT_EQ(check_assertion(expected, credential_of(Sort::p256), ceremony.client_data(),
                            ceremony.data(), ceremony.signature())
                .error(),
            Problem::wrong_challenge);
}

TEST(Assertion, ReadsAuthenticatorDataToItsLastOctet) {
  const Ceremony ceremony = login();
  const std::string data = ceremony.data();
  ASSERT_EQ(data.size(), 37U);
  for (std::size_t length = 0; length < data.size(); ++length) {
    ASSERT_EQ(check_assertion(kExpected, credential_of(Sort::p256), ceremony.client_data(),
                              data.substr(0, length), ceremony.signature())
                  .error(),
              Problem::malformed)
        << length;
  }
  Ceremony extended = ceremony;
  extended.flags |= kEd;
  extended.extensions = cbor_map(1) + cbor_text("uvm") + cbor_head(4, 0);
  EXPECT_TRUE(logs_in(extended));
  extended.extensions = cbor_map(1) + cbor_text("x") + cbor_bytes(std::string(4'096, 'x'));
  EXPECT_EQ(logs_in(extended).error(), Problem::malformed);
}

}  // namespace
}  // namespace sallyport::webauthn
