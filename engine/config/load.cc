#include "engine/config/load.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>

#include "engine/config/checks.h"
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

class Loader {
 public:
  Loader(const std::string& path, const Environment& environment)
      : notes_(path),
        folder_(std::filesystem::path(path).parent_path().string()),
        environment_(environment) {}

  std::expected<Loaded, std::vector<Mistake>> load(const TomlTable& document,
                                                   bool others_may_read) {
    for (const TomlEntry& section : document.entries) read_section(section);
    if (draft_.config.radius.listen.empty() && !given_.contains("radius.listen")) {
      draft_.config.radius.listen.push_back(default_listen());
    }
    require_sections();
    if (others_may_read && secret_in_file_.line > 0) {
      notes_.warning(secret_in_file_, "",
                     {.wrong = "the file holds a secret, and everybody on this machine may read it",
                      .mend = "Run: chmod o= on the file, or move the secret to a secret_file."});
    }
    check_rules(draft_.config, places(), notes_);
    if (!notes_.good()) return std::unexpected(notes_.take_mistakes());
    return Loaded{.config = std::move(draft_.config), .warnings = notes_.take_warnings()};
  }

 private:
  void read_section(const TomlEntry& at) {
    const auto found = std::ranges::find(sections(), at.key, &SectionEntry::name);
    if (found == sections().end()) return unknown_section(at);
    sections_seen_.insert(found->section);
    if (found->repeated) return read_repeated(*found, at);
    if (const auto* table = std::get_if<TomlTable>(&at.value.value)) {
      return read_table(*found, at.where, *table);
    }
    notes_.mistake(at.where, at.key,
                   {.wrong = fmt::format("is {}, not a section", kind_of(at.value)),
                    .mend = fmt::format("Write [{}] on a line of its own.", at.key)});
  }

  void read_repeated(const SectionEntry& section, const TomlEntry& at) {
    const auto* list = std::get_if<TomlArray>(&at.value.value);
    const bool tables = list != nullptr && std::ranges::all_of(*list, [](const TomlValue& value) {
                          return std::holds_alternative<TomlTable>(value.value);
                        });
    if (!tables || list->empty()) {
      return notes_.mistake(
          at.where, at.key,
          {.wrong = fmt::format("is {}, not [[{}]]", kind_of(at.value), section.name),
           .mend = fmt::format("Write [[{}]] with two brackets, once for each.", section.name)});
    }
    for (const TomlValue& element : *list) {
      draft_.client = Client{};
      client_places_.emplace_back();
      read_table(section, element.where, std::get<TomlTable>(element.value));
      draft_.config.clients.push_back(std::move(draft_.client));
    }
  }

  void read_table(const SectionEntry& section, Position header, const TomlTable& table) {
    std::set<std::string_view> seen;
    for (const TomlEntry& at : table.entries) {
      if (section.section == Section::client && at.key == "addresses") note_addresses(at.value);
      read_entry(section, at, seen);
    }
    for (const Setting& setting : settings()) {
      if (setting.section != section.section || seen.contains(setting.key)) continue;
      if (setting.presence == Presence::required) missing(setting, header);
    }
    if (section.section == Section::client) client_places_.back().header = header;
  }

  /// `seen` gets the setting's plain key, also for the _file and _env forms.
  void read_entry(const SectionEntry& section, const TomlEntry& at,
                  std::set<std::string_view>& seen) {
    for (const Setting& setting : settings()) {
      if (setting.section != section.section || !at.key.starts_with(setting.key)) continue;
      const std::string_view form = std::string_view(at.key).substr(setting.key.size());
      const auto* secret = std::get_if<SecretSource>(&setting.type);
      const bool known = form.empty() || (secret != nullptr && (form == "_file" || form == "_env"));
      if (!known) continue;
      given_.emplace(name_of(setting), at.where);
      const bool first = seen.insert(setting.key).second;
      if (secret != nullptr) return read_secret(setting, *secret, at, form, first);
      for (PlacedComplaint& found : read_value(setting, at.value, draft_)) {
        notes_.mistake(found.where, name_of(setting), std::move(found.complaint));
      }
      return;
    }
    unknown_key(section, at);
  }

