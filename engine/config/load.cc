#include "engine/config/load.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>

#include "engine/config/checks.h"
#include "engine/config/clients_file.h"
#include "engine/config/environment_text.h"
#include "engine/config/gate_rules.h"
#include "engine/config/gate_text.h"
#include "engine/config/nearest.h"
#include "engine/config/notes.h"
#include "engine/config/read_value.h"
#include "engine/config/rules.h"
#include "engine/config/secret_source.h"
#include "engine/config/settings.h"
#include "engine/config/toml_tree.h"

namespace sallyport::config {
namespace {

/// 100,000 clients with long names take a tenth of this.
constexpr std::size_t kMaxFileOctets = std::size_t{64} << 20;

std::string name_of(const Setting& setting) {
  return fmt::format("{}.{}", entry(setting.section).name, setting.key);
}

/// "http" of "http.listener"; empty of "http".
std::string_view parent_of(std::string_view name) {
  const auto dot = name.rfind('.');
  return dot == std::string_view::npos ? std::string_view{} : name.substr(0, dot);
}
std::string_view last_of(std::string_view name) { return name.substr(name.rfind('.') + 1); }

std::string header_of(const SectionEntry& section) {
  return section.repeated ? fmt::format("[[{}]]", section.name) : fmt::format("[{}]", section.name);
}

bool is_table(const TomlValue& value) { return std::holds_alternative<TomlTable>(value.value); }
bool is_list_of_tables(const TomlValue& value) {
  const auto* list = std::get_if<TomlArray>(&value.value);
  return list != nullptr && !list->empty() && std::ranges::all_of(*list, is_table);
}

class Loader {
 public:
  Loader(const std::string& path, const Environment& environment)
      : notes_(path),
        folder_(std::filesystem::path(path).parent_path().string()),
        environment_(environment) {
    draft_.folder = folder_;
  }

  std::expected<Loaded, std::vector<Mistake>> load(const TomlTable& document,
                                                   bool others_may_read) {
    for (const TomlEntry& at : document.entries) {
      const SectionEntry* section = find_section("", at.key);
      section == nullptr ? unknown_section(at) : read_section(*section, at);
    }
    choose_doors();
    read_clients();
    draft_.config.gate.on = sections_seen_.contains(Section::gate);
    complete_gate(draft_.config);
    if (others_may_read && secret_in_file_.line > 0) {
      notes_.warning(secret_in_file_, "",
                     {.wrong = "the file holds a secret, and everybody on this machine may read it",
                      .mend = "Run: chmod o= on the file, or move the secret to a secret_file."});
    }
    check_rules(draft_.config, places_, notes_);
    if (!notes_.good() || !clients_mistakes_.empty()) {
      return std::unexpected(joined(notes_.take_mistakes(), std::move(clients_mistakes_)));
    }
    return Loaded{.config = std::move(draft_.config),
                  .warnings = joined(notes_.take_warnings(), std::move(clients_warnings_))};
  }

 private:
  /// `key` within the section `within`, which is empty at the top.
  [[nodiscard]] static const SectionEntry* find_section(std::string_view within,
                                                        std::string_view key) {
    for (const SectionEntry& section : sections()) {
      if (parent_of(section.name) == within && last_of(section.name) == key) return &section;
    }
    return nullptr;
  }

  void read_section(const SectionEntry& section, const TomlEntry& at) {
    sections_seen_.emplace(section.section, at.where);
    if (section.repeated) return read_repeated(section, *section.repeated, at);
    if (const auto* table = std::get_if<TomlTable>(&at.value.value)) {
      return read_table(section, at.where, *table);
    }
    notes_.mistake(at.where, at.key,
                   {.wrong = fmt::format("is {}, not a section", kind_of(at.value)),
                    .mend = fmt::format("Write [{}] on a line of its own.", section.name)});
  }

  void read_repeated(const SectionEntry& section, const Repeated& elements, const TomlEntry& at) {
    const auto* list = std::get_if<TomlArray>(&at.value.value);
    if (list == nullptr || list->empty() || !std::ranges::all_of(*list, is_table)) {
      return notes_.mistake(
          at.where, std::string(section.name),
          {.wrong = fmt::format("is {}, not [[{}]]", kind_of(at.value), section.name),
           .mend = fmt::format("Write [[{}]] with two brackets, once for each.", section.name)});
    }
    if (elements.max_count > 0 && list->size() > elements.max_count) {
      notes_.mistake((*list)[elements.max_count].where, std::string(section.name),
                     {.wrong = fmt::format("stands {} times", list->size()),
                      .mend = fmt::format("Keep {} at most.", elements.max_count)});
    }
    for (const TomlValue& element : *list) {
      elements.begin(draft_);
      places_.of_section(section.section).push_back({.header = element.where, .keys = {}});
      read_table(section, element.where, std::get<TomlTable>(element.value));
      elements.keep(draft_);
    }
  }

