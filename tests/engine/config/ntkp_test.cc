#include "engine/config/ntkp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/config/address_secret.h"
#include "engine/config/settings.h"
#include "tests/engine/config/config_testing.h"

namespace sallyport::config {
namespace {

using ::testing::HasSubstr;
using testing::joined;
using ::testing::Not;

Environment required() {
  return {{"NOTAKEY_HOST", "https://demo.notakey.com"},
          {"NOTAKEY_ACCESS_ID", "235879a9"},
          {"LISTEN_ADDRESS", "0.0.0.0"},
          {"ADDRESS_SECRET_IN", "192.0.2.1:0123456789abcdef"},
          {"DOWNSTREAM_ADDRESS", "192.0.2.200"},
          {"SECRET_OUT", "fedcba9876543210"}};
}

TEST(Ntkp, WithNothingButTheRequiredIsAConfiguration) {
  Environment environment = required();
  environment.erase("LISTEN_ADDRESS");
  const auto loaded = from_ntkp({}, environment);
  ASSERT_TRUE(loaded) << joined(loaded.error());
  const Config& config = loaded->config;
  ASSERT_EQ(config.radius.listen.size(), 1U);
  EXPECT_EQ(config.radius.listen[0].text(), "127.0.0.1:1812");
  ASSERT_EQ(config.clients.size(), 1U);
  EXPECT_EQ(config.clients[0].name, "192.0.2.1");
  EXPECT_EQ(config.clients[0].secret, Secret("0123456789abcdef"));
  EXPECT_EQ(config.downstream.host, "192.0.2.200");
  EXPECT_EQ(config.downstream.port, 1812);
  EXPECT_EQ(config.downstream.secret, Secret("fedcba9876543210"));
  EXPECT_EQ(config.downstream.send_timeout_ms, 5'000U);
  EXPECT_EQ(config.downstream.receive_timeout_ms, 5'000U);
  EXPECT_EQ(config.notakey.host, "https://demo.notakey.com");
  EXPECT_EQ(config.notakey.access_id, "235879a9");
  EXPECT_EQ(config.notakey.version, NotakeyVersion::v2);
  EXPECT_EQ(config.notakey.timeout_ms, 5'000U);
  ASSERT_TRUE(config.admin.listen);
  EXPECT_EQ(config.admin.listen->text(), "127.0.0.1:9812");
  EXPECT_FALSE(config.admin.required) << "NtkP starts whether or not this port is free";
  EXPECT_THAT(joined(loaded->warnings),
              HasSubstr("LISTEN_ADDRESS (--listen-address): is 127.0.0.1"));
}

/// One option, a value that is not its default, and what then stands in the configuration.
struct OptionCase {
  NtkpOption option;
  const char* value;
  const char* key;  ///< in the table of settings
  const char* expected;
};

constexpr OptionCase kCases[] = {
    {NtkpOption::notakey_host, "https://n.example/api/", "notakey.host",
     "\"https://n.example/api/\""},
    {NtkpOption::notakey_access_id, "other", "notakey.access_id", "\"other\""},
    {NtkpOption::notakey_timeout, "7", "notakey.timeout", "\"7s\""},
    {NtkpOption::notakey_timeout, "00:00:08", "notakey.timeout", "\"8s\""},
    {NtkpOption::listen_address, "192.0.2.77", "radius.listen", "[\"192.0.2.77:1812\"]"},
    {NtkpOption::listen_address, "[::]", "radius.listen", "[\"[::]:1812\"]"},
    {NtkpOption::listen_address, "2001:db8::7", "radius.listen", "[\"[2001:db8::7]:1812\"]"},
    {NtkpOption::port_in, "1645", "radius.listen", "[\"0.0.0.0:1645\"]"},
    {NtkpOption::address_secret_in, "[::]:0123456789abcdef", "client.addresses", "[\"::/0\"]"},
    {NtkpOption::downstream_address, "radius.example.net", "downstream.address",
     "\"radius.example.net:1812\""},
    {NtkpOption::downstream_address, "2001:db8::9", "downstream.address", "\"[2001:db8::9]:1812\""},
    {NtkpOption::port_out, "1645", "downstream.address", "\"192.0.2.200:1645\""},
    {NtkpOption::secret_out, "another-secret-text", "downstream.secret", "set"},
    {NtkpOption::proxy_send_timeout, "2.5", "downstream.send_timeout", "\"2s500ms\""},
    {NtkpOption::proxy_send_timeout, "3", "downstream.receive_timeout", "\"3s\""},
    {NtkpOption::proxy_receive_timeout, "9", "downstream.receive_timeout", "\"9s\""},
};

std::string text_of(const Config& config, std::string_view key) {
  Draft draft{.config = config, .client = config.clients.at(0)};
  for (const Setting& setting : settings()) {
    const std::string name =
        std::string(entry(setting.section).name) + "." + std::string(setting.key);
    if (name == key) return value_text(setting, draft);
  }
  return "no such setting";
}

class NtkpMatrix : public ::testing::TestWithParam<OptionCase> {};

TEST_P(NtkpMatrix, WorksFromTheEnvironment) {
  const OptionCase& c = GetParam();
  Environment environment = required();
  environment[std::string(ntkp_entries()[static_cast<std::size_t>(c.option)].variable)] = c.value;
  const auto loaded = from_ntkp({}, environment);
  ASSERT_TRUE(loaded) << joined(loaded.error());
  EXPECT_EQ(text_of(loaded->config, c.key), c.expected);
}

TEST_P(NtkpMatrix, TheCommandLineWins) {
  const OptionCase& c = GetParam();
  Environment environment = required();
  // Nonsense there would be a mistake, were it looked at.
  environment[std::string(ntkp_entries()[static_cast<std::size_t>(c.option)].variable)] = "@ @";
  NtkpOptions options;
  options[c.option] = c.value;
  const auto loaded = from_ntkp(options, environment);
  ASSERT_TRUE(loaded) << joined(loaded.error());
  EXPECT_EQ(text_of(loaded->config, c.key), c.expected);
}

INSTANTIATE_TEST_SUITE_P(Options, NtkpMatrix, ::testing::ValuesIn(kCases));

TEST(Ntkp, TheMatrixHasEveryOption) {
  for (const NtkpEntry& entry : ntkp_entries()) {
    EXPECT_TRUE(std::ranges::any_of(kCases, [&](const auto& c) {
      return c.option == entry.option;
    })) << entry.variable;
    EXPECT_EQ(&entry, &ntkp_entries()[static_cast<std::size_t>(entry.option)]);
  }
}

TEST(Ntkp, NamesEveryMissingOptionAtOnce) {
  const auto loaded = from_ntkp({}, {});
  ASSERT_FALSE(loaded);
  const std::string text = joined(loaded.error());
  for (const NtkpEntry& entry : ntkp_entries()) {
    const std::string name =
        std::string(entry.variable) + " (" + std::string(entry.argument) + "): is missing";
    EXPECT_EQ(text.contains(name), entry.required) << name;
  }
}

TEST(Ntkp, AnEmptyValueIsNone) {
  Environment environment = required();
  environment["PORT_IN"] = "";
  environment["PROXY_RECEIVE_TIMEOUT"] = "";
  environment["NOTAKEY_HOST"] = "";
  const auto loaded = from_ntkp({}, environment);
  ASSERT_FALSE(loaded);
  ASSERT_EQ(loaded.error().size(), 1U) << joined(loaded.error());
  EXPECT_THAT(loaded.error()[0].text(), HasSubstr("NOTAKEY_HOST (--notakey-host): is missing"));
}

TEST(Ntkp, RefusesBadValuesUnderTheNamesOfTheOption) {
  const struct {
    const char* variable;
    const char* value;
  } cases[] = {{"NOTAKEY_HOST", "demo.notakey.com"},
               {"NOTAKEY_ACCESS_ID", "a/b"},
               {"NOTAKEY_TIMEOUT", "5s"},
               {"NOTAKEY_TIMEOUT", "0"},
               {"NOTAKEY_TIMEOUT", "301"},
               {"LISTEN_ADDRESS", "localhost"},
               {"PORT_IN", "0"},
               {"PORT_IN", "65536"},
               {"PORT_IN", "1812x"},
               {"ADDRESS_SECRET_IN", "192.0.2.1"},
               {"DOWNSTREAM_ADDRESS", "a b"},
               {"DOWNSTREAM_ADDRESS", "192.0.2.2:1812"},
               {"DOWNSTREAM_ADDRESS", "0.0.0.0"},
               {"PORT_OUT", "-1"},
               {"PROXY_SEND_TIMEOUT", "x"},
               {"PROXY_RECEIVE_TIMEOUT", "1:2"}};
  for (const auto& [variable, value] : cases) {
    Environment environment = required();
    environment[variable] = value;
    const auto loaded = from_ntkp({}, environment);
    ASSERT_FALSE(loaded) << variable << "=" << value;
    ASSERT_EQ(loaded.error().size(), 1U) << joined(loaded.error());
    EXPECT_TRUE(loaded.error()[0].key.starts_with(std::string(variable) + " (--"))
        << loaded.error()[0].text();
  }
}

TEST(Ntkp, NoMessageHoldsASecret) {
  for (const char* pairs :
       {"HIDDENHIDDEN", "192.0.2.300:HIDDEN", "2001:db8::1:HIDDEN", "[::1]HIDDEN",
        "192.0.2.1:HIDDEN,192.0.2.1:HIDDEN", "192.0.2.1:HIDDEN,192.0.2.999:HIDDEN"}) {
    NtkpOptions options;
    options[NtkpOption::address_secret_in] = pairs;
    options[NtkpOption::secret_out] = "HIDDEN";
    Environment environment = required();
    const auto loaded = from_ntkp(options, environment);
    const std::string text = loaded ? joined(loaded->warnings) : joined(loaded.error());
    EXPECT_FALSE(text.empty());
    EXPECT_THAT(text, Not(HasSubstr("HIDDEN")));
  }
}

TEST(AddressSecret, ReadsPairs) {
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  const struct {
    std::string_view text;
    Pairs pairs;
  } cases[] = {
      {"0.0.0.0:123", {{"0.0.0.0/0", "123"}}},
      {"[::]:123", {{"::/0", "123"}}},
      {"192.0.2.1:a,192.0.2.2:b", {{"192.0.2.1/32", "a"}, {"192.0.2.2/32", "b"}}},
      {"192.0.2.1:a, 192.0.2.2:b", {{"192.0.2.1/32", "a"}, {"192.0.2.2/32", "b"}}},
      {"[2001:db8::1]:a,192.0.2.0/24:b", {{"2001:db8::1/128", "a"}, {"192.0.2.0/24", "b"}}},
      {"[2001:db8::/32]:a", {{"2001:db8::/32", "a"}}},
      {"192.0.2.1:a:b:c", {{"192.0.2.1/32", "a:b:c"}}},
      {"192.0.2.1:a,b", {{"192.0.2.1/32", "a,b"}}},
      {"192.0.2.1:a,", {{"192.0.2.1/32", "a,"}}},
      {"192.0.2.1:,a", {{"192.0.2.1/32", ",a"}}},
      {"192.0.2.1:a,192.0.2.2", {{"192.0.2.1/32", "a,192.0.2.2"}}},
      {"192.0.2.1:a,b:c,[::1]:d", {{"192.0.2.1/32", "a,b:c"}, {"::1/128", "d"}}},
      {"192.0.2.1: a ", {{"192.0.2.1/32", " a "}}},
      {"192.0.2.1:[::1]:x", {{"192.0.2.1/32", "[::1]:x"}}},
  };
  for (const auto& [text, pairs] : cases) {
    const AddressSecrets parsed = parse_address_secrets(text);
    EXPECT_TRUE(parsed.mistakes.empty()) << text;
    Pairs found;
    for (const AddressSecret& pair : parsed.pairs) {
      found.emplace_back(pair.prefix.text(), as_text(pair.secret.reveal()));
    }
    EXPECT_EQ(found, pairs) << text;
  }
}

TEST(AddressSecret, RefusesTheRest) {
  for (const std::string_view text :
       {"", ",", ":", "192.0.2.1", "192.0.2.1:", "192.0.2.1:,192.0.2.2:b", "host:a", "::1:a",
        "[::1]", "[::1:a", "[]:a", "[::1]a:b", "192.0.2.0/33:a", "192.0.2.1:a,192.0.2.1:b"}) {
    EXPECT_FALSE(parse_address_secrets(text).mistakes.empty()) << text;
  }
}

TEST(AddressSecret, WarnsWhenAMistypedAddressBecomesPartOfASecret) {
  EXPECT_EQ(parse_address_secrets("192.0.2.1:a,192.0.2.300:b").warnings.size(), 1U);
  EXPECT_TRUE(parse_address_secrets("192.0.2.1:a,b:c").warnings.empty());
}

}  // namespace
}  // namespace sallyport::config
