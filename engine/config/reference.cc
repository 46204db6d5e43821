#include "engine/config/reference.h"

#include <algorithm>

#include <fmt/format.h>

#include "engine/config/checks.h"
#include "engine/config/ntkp.h"
#include "engine/config/settings.h"

namespace sallyport::config {
namespace {

constexpr std::string_view kIntroduction = R"(# Configuration

sallyport reads one TOML file:

    sallyport config --example > sallyport.toml   # every setting, with its meaning
    sallyport check --config sallyport.toml       # every mistake at once; starts nothing
    sallyport run --config sallyport.toml

Or it takes the options of Notakey's authentication proxy under their own names, and no file
([below](#options-of-notakeys-proxy)).

A running daemon reads its file again on SIGHUP. A file with a mistake is refused as a whole, and so
is one that changes what only a restart can change; the log says which, and the daemon goes on with
what it has.

It has two doors, of which a file wants one or both: the RADIUS door with `[[client]]`,
`[downstream]` and `[notakey]`, and the HTTP door with `[[http.listener]]`. [docs/http.md](http.md)
explains the HTTP door with examples. The HTTP door has a gate when there is a `[gate]`, which needs
`[store]`; [docs/doorman.md](doorman.md) leads there from doorman.

**Durations** are numbers with a unit, in quotes: `"500ms"`, `"60s"`, `"1m30s"`. A number without a
unit is refused.

**Sizes** are numbers of octets, or numbers with a unit, in quotes: `"16KiB"` is 16,384, `"16kB"` is
16,000; MB, GB, TB and MiB, GiB, TiB likewise.

**Rates** are a number and a time: `"20/1m"` is 20 in any minute. `"off"` is no limit.

**Files and folders** of the HTTP door begin at the configuration's folder when they are relative.

**Secrets** are given in one of three ways, of which each place takes exactly one:

| Key | Where the secret is |
|---|---|
| `secret = "…"` | in the file itself; then nobody else should be able to read it |
| `secret_file = "path"` | in a file of its own, which not everybody may read; a line end at its end does not count. A relative path begins at the configuration's folder |
| `secret_env = "NAME"` | in an environment variable |

A secret is one line: a line end or another control character in it is a mistake (keys of the gate's
cookies may stand on several). One of 12 octets or fewer is used, with a warning: it can be found by
trying. Secrets never appear in logs, metrics or messages.
)";

constexpr std::string_view kNtkpIntroduction = R"(
## Options of Notakey's proxy

Every option of Notakey Authentication Proxy 1.0.0 works as it did there: as an environment variable
or on the command line, which wins. With nothing but these set, `sallyport run` is a working proxy:

    export NOTAKEY_HOST=https://demo.notakey.com NOTAKEY_ACCESS_ID=… LISTEN_ADDRESS=0.0.0.0
    export ADDRESS_SECRET_IN=192.0.2.0/24:… DOWNSTREAM_ADDRESS=radius.example.net SECRET_OUT=…
    sallyport run

Options and a file exclude each other. With `--config`, variables of these names are ignored, with a
warning. What has no option keeps the default above, but for the admin listener: it is on at
127.0.0.1:9812 if that port is free, so that `sallyport status` works. Seconds may have a fraction
(`2.5`) or be written as `00:00:05`.

`ADDRESS_SECRET_IN` takes several pairs with commas between them: `192.0.2.1:one,[2001:db8::1]:two`.
IPv6 stands in brackets, prefixes are allowed, `0.0.0.0` and `[::]` mean any address. A secret may
hold commas and colons: a comma begins a new pair only when an address and a colon follow it.

Secrets on the command line are overwritten in the process list as soon as they are read. Others can
see them until then: prefer the environment, or a file.

)";

constexpr std::size_t kCommentColumns = 98;

/// `text` as lines of at most kCommentColumns that begin with "# ". Markdown's marks of words
/// become the quotes that TOML has.
std::string comment(std::string_view markdown) {
  std::string unmarked(markdown);
  std::ranges::replace(unmarked, '`', '"');
  std::string_view text = unmarked;
  std::string out;
  std::string line = "#";
  while (!text.empty()) {
    const auto space = text.find(' ');
    const std::string_view word = text.substr(0, space);
    if (line.size() + 1 + word.size() > kCommentColumns && line.size() > 1) {
      out += line + '\n';
      line = "#";
    }
    (line += ' ') += word;
    text = space == std::string_view::npos ? std::string_view{} : text.substr(space + 1);
  }
  return out + line + '\n';
}

/// A pipe ends a cell of a Markdown table.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

/// The default as people should read it: of a fresh Config, which is where it is defined.
std::string default_text(const Setting& setting, Draft& defaults) {
  if (setting.presence == Presence::required) return {};
  if (is_secret(setting)) return {};
  const std::string text = value_text(setting, defaults);
  return text == "\"\"" ? std::string{} : text;
}

Draft default_draft() {
  Draft defaults;
  defaults.config.radius.listen.push_back(default_listen());
  return defaults;
}

std::string markdown_row(const Setting& setting, Draft& defaults) {
  const bool secret = is_secret(setting);
  const std::string default_value = default_text(setting, defaults);
  const std::string keys = secret ? fmt::format("`{0}`, `{0}_file` or `{0}_env`", setting.key)
                                  : fmt::format("`{}`", setting.key);
  const std::string_view absent = setting.presence == Presence::required ? "**required**" : "none";
  const std::string ntkp =
      setting.ntkp.empty() ? std::string{} : fmt::format(" Notakey's proxy: {}.", setting.ntkp);
  return fmt::format(
      "| {} | {} | {} | {}{} |\n", keys, cell(type_text(setting)),
      default_value.empty() ? std::string(absent) : fmt::format("`{}`", cell(default_value)),
      cell(setting.meaning), ntkp);
}

std::string header(const SectionEntry& section) {
  return section.repeated ? fmt::format("[[{}]]", section.name) : fmt::format("[{}]", section.name);
}

/// Sections that may be left out stand in the example as comments as a whole.
bool is_commented_out(const SectionEntry& section) {
  return (section.repeated && !section.required) || section.is_on != nullptr;
}

std::string example_setting(const Setting& setting, Draft& defaults) {
  const std::string_view mark = is_commented_out(entry(setting.section)) ? "# " : "";
  std::string out = comment(setting.meaning);
  if (is_secret(setting)) {
    out += comment(fmt::format("Instead: {0}_file = \"path\" or {0}_env = \"NAME\".", setting.key));
    return out + fmt::format("{}{} = {}\n", setting.presence == Presence::required ? mark : "# ",
                             setting.key, in_quotes(kExampleSecret));
  }
  out += comment(fmt::format("({})", type_text(setting)));
  if (!setting.example.empty()) {
    return out + fmt::format("{}{} = {}\n", mark, setting.key, setting.example);
  }
  const std::string value = value_text(setting, defaults);
  return out + fmt::format("# {} = {}\n", setting.key, value.empty() ? "\"\"" : value);
}

}  // namespace

std::string reference_markdown() {
  Draft defaults = default_draft();
  std::string out(kIntroduction);
  for (const SectionEntry& section : sections()) {
    out +=
        fmt::format("\n## `{}`{}\n\n{}\n\n| Key | Type | Default | Meaning |\n|---|---|---|---|\n",
                    header(section), section.required ? " (required)" : "", section.meaning);
    for (const Setting& setting : settings()) {
      if (setting.section == section.section) out += markdown_row(setting, defaults);
    }
  }
  out += kNtkpIntroduction;
  out += "| Variable | Option | Default | In a file | Meaning |\n|---|---|---|---|---|\n";
  for (const NtkpEntry& entry : ntkp_entries()) {
    const std::string_view absent = entry.required ? "**required**" : "none";
    out += fmt::format(
        "| `{}` | `{} {}` | {} | `{}` | {} |\n", entry.variable, entry.argument, entry.takes,
        entry.fallback.empty() ? std::string(absent) : fmt::format("`{}`", entry.fallback),
        entry.toml, entry.meaning);
  }
  return out;
}

std::string example_toml() {
  Draft defaults = default_draft();
  std::string out =
      "# sallyport.toml: every setting, those with a good default commented out.\n"
      "# Check it with: sallyport check --config sallyport.toml\n";
  for (const SectionEntry& section : sections()) {
    out += '\n' + comment(section.meaning) + (is_commented_out(section) ? "# " : "") +
           header(section) + '\n';
    for (const Setting& setting : settings()) {
      if (setting.section != section.section || setting.presence == Presence::older) continue;
      out += '\n' + example_setting(setting, defaults);
    }
  }
  return out;
}

}  // namespace sallyport::config