  void read_table(const SectionEntry& section, Position header, const TomlTable& table) {
    std::set<std::string_view> seen;
    for (const TomlEntry& at : table.entries) {
      if (const SectionEntry* inner = find_section(section.name, at.key)) {
        read_section(*inner, at);
      } else {
        read_entry(section, at, seen);
      }
    }
    // Each of several servers has an address and a secret of its own.
    if (section.section == Section::downstream &&
        sections_seen_.contains(Section::downstream_server)) {
      return;
    }
    for (const Setting& setting : settings()) {
      if (setting.section != section.section || seen.contains(setting.key)) continue;
      if (setting.presence == Presence::required) missing(setting, header);
    }
  }

  /// `seen` gets the setting's plain key, also for the _file and _env forms.
  void read_entry(const SectionEntry& section, const TomlEntry& at,
                  std::set<std::string_view>& seen) {
    for (const Setting& setting : settings()) {
      if (setting.section != section.section || !at.key.starts_with(setting.key)) continue;
      const std::string_view form = std::string_view(at.key).substr(setting.key.size());
      const bool secret = is_secret(setting);
      const bool known = form.empty() || (secret && (form == "_file" || form == "_env"));
      if (!known) continue;
      places_.keys.emplace(name_of(setting), at.where);
      const bool first = seen.insert(setting.key).second;
      const std::optional<TomlEntry> filled = fill_environment(section, at);
      if (!filled) return;
      if (secret) {
        if (section.repeated) remember(section, setting, at, {});
        return read_secret(setting, *filled, form, first);
      }
      ReadResult read = read_value(setting, filled->value, draft_);
      for (PlacedComplaint& found : read.complaints) {
        notes_.mistake(found.where, name_of(setting), std::move(found.complaint));
      }
      if (section.repeated) remember(section, setting, at, std::move(read.kept));
      return;
    }
    unknown_key(section, at);
  }

  void remember(const SectionEntry& section, const Setting& setting, const TomlEntry& at,
                std::vector<Position> kept) {
    places_.of_section(section.section)
        .back()
        .keys.push_back({.key = setting.key, .where = at.value.where, .elements = std::move(kept)});
  }

  /// Nothing: a variable is not set, and that is noted.
  [[nodiscard]] std::optional<TomlEntry> fill_environment(const SectionEntry& section,
                                                          const TomlEntry& at) {
    if (!section.takes_environment) return at;
    auto value = with_environment(at.value, environment_);
    if (value) return TomlEntry{.key = at.key, .where = at.where, .value = std::move(*value)};
    notes_.mistake(value.error().where, fmt::format("{}.{}", section.name, at.key),
                   {.wrong = fmt::format("holds {{env.{}}}, which is not set", value.error().name),
                    .mend = "Set that variable in the daemon's environment."});
    return std::nullopt;
  }

  void read_secret(const Setting& setting, const TomlEntry& at, std::string_view form, bool first) {
    const std::string key = fmt::format("{}.{}", entry(setting.section).name, at.key);
    if (!first) {
      return notes_.mistake(
          at.where, key,
          {.wrong = "gives the secret a second time",
           .mend = fmt::format("Keep one of {0}, {0}_file and {0}_env.", setting.key)});
    }
    const auto* text = std::get_if<std::string>(&at.value.value);
    if (text == nullptr) {
      return notes_.mistake(at.value.where, key,
                            {.wrong = fmt::format("is {}, not a text", kind_of(at.value)),
                             .mend = "Write a text in double quotes."});
    }
    if (form.empty() && secret_in_file_.line == 0) secret_in_file_ = at.where;
    const auto lines =
        std::holds_alternative<KeysSource>(setting.type) ? SecretLines::several : SecretLines::one;
    auto secret = form == "_file"  ? secret_from_file(*text, folder_, lines)
                  : form == "_env" ? secret_from_environment(*text, environment_, lines)
                                   : secret_from_text(*text, lines);
    if (!secret) return notes_.mistake(at.value.where, key, std::move(secret.error()));
    if (const auto* type = std::get_if<KeysSource>(&setting.type)) {
      auto keys = parse_keys(*secret);
      if (!keys) return notes_.mistake(at.value.where, key, std::move(keys.error()));
      type->field(draft_) = std::move(*keys);
      return;
    }
    if (Finding warning = warn_secret(*secret)) {
      notes_.warning(at.value.where, key, std::move(*warning));
    }
    std::get<SecretSource>(setting.type).field(draft_) = std::move(*secret);
  }

