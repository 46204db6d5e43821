#include "engine/config/clients_file.h"

#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "engine/config/config.h"
#include "tests/engine/config/config_testing.h"

namespace sallyport::config {
namespace {

using ::testing::HasSubstr;
using testing::joined;

class ClientsFileTest : public ::testing::Test {
 protected:
  std::expected<ClientsFile, std::vector<Mistake>> read(std::string_view text,
                                                        std::span<const Client> others = {}) {
    path_ = folder_.write("clients", text);
    ::chmod(path_.c_str(), 0640);
    return read_clients_file(path_, others);
  }
  std::string mistakes_of(std::string_view text, std::span<const Client> others = {}) {
    const auto file = read(text, others);
    return file ? std::string() : joined(file.error());
  }

  testing::TemporaryFolder folder_;
  std::string path_;
};

TEST_F(ClientsFileTest, TakesAClientFromEachLine) {
  const auto file = read(
      "# our branches\n"
      "192.0.2.7,office,0123456789abcdef\r\n"
      "\n"
      "2001:db8::/48,branch 2,commas, too, are of the secret");
  ASSERT_TRUE(file) << joined(file.error());
  EXPECT_TRUE(file->warnings.empty());
  const ClientRows& rows = *file->rows;
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].prefix.text(), Prefix::parse("192.0.2.7")->text());
  EXPECT_EQ(rows[0].name, "office");
  EXPECT_EQ(as_text(rows[0].secret), "0123456789abcdef");
  EXPECT_EQ(rows[1].prefix.text(), "2001:db8::/48");
  EXPECT_EQ(rows[1].name, "branch 2");
  EXPECT_EQ(as_text(rows[1].secret), "commas, too, are of the secret");
}

TEST_F(ClientsFileTest, NamesTheLineOfEveryMistakeAndRepeatsNoText) {
  const std::string mistakes = mistakes_of(
      "192.0.2.1,good,0123456789abcdef\n"
      "192.0.2.2 hunter2hunter2\n"
      "hunter2hunter2,name,0123456789abcdef\n"
      "192.0.2.3,na\"me,hunter2hunter2\n"
      "192.0.2.4,name,\n");
  EXPECT_THAT(mistakes, HasSubstr(path_ + ":2:1: radius.clients_file: is not \"address,name"));
  EXPECT_THAT(mistakes, HasSubstr(":3:1: radius.clients_file: does not begin with an IP address"));
  EXPECT_THAT(mistakes, HasSubstr(":4:1: radius.clients_file: has a second field that is not a"));
  EXPECT_THAT(mistakes, HasSubstr(":5:1: radius.clients_file: has no secret"));
  EXPECT_THAT(mistakes, ::testing::Not(HasSubstr("hunter2")));
}

TEST_F(ClientsFileTest, FindsAPrefixThatStandsTwiceHereOrInAClientSection) {
  EXPECT_THAT(mistakes_of("192.0.2.0/24,a,0123456789abcdef\n"
                          "\n"
                          "192.0.2.0/25,longer prefixes may lie inside,0123456789abcdef\n"
                          "192.0.2.0/24,b,0123456789abcdef\n"),
              HasSubstr(":4:1: radius.clients_file: names 192.0.2.0/24 again, after line 1"));
  const Client section{.name = "vpn", .addresses = {*Prefix::parse("192.0.2.9")}, .secret = {}};
  EXPECT_THAT(mistakes_of("192.0.2.8,a,0123456789abcdef\n192.0.2.9,b,0123456789abcdef\n",
                          std::span(&section, 1)),
              HasSubstr(":2:1: radius.clients_file: names 192.0.2.9/32, which belongs to "
                        "client \"vpn\" already"));
}

TEST_F(ClientsFileTest, SaysThatHostBitsAreSetAndWhatTheNetworkIs) {
  const std::string mistakes = mistakes_of(
      "10.0.0.1/8,x,0123456789abcdef\n"
      "2001:db8::1/32,y,0123456789abcdef\n"
      "10.0.0.0/33,z,0123456789abcdef\n"
      "10.0.0.1/hunter2,z,0123456789abcdef\n");
  EXPECT_THAT(mistakes, HasSubstr(":1:1: radius.clients_file: begins with what is not a prefix: "
                                  "\"10.0.0.1/8\" has bits set past its prefix length; "
                                  "\"10.0.0.0/8\" is the network"));
  EXPECT_THAT(mistakes, HasSubstr(":2:1: radius.clients_file: begins with what is not a prefix"));
  EXPECT_THAT(mistakes, HasSubstr(":3:1: radius.clients_file: does not begin with an IP address"));
  EXPECT_THAT(mistakes, HasSubstr(":4:1: radius.clients_file: does not begin with an IP address"));
  EXPECT_THAT(mistakes, ::testing::Not(HasSubstr("hunter2")));
}

