#include "engine/config/command_line.h"

#include <algorithm>
#include <cstring>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/config/nearest.h"
#include "engine/config/operator_words.h"

namespace sallyport::config {
namespace {

constexpr int kUsage = 2;

constexpr std::string_view kAbout =
    "sallyport: a second factor in front of RADIUS servers and web services. Its RADIUS door asks "
    "the user's phone (Notakey) before it lets a login through; its HTTP door is a reverse proxy "
    "that lets known addresses through.";

constexpr std::string_view kExamples =
    "\nExamples:\n"
    "  sallyport config --example > sallyport.toml\n"
    "  sallyport check --config sallyport.toml\n"
    "  sallyport run --config sallyport.toml\n"
    "  sallyport status\n"
    "\n`sallyport COMMAND --help` tells more of each.\n";

constexpr std::string_view kRunExamples =
    "\nSettings come from a file, or from the options of Notakey's proxy (NtkP), never from both.\n"
    "Each of those options is also an environment variable; the command line wins.\n"
    "\nExamples:\n"
    "  sallyport run --config /etc/sallyport/sallyport.toml\n"
    "  NOTAKEY_HOST=https://demo.notakey.com NOTAKEY_ACCESS_ID=… LISTEN_ADDRESS=0.0.0.0 \\\n"
    "    ADDRESS_SECRET_IN=192.0.2.0/24:… DOWNSTREAM_ADDRESS=radius.example.net SECRET_OUT=… \\\n"
    "    sallyport run\n"
    "\nSignals: SIGHUP reads the file again, SIGTERM ends after the logins in flight.\n";

constexpr std::string_view kCheckExamples =
    "\nPrints every mistake with its file, line and key, what is wrong and how to mend it. Ends "
    "with\n"
    "1 if there is one, else with 0. Nothing is started.\n"
    "\nExample:\n"
    "  sallyport check --config sallyport.toml\n";

constexpr std::string_view kStatusExamples =
    "\nAsks a running daemon at its admin address ([admin] listen; 127.0.0.1:9812 when nothing is "
    "said).\n"
    "\nExamples:\n"
    "  sallyport status\n"
    "  sallyport status --config sallyport.toml\n"
    "  sallyport status --admin [::1]:9812 --json\n";

constexpr std::string_view kConvertExamples =
    "\nReads the JSON that doorman runs with, a whole Caddy configuration or doorman's object in "
    "it,\n"
    "and writes a configuration of ours. What cannot be converted is named there and here, with "
    "the\n"
    "reason. The new file is for its owner alone, since secrets go into it as they are.\n"
    "\nExamples:\n"
    "  sallyport convert doorman caddy.json -o sallyport.toml\n"
    "  sallyport check --config sallyport.toml\n";

constexpr std::string_view kConfigExamples =
    "\nExamples:\n"
    "  sallyport config --example > sallyport.toml\n"
    "  sallyport config --markdown > docs/configuration.md\n";

constexpr std::string_view kTwoWays =
    "sallyport run: no settings. There are two ways to give them:\n"
    "\n"
    "  1. A file:\n"
    "       sallyport config --example > sallyport.toml    (then edit it)\n"
    "       sallyport check --config sallyport.toml\n"
    "       sallyport run --config sallyport.toml\n"
    "\n"
    "  2. The options of Notakey's authentication proxy, as environment variables or on the "
    "command\n"
    "     line. These are required:\n";

Said usage(std::string text) { return {.exit_status = kUsage, .text = std::move(text)}; }

std::string two_ways() {
  std::string out(kTwoWays);
  for (const NtkpEntry& entry : ntkp_entries()) {
    if (!entry.required) continue;
    out += fmt::format("       {:<20} {:<22} {}\n", entry.variable, entry.argument, entry.meaning);
  }
  return out + "\n`sallyport run --help` has them all.\n";
}

/// CLI11's tree of commands and the fields it fills.
class Words {
 public:
  explicit Words(const Environment& environment) : environment_(environment) {
    app_.footer(std::string(kExamples));
    app_.get_formatter()->column_width(38);
    app_.set_version_flag("--version", std::string("sallyport ") + SALLYPORT_VERSION,
                          "Print the version and exit");
    // What CLI11 would refuse, it would also quote: a secret may be among it.
    app_.allow_extras();
    define_run();
    define_check();
    define_status();
    operator_.define(app_);
    define_config();
    define_convert();
    app_.add_subcommand("version", "Print the version");
    allow_extras_below(app_);
  }