  void missing(const Setting& setting, Position header) {
    const bool secret = is_secret(setting);
    notes_.mistake(
        header, name_of(setting),
        {.wrong = "is missing",
         .mend = secret ? fmt::format("Add one of {0}, {0}_file and {0}_env to {1}.", setting.key,
                                      header_of(entry(setting.section)))
                        : fmt::format("Add {} to {}: {}.", setting.key,
                                      header_of(entry(setting.section)), type_text(setting))});
  }

  [[nodiscard]] bool any_seen(Door door) const {
    return std::ranges::any_of(sections_seen_,
                               [&](const auto& seen) { return entry(seen.first).door == door; });
  }

  /// Which doors the file wants, and what they cannot be without.
  void choose_doors() {
    Config& config = draft_.config;
    const bool wants_http = any_seen(Door::http);
    config.has_radius = any_seen(Door::radius) || !wants_http;
    if (config.has_radius) {
      // Where all clients come by TLS, nobody is heard without it.
      const bool tls_alone = sections_seen_.contains(Section::radsec_listener) &&
                             !sections_seen_.contains(Section::client);
      if (config.radius.listen.empty() && !places_.given("radius.listen") && !tls_alone) {
        config.radius.listen.push_back(default_listen());
      }
      require_radius_sections(any_seen(Door::radius));
    }
    if (!wants_http || sections_seen_.contains(Section::http_listener)) return;
    // Operators register the users of codes by the control socket, whatever doors there are.
    const bool has_codes = holds_logins(config);
    const bool has_messages = sends_messages(config);
    const bool has_groups = asks_directory(config);
    const bool says_something = std::ranges::any_of(places_.keys, [&](const auto& given) {
      const bool of_codes = has_codes && given.first == "http.control_socket";
      const bool of_messages = has_messages && given.first.starts_with("gate.");
      const bool of_groups = has_groups && given.first.starts_with("gate.directory.");
      return !of_codes && !of_messages && !of_groups &&
             (given.first.starts_with("http.") || given.first.starts_with("gate."));
    });
    if (!config.has_radius) {
      notes_.mistake(sections_seen_.begin()->second, "http.listener",
                     {.wrong = "the section [[http.listener]] is missing",
                      .mend = "Add [[http.listener]] with listen, or the sections of a RADIUS "
                              "door: [[client]], [downstream] and [notakey]."});
    } else if (says_something) {
      notes_.warning(first_http_place(), "http",
                     {.wrong = "is of no use: there is no [[http.listener]]",
                      .mend = "Add [[http.listener]] with listen, or remove it."});
    }
  }

  void read_clients() {
    const Config& config = draft_.config;
    if (!config.has_radius || config.radius.clients_file.empty()) return;
    auto file = read_clients_file(config.radius.clients_file, config.clients);
    if (!file) {
      clients_mistakes_ = std::move(file.error());
      return;
    }
    draft_.config.client_rows = std::move(file->rows);
    clients_warnings_ = std::move(file->warnings);
  }

  [[nodiscard]] static std::vector<Mistake> joined(std::vector<Mistake> first,
                                                   std::vector<Mistake> second) {
    std::ranges::move(second, std::back_inserter(first));
    return first;
  }

  [[nodiscard]] Position first_http_place() const {
    return std::ranges::find_if(
               sections_seen_,
               [](const auto& seen) { return entry(seen.first).door == Door::http; })
        ->second;
  }

  void require_radius_sections(bool any_given) {
    bool first = true;
    for (const SectionEntry& section : sections()) {
      if (!section.required || sections_seen_.contains(section.section)) continue;
      const bool has_clients =
          sections_seen_.contains(Section::radsec_client) || places_.given("radius.clients_file");
      if (section.section == Section::client && has_clients) continue;
      // Or no login needs a phone: rules.h says so where one does.
      if (section.section == Section::notakey && !draft_.config.policies.empty()) continue;
      const std::string header =
          fmt::format(fmt::runtime(section.repeated ? "[[{}]]" : "[{}]"), section.name);
      std::string keys;
      for (const Setting& setting : settings()) {
        if (setting.section != section.section || setting.presence != Presence::required) continue;
        keys += (keys.empty() ? "" : ", ") + std::string(setting.key);
      }
      std::string mend = fmt::format("Add {} with {}.", header, keys);
      if (first && !any_given) {
        mend += " For an HTTP door alone, add [[http.listener]] with listen instead of them all.";
      }
      first = false;
      // It is missing everywhere; the top is where people look first.
      notes_.mistake(
          {.line = 1, .column = 1}, std::string(section.name),
          {.wrong = fmt::format("the section {} is missing", header), .mend = std::move(mend)});
    }
  }

