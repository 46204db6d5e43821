#include "engine/config/command_line.h"

#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sallyport::config {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

Command parse(std::vector<const char*> words, const Environment& environment = {}) {
  words.insert(words.begin(), "sallyport");
  return parse_command_line(static_cast<int>(words.size()), words.data(), environment);
}

/// The text of a command line that is refused.
std::string refused(std::vector<const char*> words, const Environment& environment = {}) {
  const Command command = parse(std::move(words), environment);
  const auto* said = std::get_if<Said>(&command);
  if (said == nullptr) return "was taken";
  EXPECT_EQ(said->exit_status, 2) << said->text;
  return said->text;
}

TEST(CommandLine, ReadsEachCommand) {
  EXPECT_EQ(std::get<RunCommand>(parse({"run", "--config", "a.toml"})).config_path, "a.toml");
  EXPECT_EQ(std::get<RunCommand>(parse({"run", "--config=a.toml"})).config_path, "a.toml");
  EXPECT_EQ(std::get<CheckCommand>(parse({"check", "--config", "a.toml"})).config_path, "a.toml");
  EXPECT_EQ(std::get<ConfigCommand>(parse({"config", "--markdown"})).print,
            ConfigCommand::Print::markdown);
  EXPECT_EQ(std::get<ConfigCommand>(parse({"config", "--example"})).print,
            ConfigCommand::Print::example);
  EXPECT_TRUE(std::holds_alternative<VersionCommand>(parse({"version"})));
}

TEST(CommandLine, StatusKnowsWhereToAsk) {
  const auto plain = std::get<StatusCommand>(parse({"status"}));
  EXPECT_EQ(plain.admin->text(), "127.0.0.1:9812");
  EXPECT_FALSE(plain.json);
  const auto by_address =
      std::get<StatusCommand>(parse({"status", "--admin", "[::1]:9", "--json"}));
  EXPECT_EQ(by_address.admin->text(), "[::1]:9");
  EXPECT_TRUE(by_address.json);
  const auto by_file = std::get<StatusCommand>(parse({"status", "--config", "a.toml"}));
  EXPECT_EQ(by_file.config_path, "a.toml");
  EXPECT_FALSE(by_file.admin);
  EXPECT_THAT(refused({"status", "--admin", "nowhere"}), HasSubstr("not an IP address and port"));
  EXPECT_THAT(refused({"status", "--admin", "::1", "--config", "a"}), HasSubstr("exclude"));
}

TEST(CommandLine, ReadsEveryOptionOfNtkp) {
  for (const NtkpEntry& entry : ntkp_entries()) {
    const std::string word(entry.argument);
    const auto apart = std::get<RunCommand>(parse({"run", word.c_str(), "value"}));
    EXPECT_EQ(apart.ntkp[entry.option], "value");
    const auto joined = std::get<RunCommand>(parse({"run", (word + "=a=b").c_str()}));
    EXPECT_EQ(joined.ntkp[entry.option], "a=b");
    EXPECT_FALSE(joined.config_path);
    for (const NtkpEntry& other : ntkp_entries()) {
      EXPECT_EQ(joined.ntkp[other.option].has_value(), other.option == entry.option);
    }
  }
}

TEST(CommandLine, TakesValuesThatLookLikeWordsOfItsOwn) {
  for (const char* secret : {"-abc", "run", "check", "a b", "--", "-h"}) {
    const auto command = parse({"run", "--secret-out", secret, "--port-in", "5"});
    ASSERT_TRUE(std::holds_alternative<RunCommand>(command)) << secret;
    EXPECT_EQ(std::get<RunCommand>(command).ntkp[NtkpOption::secret_out], secret);
    EXPECT_EQ(std::get<RunCommand>(command).ntkp[NtkpOption::port_in], "5");
  }
  const auto empty = std::get<RunCommand>(parse({"run", "--secret-out=", "--port-in", "5"}));
  EXPECT_EQ(empty.ntkp[NtkpOption::secret_out], "");
  EXPECT_EQ(empty.ntkp[NtkpOption::port_in], "5");
}

TEST(CommandLine, RunWithoutSettingsExplainsBothWays) {
  EXPECT_THAT(refused({"run"}), AllOf(HasSubstr("sallyport run --config sallyport.toml"),
                                      HasSubstr("NOTAKEY_HOST"), HasSubstr("--secret-out")));
  // One variable of NtkP is enough to know what was meant.
  EXPECT_TRUE(std::holds_alternative<RunCommand>(parse({"run"}, {{"SECRET_OUT", "x"}})));
  EXPECT_THAT(refused({"run"}, {{"SECRET_OUT", ""}}), HasSubstr("two ways"));
}