  Command parse(int argc, const char* const* argv) {
    try {
      app_.parse(backwards(argc, argv));
    } catch (const CLI::CallForHelp&) {
      return Said{.exit_status = 0, .text = help()};
    } catch (const CLI::CallForVersion& version) {
      return Said{.exit_status = 0, .text = std::string(version.what()) + '\n'};
    } catch (const CLI::ParseError& error) {
      // Only options with a text each: the message holds their names, no values.
      return usage(fmt::format("{}: {}\n", called(), error.what()));
    }
    if (auto wrong = unknown_words()) return std::move(*wrong);
    return command();
  }

 private:
  void define_run() {
    run_ = app_.add_subcommand("run", "Run the proxy");
    run_->footer(std::string(kRunExamples));
    run_->add_option("--config", config_path_, "Configuration file (TOML)")->type_name("FILE");
    for (const NtkpEntry& entry : ntkp_entries()) {
      auto& value = ntkp_values_[static_cast<std::size_t>(entry.option)];
      const std::string fallback =
          entry.fallback.empty() ? "" : fmt::format(" [{}]", entry.fallback);
      run_->add_option(std::string(entry.argument), value,
                       fmt::format("{}{} ({})", entry.meaning, fallback, entry.variable))
          ->type_name(std::string(entry.takes))
          ->group("Options of Notakey's proxy");
    }
  }
  void define_check() {
    check_ = app_.add_subcommand("check", "Report every mistake of a configuration file");
    check_->footer(std::string(kCheckExamples));
    check_->add_option("--config", config_path_, "Configuration file (TOML)")->type_name("FILE");
  }
  void define_status() {
    status_ = app_.add_subcommand("status", "Tell how the running daemon is");
    status_->footer(std::string(kStatusExamples));
    status_->add_option("--admin", admin_, "Admin address of the daemon")
        ->type_name("ADDRESS:PORT");
    status_->add_option("--config", config_path_, "Take the admin address from this file")
        ->type_name("FILE");
    status_->add_flag("--json", json_, "Print JSON");
  }
  void define_convert() {
    convert_ = app_.add_subcommand("convert", "Write doorman's configuration as one of ours");
    convert_->footer(std::string(kConvertExamples));
    convert_->add_option("from", convert_from_, "What it is: doorman")->type_name("doorman");
    convert_->add_option("file", convert_path_, "Its file (JSON)")->type_name("FILE");
    convert_->add_option("-o,--output", convert_to_, "A new file to write [standard output]")
        ->type_name("OUT");
  }
  void define_config() {
    config_ = app_.add_subcommand("config", "Print an example configuration, or the reference");
    config_->footer(std::string(kConfigExamples));
    config_->add_flag("--example", example_, "An annotated configuration file (TOML)");
    config_->add_flag("--markdown", markdown_, "The reference of all settings (Markdown)");
  }

  /// The words after the program's name, the last one first, as CLI11 wants them. It would take
  /// the next word as the value of "--secret-out=", so that becomes two words.
  [[nodiscard]] static std::vector<std::string> backwards(int argc, const char* const* argv) {
    std::vector<std::string> words;
    for (int i = 1; i < argc; ++i) {
      const std::string_view word(argv[i]);
      const bool valueless =
          word.ends_with('=') && std::ranges::find(ntkp_entries(), word.substr(0, word.size() - 1),
                                                   &NtkpEntry::argument) != ntkp_entries().end();
      words.emplace_back(word.substr(0, word.size() - (valueless ? 1 : 0)));
      if (valueless) words.emplace_back();
    }
    std::ranges::reverse(words);
    return words;
  }