  void read_secret(const Setting& setting, const SecretSource& type, const TomlEntry& at,
                   std::string_view form, bool first) {
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
    auto secret = form == "_file"  ? secret_from_file(*text, folder_)
                  : form == "_env" ? secret_from_environment(*text, environment_)
                                   : secret_from_text(*text);
    if (!secret) return notes_.mistake(at.value.where, key, std::move(secret.error()));
    if (Finding warning = warn_secret(*secret)) {
      notes_.warning(at.value.where, key, std::move(*warning));
    }
    type.field(draft_) = std::move(*secret);
  }

  void missing(const Setting& setting, Position header) {
    const bool secret = std::holds_alternative<SecretSource>(setting.type);
    notes_.mistake(header, name_of(setting),
                   {.wrong = "is missing",
                    .mend = secret ? fmt::format("Add one of {0}, {0}_file and {0}_env to [{1}].",
                                                 setting.key, entry(setting.section).name)
                                   : fmt::format("Add {} to [{}]: {}.", setting.key,
                                                 entry(setting.section).name, type_text(setting))});
  }

  void require_sections() {
    for (const SectionEntry& section : sections()) {
      if (!section.required || sections_seen_.contains(section.section)) continue;
      const std::string header =
          fmt::format(fmt::runtime(section.repeated ? "[[{}]]" : "[{}]"), section.name);
      std::string keys;
      for (const Setting& setting : settings()) {
        if (setting.section != section.section || setting.presence != Presence::required) continue;
        keys += (keys.empty() ? "" : ", ") + std::string(setting.key);
      }
      // It is missing everywhere; the top is where people look first.
      notes_.mistake({.line = 1, .column = 1}, std::string(section.name),
                     {.wrong = fmt::format("the section {} is missing", header),
                      .mend = fmt::format("Add {} with {}.", header, keys)});
    }
  }

  void unknown_section(const TomlEntry& at) {
    std::vector<std::string_view> names;
    for (const SectionEntry& section : sections()) {
      names.push_back(section.name);
      const auto keys = keys_of(section.section);
      if (std::holds_alternative<TomlTable>(at.value.value) ||
          std::ranges::find(keys, at.key) == keys.end()) {
        continue;
      }
      return notes_.mistake(at.where, at.key,
                            {.wrong = "stands outside of its section",
                             .mend = fmt::format("Move it below [{}].", section.name)});
    }
    const std::string_view meant = nearest(at.key, names);
    notes_.mistake(at.where, at.key,
                   {.wrong = "is not a section",
                    .mend = meant.empty() ? fmt::format("Sections are {}.", fmt::join(names, ", "))
                                          : fmt::format("Did you mean [{}]?", meant)});
  }

  void unknown_key(const SectionEntry& section, const TomlEntry& at) {
    const auto keys = keys_of(section.section);
    const std::vector<std::string_view> names(keys.begin(), keys.end());
    const std::string_view meant = nearest(at.key, names);
    notes_.mistake(at.where, fmt::format("{}.{}", section.name, at.key),
                   {.wrong = "is not a setting",
                    .mend = meant.empty() ? fmt::format("Settings of [{}] are {}.", section.name,
                                                        fmt::join(names, ", "))
                                          : fmt::format("Did you mean {}?", meant)});
  }

  void note_addresses(const TomlValue& value) {
    const auto* list = std::get_if<TomlArray>(&value.value);
    if (list == nullptr) return;
    for (const TomlValue& element : *list) {
      const auto* text = std::get_if<std::string>(&element.value);
      // Only those that read_value keeps, so that the two lists run side by side.
      if (text != nullptr && Prefix::parse(*text)) {
        client_places_.back().addresses.push_back(element.where);
      }
    }
  }

  [[nodiscard]] Places places() const { return {.keys = given_, .clients = client_places_}; }

  Notes notes_;
  std::string folder_;
  const Environment& environment_;
  Draft draft_;
  std::set<Section> sections_seen_;
  std::map<std::string, Position, std::less<>> given_;  ///< "radius.listen" → where
  std::vector<ClientPlaces> client_places_;
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
