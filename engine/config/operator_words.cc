#include "engine/config/operator_words.h"

#include <array>
#include <string_view>

#include <fmt/format.h>

#include "engine/config/duration.h"

namespace sallyport::config {
namespace {

constexpr std::string_view kGrantsExamples =
    "\nSpeaks to the running daemon by its [http] control_socket.\n"
    "\nExamples:\n"
    "  sallyport grants list --config sallyport.toml\n"
    "  sallyport grants add 192.0.2.7 --user alice --for 8h --config sallyport.toml\n"
    "  sallyport grants revoke 17 --config sallyport.toml\n"
    "  sallyport grants revoke --user alice --socket /run/sallyport/control.sock\n";

constexpr std::string_view kUsersExamples =
    "\nSpeaks to the running daemon by its [http] control_socket.\n"
    "\nExamples:\n"
    "  sallyport users show alice --config sallyport.toml\n"
    "  sallyport users unlock alice --config sallyport.toml\n"
    "  sallyport users register-otp alice --config sallyport.toml\n"
    "  sallyport users reset-otp alice --config sallyport.toml\n"
    "  sallyport users reset-passkeys alice --config sallyport.toml\n";

struct UserVerb {
  const char* word;
  const char* command;  ///< of the control socket
  const char* meaning;
};
constexpr std::array<UserVerb, 5> kUserVerbs = {{
    {"show", "users-show", "Tell what is known of a user"},
    {"unlock", "users-unlock", "End a user's locks and limits"},
    {"register-otp", "users-register-otp", "Give a user who has none the secret of an app"},
    {"reset-otp", "users-reset-otp", "Remove a user's authenticator app and recovery codes"},
    {"reset-passkeys", "users-reset-passkeys", "Remove a user's passkeys"},
}};

Said wrong(const CLI::App& verb, std::string_view what) {
  return {.exit_status = 2,
          .text = fmt::format("sallyport {} {}: {}\n", verb.get_parent()->get_name(),
                              verb.get_name(), what)};
}

}  // namespace

void OperatorWords::define(CLI::App& app) {
  define_grants(app);
  define_users(app);
}

void OperatorWords::add_daemon(CLI::App& verb) {
  verb.add_option("--config", config_path_, "Configuration file of the daemon")->type_name("FILE");
  verb.add_option("--socket", socket_, "Its control socket, instead of the file")
      ->type_name("PATH");
}

void OperatorWords::define_grants(CLI::App& app) {
  grants_ = app.add_subcommand("grants", "Open, list or end grants of the HTTP door");
  grants_->footer(std::string(kGrantsExamples));
  list_ = grants_->add_subcommand("list", "List what is open");
  list_->add_option("--user", user_, "Of this user only")->type_name("NAME");
  list_->add_option("--address", address_, "Of this address only")->type_name("ADDRESS");
  list_->add_flag("--json", json_, "Print JSON");
  add_ = grants_->add_subcommand("add", "Open an address");
  add_->add_option("address", address_, "The visitor's")->type_name("ADDRESS");
  add_->add_option("--user", user_, "Whom it is opened for")->type_name("NAME");
  add_->add_option("--for", for_, "How long [access_duration]")->type_name("DURATION");
  add_->add_option("--reason", reason_, "Why, for the list and the audit log")->type_name("TEXT");
  revoke_ = grants_->add_subcommand("revoke", "End one, or those of a user or address, or all");
  revoke_->add_option("number", id_, "The grant's, as listed")->type_name("NUMBER");
  revoke_->add_option("--user", user_, "All of this user")->type_name("NAME");
  revoke_->add_option("--address", address_, "All of this address")->type_name("ADDRESS");
  revoke_->add_flag("--all", all_, "All there are");
  for (CLI::App* const verb : {list_, add_, revoke_}) add_daemon(*verb);
}

void OperatorWords::define_users(CLI::App& app) {
  users_ = app.add_subcommand("users", "See and help the users of the gate");
  users_->footer(std::string(kUsersExamples));
  for (const UserVerb& each : kUserVerbs) {
    CLI::App* const verb = users_->add_subcommand(each.word, each.meaning);
    verb->add_option("user", user_, "His name, as he gives it")->type_name("USER");
    add_daemon(*verb);
  }
}

Command OperatorWords::command() const {
  const CLI::App& asked = grants_->parsed() ? *grants_ : *users_;
  const auto verbs = asked.get_subcommands();
  if (verbs.empty()) return Said{.exit_status = 2, .text = asked.help("sallyport")};
  const CLI::App& verb = *verbs.front();
  if (verbs.size() > 1) return wrong(verb, "give one command at a time");
  if (&verb == list_) return list();
  if (&verb == add_) return add();
  if (&verb == revoke_) return revoke();
  if (user_.empty()) return wrong(verb, "which user?");
  for (const UserVerb& each : kUserVerbs) {
    if (verb.get_name() != each.word) continue;
    return done(verb, fmt::format("{}\t{}", each.command, user_), OperatorCommand::Print::text);
  }
  return wrong(verb, "there is no such command");
}

Command OperatorWords::done(const CLI::App& verb, std::string line,
                            OperatorCommand::Print print) const {
  if (config_path_.empty() == socket_.empty()) {
    return wrong(verb, "which daemon? Give its file or its socket: --config FILE or --socket PATH");
  }
  // A tab within a value would make it two.
  for (const std::string* const value : {&id_, &address_, &user_, &reason_}) {
    if (value->find_first_of("\n\t") != std::string::npos) {
      return wrong(verb, "no value may hold a line end or a tab");
    }
  }
  return OperatorCommand{
      .config_path = config_path_, .socket = socket_, .line = std::move(line), .print = print};
}

Command OperatorWords::list() const {
  if (!user_.empty() && !address_.empty()) {
    return wrong(*list_, "--user and --address exclude each other");
  }
  std::string line = "grants-list";
  if (!user_.empty()) line = "grants-list-user\t" + user_;
  if (!address_.empty()) line = "grants-list-address\t" + address_;
  return done(*list_, std::move(line),
              json_ ? OperatorCommand::Print::grants_json : OperatorCommand::Print::grants);
}

Command OperatorWords::add() const {
  if (address_.empty()) return wrong(*add_, "which address?");
  if (user_.empty()) return wrong(*add_, "for whom? Give --user NAME");
  const auto lasts_ms = for_.empty() ? 0 : parse_duration_ms(for_);
  if (!lasts_ms) {
    return wrong(*add_, fmt::format("--for {}: write 8h, or 1h30m", to_text(lasts_ms.error())));
  }
  return done(*add_,
              fmt::format("grants-add\t{}\t{}\t{}\t{}", address_, user_, *lasts_ms / 1000, reason_),
              OperatorCommand::Print::grants);
}

Command OperatorWords::revoke() const {
  const int given =
      (id_.empty() ? 0 : 1) + (user_.empty() ? 0 : 1) + (address_.empty() ? 0 : 1) + (all_ ? 1 : 0);
  if (given != 1) return wrong(*revoke_, "say one of NUMBER, --user, --address and --all");
  std::string line = "grants-end-all";
  if (!id_.empty()) line = "grants-end\t" + id_;
  if (!user_.empty()) line = "grants-end-user\t" + user_;
  if (!address_.empty()) line = "grants-end-address\t" + address_;
  return done(*revoke_, std::move(line), OperatorCommand::Print::text);
}

}  // namespace sallyport::config