  static void allow_extras_below(CLI::App& app) {
    for (CLI::App* const command : app.get_subcommands({})) {
      command->allow_extras();
      command->get_formatter()->column_width(38);
      allow_extras_below(*command);
    }
  }

  /// The command that was given, or null. Of `grants list`, that is list.
  [[nodiscard]] CLI::App* given() {
    CLI::App* command = nullptr;
    for (auto commands = app_.get_subcommands(); !commands.empty();
         commands = command->get_subcommands()) {
      command = commands.front();
    }
    return command;
  }
  [[nodiscard]] static std::string name_of(const CLI::App& command) {
    const CLI::App* const parent = command.get_parent();
    return parent == nullptr ? "sallyport" : name_of(*parent) + ' ' + command.get_name();
  }
  [[nodiscard]] std::string called() {
    return given() == nullptr ? "sallyport" : name_of(*given());
  }
  [[nodiscard]] std::string help() {
    return given() == nullptr ? app_.help() : given()->help("sallyport");
  }

  [[nodiscard]] std::optional<Said> unknown_words() {
    const auto given = app_.get_subcommands();
    if (given.size() > 1) {
      return usage(fmt::format("sallyport: {} and {} are two commands: give one of them.\n",
                               given[0]->get_name(), given[1]->get_name()));
    }
    const std::vector<std::string> top_words = app_.remaining();
    if (!top_words.empty()) return unknown_command(top_words.front());
    if (given.empty()) return usage(app_.help());
    for (CLI::App* command = this->given(); command != &app_; command = command->get_parent()) {
      const std::vector<std::string> words = command->remaining();
      if (!words.empty()) return unknown_option(*command, words.front());
    }
    return std::nullopt;
  }

  [[nodiscard]] Said unknown_command(std::string_view word) const {
    word = word.substr(0, word.find('='));
    if (word.starts_with('-')) {
      return usage(
          fmt::format("sallyport: {} needs a command before it, such as: sallyport run\n"
                      "`sallyport --help` has them all.\n",
                      word));
    }
    std::vector<std::string> names;
    for (const CLI::App* command : app_.get_subcommands({})) names.push_back(command->get_name());
    const std::vector<std::string_view> views(names.begin(), names.end());
    const std::string_view meant = nearest(word, views);
    return usage(fmt::format("sallyport: there is no command {}. {}\n", word,
                             meant.empty() ? fmt::format("Commands are {}.", fmt::join(names, ", "))
                                           : fmt::format("Did you mean: sallyport {}?", meant)));
  }

  [[nodiscard]] static Said unknown_option(const CLI::App& command, std::string_view word) {
    if (!word.starts_with('-')) {
      // Perhaps a part of a secret with a space in it: not repeated.
      return usage(
          fmt::format("{0}: there is a word that belongs to no option. Put values with spaces in "
                      "quotes; `{0} --help` has the options.\n",
                      name_of(command)));
    }
    word = word.substr(0, word.find('='));
    std::vector<std::string> names;
    for (const CLI::Option* option : command.get_options()) {
      names.push_back(option->get_name(false, true));
    }
    for (std::string& name : names) name = name.substr(name.find("--"));
    const std::vector<std::string_view> views(names.begin(), names.end());
    const std::string_view meant = nearest(word, views);
    return usage(fmt::format("{}: there is no option {}. {}\n", name_of(command), word,
                             meant.empty()
                                 ? fmt::format("`{} --help` has the options.", name_of(command))
                                 : fmt::format("Did you mean {}?", meant)));
  }

  [[nodiscard]] Command command() {
    if (run_->parsed()) return run();
    if (check_->parsed()) return check();
    if (convert_->parsed()) return convert();
    if (status_->parsed()) return status();
    if (operator_.parsed()) return operator_.command();
    if (config_->parsed()) return print();
    return VersionCommand{};
  }