TEST_F(ClientsFileTest, TellsOfDoublesBesideOtherMistakesInTheOrderOfLines) {
  const auto file = read(
      "192.0.2.1,a,0123456789abcdef\n"
      "192.0.2.1,b,0123456789abcdef\n"
      "nothing\n"
      "192.0.2.2,c,0123456789abc\x01"
      "ef\n");
  ASSERT_FALSE(file);
  ASSERT_EQ(file.error().size(), 3U) << joined(file.error());
  EXPECT_THAT(file.error()[0].text(), HasSubstr(":2:1: radius.clients_file: names 192.0.2.1/32"));
  EXPECT_THAT(file.error()[1].text(), HasSubstr(":3:1: radius.clients_file: is not"));
  EXPECT_THAT(file.error()[2].text(),
              HasSubstr(":4:1: radius.clients_file: has a secret that has a control character"));
}

TEST_F(ClientsFileTest, TellsTheFirstOfManyMistakes) {
  std::string text;
  for (int i = 0; i < 1'000; ++i) text += "nothing\n";
  const auto file = read(text);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().size(), 21U);
  EXPECT_THAT(joined(file.error()), HasSubstr("has 980 mistakes more"));
}

TEST_F(ClientsFileTest, WarnsOnceOfShortSecrets) {
  const auto file = read("192.0.2.1,a,0123456789abcdef\n192.0.2.2,b,short\n192.0.2.3,c,short\n");
  ASSERT_TRUE(file) << joined(file.error());
  EXPECT_THAT(joined(file->warnings), HasSubstr(":2:1: radius.clients_file: has 2 secrets of 12"));
}

TEST_F(ClientsFileTest, RefusesAFileThatOthersMayOpenOrThatIsEmptyOrIsNone) {
  EXPECT_THAT(mistakes_of("# nobody\n"), HasSubstr("names no client"));
  const std::string open = folder_.write("open", "192.0.2.1,a,0123456789abcdef\n");
  ::chmod(open.c_str(), 0644);
  auto refused = read_clients_file(open, {});
  ASSERT_FALSE(refused);
  EXPECT_THAT(joined(refused.error()), HasSubstr("everybody on this machine may open it"));
  refused = read_clients_file(open + "-not-there", {});
  ASSERT_FALSE(refused);
  EXPECT_THAT(joined(refused.error()), HasSubstr("cannot be read: No such file"));
}

TEST_F(ClientsFileTest, TheExampleOfTheDocumentsIsGood) {
  std::ifstream document(SALLYPORT_SOURCE_FOLDER "/docs/operations.md");
  std::string text;
  bool inside = false;
  for (std::string line; std::getline(document, line);) {
    inside |= line.starts_with("    # address or prefix, name");
    if (inside && !line.starts_with("    ")) break;
    if (inside) text += line.substr(4) + '\n';
  }
  const auto file = read(text);
  ASSERT_TRUE(file) << joined(file.error());
  EXPECT_TRUE(file->warnings.empty());
  EXPECT_EQ(file->rows->size(), 2U);
}

TEST_F(ClientsFileTest, StandsForTheClientSectionsOfAConfiguration) {
  read("192.0.2.1,a,0123456789abcdef\n192.0.2.2,b,0123456789abcdef\n");
  const std::string rest =
      "[downstream]\naddress = \"192.0.2.200\"\nsecret = \"0123456789abcdef\"\n"
      "[notakey]\nhost = \"https://api.example.net\"\naccess_id = \"id\"\n";
  const auto loaded = testing::load("[radius]\nclients_file = \"" + path_ + "\"\n" + rest);
  ASSERT_TRUE(loaded) << joined(loaded.error());
  ASSERT_NE(loaded->config.client_rows, nullptr);
  EXPECT_EQ(loaded->config.client_rows->size(), 2U);

  folder_.write("clients", "192.0.2.1,a\n");
  const auto refused =
      testing::load("[radius]\nclients_file = \"" + path_ + "\"\nbad = 1\n" + rest);
  ASSERT_FALSE(refused);
  EXPECT_THAT(joined(refused.error()), HasSubstr("radius.bad: is not a setting"));
  EXPECT_THAT(joined(refused.error()), HasSubstr(path_ + ":1:1: radius.clients_file: is not"));
}

}  // namespace
}  // namespace sallyport::config
