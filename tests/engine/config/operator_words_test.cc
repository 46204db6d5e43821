#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/config/command_line.h"

namespace sallyport::config {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Print = OperatorCommand::Print;

Command parse(std::vector<const char*> words) {
  words.insert(words.begin(), "sallyport");
  return parse_command_line(static_cast<int>(words.size()), words.data(), {});
}

OperatorCommand taken(std::vector<const char*> words) {
  const Command command = parse(std::move(words));
  const auto* said = std::get_if<Said>(&command);
  EXPECT_EQ(said, nullptr) << said->text;
  return said == nullptr ? std::get<OperatorCommand>(command) : OperatorCommand();
}

std::string refused(std::vector<const char*> words) {
  const Command command = parse(std::move(words));
  const auto* said = std::get_if<Said>(&command);
  if (said == nullptr) return "was taken";
  EXPECT_EQ(said->exit_status, 2) << said->text;
  return said->text;
}

TEST(OperatorWords, BecomeLinesOfTheControlSocket) {
  struct Case {
    std::vector<const char*> words;
    const char* line;
    Print print;
  };
  const std::vector<Case> cases = {
      {{"grants", "list"}, "grants-list", Print::grants},
      {{"grants", "list", "--json"}, "grants-list", Print::grants_json},
      {{"grants", "list", "--user", "alice"}, "grants-list-user\talice", Print::grants},
      {{"grants", "list", "--address", "::1"}, "grants-list-address\t::1", Print::grants},
      {{"grants", "add", "::1", "--user", "al ice"}, "grants-add\t::1\tal ice\t0\t", Print::grants},
      {{"grants", "add", "::1", "--user", "alice", "--for", "1h30m", "--reason", "on call"},
       "grants-add\t::1\talice\t5400\ton call",
       Print::grants},
      {{"grants", "revoke", "17"}, "grants-end\t17", Print::text},
      {{"grants", "revoke", "--user", "alice"}, "grants-end-user\talice", Print::text},
      {{"grants", "revoke", "--address", "::1"}, "grants-end-address\t::1", Print::text},
      {{"grants", "revoke", "--all"}, "grants-end-all", Print::text},
      {{"users", "show", "alice"}, "users-show\talice", Print::text},
      {{"users", "unlock", "alice"}, "users-unlock\talice", Print::text},
      {{"users", "reset-otp", "alice"}, "users-reset-otp\talice", Print::text},
      {{"users", "reset-passkeys", "alice"}, "users-reset-passkeys\talice", Print::text},
  };
  for (const Case& c : cases) {
    for (const bool by_file : {true, false}) {
      std::vector<const char*> words = c.words;
      words.push_back(by_file ? "--config" : "--socket");
      words.push_back("a.where");
      const OperatorCommand command = taken(words);
      EXPECT_EQ(command.line, c.line);
      EXPECT_EQ(command.print, c.print);
      EXPECT_EQ(command.config_path, by_file ? "a.where" : "");
      EXPECT_EQ(command.socket, by_file ? "" : "a.where");
    }
  }
}

TEST(OperatorWords, WhatIsWrongIsToldWithTheCommand) {
  struct Case {
    std::vector<const char*> words;
    const char* told;
  };
  const std::vector<Case> cases = {
      {{"grants"}, "revoke"},
      {{"users"}, "reset-otp"},
      {{"grants", "list"}, "sallyport grants list: which daemon?"},
      {{"grants", "list", "--config", "a", "--socket", "b"}, "which daemon?"},
      {{"grants", "list", "--user", "a", "--address", "::1", "--socket", "s"}, "exclude"},
      {{"grants", "list", "--usr", "a", "--socket", "s"}, "Did you mean --user?"},
      {{"grants", "add", "--user", "a", "--socket", "s"}, "which address?"},
      {{"grants", "add", "::1", "--socket", "s"}, "--user"},
      {{"grants", "add", "::1", "--user", "a", "--for", "8", "--socket", "s"}, "write 8h"},
      {{"grants", "add", "::1", "--user", "a\nb", "--socket", "s"}, "line end"},
      {{"grants", "add", "::1", "--user", "a\tb", "--socket", "s"}, "tab"},
      {{"grants", "revoke", "--socket", "s"}, "one of"},
      {{"grants", "revoke", "1", "--all", "--socket", "s"}, "one of"},
      {{"grants", "revoke", "list", "--all", "--socket", "s"}, "one command"},
      {{"users", "show", "--socket", "s"}, "which user?"},
  };
  for (const Case& c : cases) EXPECT_THAT(refused(c.words), HasSubstr(c.told));
  EXPECT_THAT(refused({"grants", "remove", "secret", "--socket", "s"}), Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace sallyport::config