TEST(CommandLine, AFileAndNtkpOptionsExcludeEachOther) {
  EXPECT_THAT(refused({"run", "--config", "a.toml", "--port-in", "5"}), HasSubstr("exclude"));
  const auto command = std::get<RunCommand>(
      parse({"run", "--config", "a.toml"}, {{"SECRET_OUT", "HIDDEN"}, {"PORT_IN", "5"}}));
  ASSERT_EQ(command.warnings.size(), 1U);
  EXPECT_THAT(command.warnings[0], AllOf(HasSubstr("PORT_IN"), HasSubstr("SECRET_OUT"),
                                         HasSubstr("ignored"), Not(HasSubstr("HIDDEN"))));
}

TEST(CommandLine, WrongWordsEndWithASuggestion) {
  EXPECT_THAT(refused({"rnu"}), HasSubstr("Did you mean: sallyport run?"));
  EXPECT_THAT(refused({"frobnicate"}), HasSubstr("Commands are run, check"));
  EXPECT_THAT(refused({"--config", "x"}), HasSubstr("needs a command"));
  EXPECT_THAT(refused({"run", "--confg", "x"}), HasSubstr("Did you mean --config?"));
  EXPECT_THAT(refused({"run", "--notakey-hots=x"}), HasSubstr("Did you mean --notakey-host?"));
  EXPECT_THAT(refused({"check"}), HasSubstr("sallyport check --config FILE"));
  EXPECT_THAT(refused({"config"}), HasSubstr("--example or --markdown"));
  EXPECT_THAT(refused({"config", "--example", "--markdown"}), HasSubstr("--example or --markdown"));
  EXPECT_THAT(refused({"check", "--config"}), HasSubstr("sallyport check: --config"));
  EXPECT_THAT(refused({"check", "run"}), HasSubstr("two commands"));
  EXPECT_THAT(refused({}), HasSubstr("Usage: sallyport"));
}

TEST(CommandLine, WrongWordsNeverRepeatASecret) {
  const std::vector<const char*> lines[] = {
      {"run", "--secret-out", "my", "HIDDEN"},
      {"run", "--secret-uot", "HIDDEN"},
      {"run", "--secret-uot=HIDDEN"},
      {"run", "--secret-out", "HIDDEN", "--nonsense"},
      {"run", "--config", "x", "--secret-out=HIDDEN"},
      {"--secret-out", "HIDDEN"},
      {"--secret-out=HIDDEN", "run"},
      {"run", "--secret-out", "HIDDEN", "--secret-out", "HIDDEN"},
      {"run", "HIDDEN"},
      {"run", "--secret-out=HIDDEN", "--port-in"},
  };
  for (const auto& words : lines) {
    const std::string text = refused(words);
    EXPECT_NE(text, "was taken");
    EXPECT_THAT(text, Not(HasSubstr("HIDDEN")));
  }
}

TEST(CommandLine, HelpIsForStandardOutputAndNamesTheOptions) {
  for (const std::vector<const char*>& words : {std::vector<const char*>{"--help"},
                                                {"run", "--help"},
                                                {"check", "-h"},
                                                {"status", "--help"},
                                                {"config", "--help"}}) {
    const auto said = std::get<Said>(parse(words));
    EXPECT_EQ(said.exit_status, 0);
    EXPECT_THAT(said.text, AllOf(HasSubstr("Usage: sallyport"), HasSubstr("Example")));
  }
  const auto run = std::get<Said>(parse({"run", "--help"})).text;
  for (const NtkpEntry& entry : ntkp_entries()) {
    EXPECT_THAT(run, HasSubstr(std::string(entry.argument)));
    EXPECT_THAT(run, HasSubstr("(" + std::string(entry.variable) + ")"));
  }
  EXPECT_THAT(std::get<Said>(parse({"--version"})).text, HasSubstr(SALLYPORT_VERSION));
}

TEST(ScrubArguments, OverwritesSecretsAndNothingElse) {
  std::string words[] = {"sallyport",
                         "run",
                         "--secret-out",
                         "HIDDEN",
                         "--port-in",
                         "1812",
                         "--address-secret-in=0.0.0.0:HIDDEN",
                         "--secret-outer=keep",
                         "--secret-out"};
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  scrub_arguments(static_cast<int>(argv.size()), argv.data());
  EXPECT_EQ(words[2], "--secret-out");
  EXPECT_EQ(words[3], "xxxxxx");
  EXPECT_EQ(words[5], "1812");
  EXPECT_EQ(words[6], "--address-secret-in=" + std::string(14, 'x'));
  EXPECT_EQ(words[7], "--secret-outer=keep");
  EXPECT_EQ(words[8], "--secret-out");
}

}  // namespace
}  // namespace sallyport::config