  void unknown_section(const TomlEntry& at) {
    if (!is_table(at.value) && !is_list_of_tables(at.value)) {
      for (const SectionEntry& section : sections()) {
        const auto keys = keys_of(section.section);
        if (std::ranges::find(keys, at.key) == keys.end()) continue;
        return notes_.mistake(at.where, at.key,
                              {.wrong = "stands outside of its section",
                               .mend = fmt::format("Move it below {}.", header_of(section))});
      }
    }
    std::vector<const SectionEntry*> all;
    for (const SectionEntry& section : sections()) all.push_back(&section);
    // Of two that are as near, the one of a door that the file has is meant.
    std::ranges::stable_partition(
        all, [&](const SectionEntry* section) { return any_seen(section->door); });
    not_a_section(at, at.key, all);
  }

  /// `key` is `at`'s with what it stands in; `known` are the sections that it may have meant.
  void not_a_section(const TomlEntry& at, std::string key,
                     const std::vector<const SectionEntry*>& known) {
    std::vector<std::string_view> names;
    std::vector<std::string_view> last_names;
    for (const SectionEntry* section : known) {
      names.push_back(section->name);
      last_names.push_back(last_of(section->name));
    }
    const std::string_view meant = nearest(at.key, last_names);
    const auto index = std::ranges::find(last_names, meant) - last_names.begin();
    notes_.mistake(
        at.where, std::move(key),
        {.wrong = "is not a section",
         .mend = meant.empty() ? fmt::format("Sections are {}.", fmt::join(names, ", "))
                               : fmt::format("Did you mean {}?",
                                             header_of(*known[static_cast<std::size_t>(index)]))});
  }

  void unknown_key(const SectionEntry& section, const TomlEntry& at) {
    std::vector<const SectionEntry*> inner;
    for (const SectionEntry& each : sections()) {
      if (parent_of(each.name) == section.name) inner.push_back(&each);
    }
    if (!inner.empty() && (is_table(at.value) || is_list_of_tables(at.value))) {
      return not_a_section(at, fmt::format("{}.{}", section.name, at.key), inner);
    }
    const auto keys = keys_of(section.section);
    const std::vector<std::string_view> names(keys.begin(), keys.end());
    const std::string_view meant = nearest(at.key, names);
    notes_.mistake(at.where, fmt::format("{}.{}", section.name, at.key),
                   {.wrong = "is not a setting",
                    .mend = meant.empty() ? fmt::format("Settings of {} are {}.",
                                                        header_of(section), fmt::join(names, ", "))
                                          : fmt::format("Did you mean {}?", meant)});
  }

  Notes notes_;
  std::string folder_;
  const Environment& environment_;
  Draft draft_;
  std::map<Section, Position> sections_seen_;  ///< and where first
  Places places_;
  std::vector<Mistake> clients_mistakes_;  ///< those of radius.clients_file
  std::vector<Mistake> clients_warnings_;
  Position secret_in_file_;  ///< the first secret that stands in the file itself
};

std::unexpected<std::vector<Mistake>> file_mistake(const std::string& path, std::string wrong,
                                                   std::string mend) {
  return std::unexpected(std::vector{Mistake{
      .source = path, .where = {}, .key = {}, .wrong = std::move(wrong), .mend = std::move(mend)}});
}

std::expected<Loaded, std::vector<Mistake>> load(std::string_view text, const std::string& path,
                                                 const Environment& environment,
                                                 bool others_may_read) {
  const auto document = parse_toml(text);
  if (!document) {
    Notes notes(path);
    notes.mistake(document.error().where, "", document.error().complaint);
    return std::unexpected(notes.take_mistakes());
  }
  return Loader(path, environment).load(*document, others_may_read);
}

}  // namespace

std::expected<Loaded, std::vector<Mistake>> load_text(std::string_view text,
                                                      const std::string& path,
                                                      const Environment& environment) {
  return load(text, path, environment, false);
}

std::expected<Loaded, std::vector<Mistake>> load_file(const std::string& path,
                                                      const Environment& environment) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) {
    return file_mistake(path, "cannot be read: " + std::generic_category().message(errno),
                        "Give the path of the configuration file: --config PATH. "
                        "`sallyport config --example` prints one to begin from.");
  }
  if (!S_ISREG(status.st_mode)) {
    return file_mistake(path, "is not a file", "Give the path of the configuration file.");
  }
  if (static_cast<std::uint64_t>(status.st_size) > kMaxFileOctets) {
    return file_mistake(path, "is larger than 64 MiB",
                        "Give the path of the configuration file, or merge clients into prefixes.");
  }
  errno = 0;
  const std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || (status.st_size > 0 && !(text << file.rdbuf()))) {
    return file_mistake(path, "cannot be read: " + std::generic_category().message(errno),
                        "Let this user read the file.");
  }
  return load(text.view(), path, environment, (status.st_mode & S_IROTH) != 0);
}

}  // namespace sallyport::config