  [[nodiscard]] Command run() {
    RunCommand out;
    for (const NtkpEntry& entry : ntkp_entries()) {
      const std::string& value = ntkp_values_[static_cast<std::size_t>(entry.option)];
      if (run_->count(std::string(entry.argument)) > 0) out.ntkp[entry.option] = value;
    }
    const auto variables = ntkp_variables_set(environment_);
    if (run_->count("--config") == 0) {
      if (!out.ntkp.any() && variables.empty()) return usage(two_ways());
      return out;
    }
    if (out.ntkp.any()) {
      return usage(
          "sallyport run: --config and options of Notakey's proxy exclude each other. Put "
          "all into the file, or leave the file out.\n");
    }
    if (!variables.empty()) {
      out.warnings.push_back(fmt::format("--config is given, so the environment's {} {} ignored",
                                         fmt::join(variables, ", "),
                                         variables.size() == 1 ? "is" : "are"));
    }
    out.config_path = config_path_;
    return out;
  }

  [[nodiscard]] Command check() const {
    if (check_->count("--config") == 0) {
      return usage("sallyport check: which file? Give it: sallyport check --config FILE\n");
    }
    return CheckCommand{.config_path = config_path_};
  }

  [[nodiscard]] Command status() const {
    StatusCommand out{.admin = {}, .config_path = {}, .json = json_};
    const bool by_file = status_->count("--config") > 0;
    if (by_file && status_->count("--admin") > 0) {
      return usage("sallyport status: --admin and --config exclude each other.\n");
    }
    if (by_file) {
      out.config_path = config_path_;
      return out;
    }
    const auto admin = Endpoint::parse(admin_, kDefaultAdminPort);
    if (!admin) {
      return usage(
          fmt::format("sallyport status: --admin is not an IP address and port: {}. "
                      "Write 127.0.0.1:9812 or [::1]:9812.\n",
                      admin.error()));
    }
    out.admin = *admin;
    return out;
  }

  [[nodiscard]] Command convert() const {
    if (convert_from_ != "doorman" || convert_path_.empty()) {
      return usage(
          "sallyport convert: say what and which file: sallyport convert doorman FILE [-o OUT]\n");
    }
    return ConvertCommand{.path = convert_path_, .to = convert_to_};
  }

  [[nodiscard]] Command print() const {
    if (example_ == markdown_) {
      return usage("sallyport config: say which: --example or --markdown\n");
    }
    return ConfigCommand{.print = markdown_ ? ConfigCommand::Print::markdown
                                            : ConfigCommand::Print::example};
  }

  const Environment& environment_;
  CLI::App app_{std::string(kAbout), "sallyport"};
  CLI::App* run_ = nullptr;
  CLI::App* check_ = nullptr;
  CLI::App* status_ = nullptr;
  CLI::App* config_ = nullptr;
  CLI::App* convert_ = nullptr;
  OperatorWords operator_;
  std::array<std::string, kNtkpOptions> ntkp_values_;
  std::string config_path_;
  std::string admin_ = "127.0.0.1:9812";
  bool json_ = false;
  std::string convert_from_;
  std::string convert_path_;
  std::string convert_to_;
  bool example_ = false;
  bool markdown_ = false;
};

}  // namespace

Command parse_command_line(int argc, const char* const* argv, const Environment& environment) {
  return Words(environment).parse(argc, argv);
}

void scrub_arguments(int argc, char** argv) noexcept {
  for (const NtkpEntry& entry : ntkp_entries()) {
    if (!entry.secret) continue;
    for (int i = 1; i < argc; ++i) {
      const std::string_view word(argv[i]);
      if (!word.starts_with(entry.argument)) continue;
      if (word.size() == entry.argument.size()) {
        if (i + 1 < argc) std::memset(argv[i + 1], 'x', std::strlen(argv[i + 1]));
      } else if (word[entry.argument.size()] == '=') {
        char* value = argv[i] + entry.argument.size() + 1;
        std::memset(value, 'x', std::strlen(value));
      }
    }
  }
}

}  // namespace sallyport::config
