#include "engine/config/toml_tree.h"

#include <algorithm>

#include "engine/config/toml_text.h"

// toml++ 3.3 asserts that a key begins in "[ =x", and the check behind the assertion, which would
// report it, is never reached: the process ends in debug builds, and is undefined in release
// builds, where the assertion becomes an assumption. Here a failed assertion is an error like any
// other.
#undef NDEBUG
namespace sallyport::config {
[[noreturn]] static void toml_assertion_failed();
}  // namespace sallyport::config
#define TOML_ASSERT(expr) \
  ((expr) ? static_cast<void>(0) : ::sallyport::config::toml_assertion_failed())
#include <toml++/toml.h>

namespace sallyport::config {
namespace {

struct FailedAssertion {};

Position position(const toml::source_region& region) {
  return {.line = region.begin.line, .column = region.begin.column};
}

TomlValue convert(const toml::node& node);

TomlTable convert_table(const toml::table& table) {
  TomlTable out;
  out.entries.reserve(table.size());
  for (const auto& [key, node] : table) {
    out.entries.push_back(
        {.key = std::string(key.str()), .where = position(key.source()), .value = convert(node)});
  }
  // toml++ keeps a table sorted by key; people read their file from the top.
  std::ranges::stable_sort(out.entries, {}, &TomlEntry::where);
  return out;
}

TomlValue convert(const toml::node& node) {
  TomlValue out{.where = position(node.source()), .value = TomlMoment{}};
  if (const auto* text = node.as_string()) {
    out.value = text->get();
  } else if (const auto* number = node.as_integer()) {
    out.value = number->get();
  } else if (const auto* real = node.as_floating_point()) {
    out.value = real->get();
  } else if (const auto* flag = node.as_boolean()) {
    out.value = flag->get();
  } else if (const auto* table = node.as_table()) {
    out.value = convert_table(*table);
  } else if (const auto* array = node.as_array()) {
    TomlArray values;
    values.reserve(array->size());
    for (const toml::node& element : *array) values.push_back(convert(element));
    out.value = std::move(values);
  }
  return out;
}

/// The line `number` of `text`, without its end.
std::string_view line_of(std::string_view text, std::uint32_t number) {
  for (std::uint32_t line = 1; line < number; ++line) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find('\n'));
}

/// Whether the value on this line lacks its quotes: by far the most common slip.
bool value_lacks_quotes(std::string_view line) {
  const auto equals = line.find('=');
  if (equals == std::string_view::npos) return false;
  const auto value = line.find_first_not_of(" \t", equals + 1);
  return value != std::string_view::npos &&
         std::string_view("\"'[{#").find(line[value]) == std::string_view::npos;
}

/// Our words for toml++'s error, of whose text only the kind is used: it quotes the file.
Complaint explain(std::string_view description, std::string_view line) {
  if (description.contains("redefine")) {
    return {.wrong = "the same key or table is written twice",
            .mend = "Keep one of them. Clients are [[client]], with two brackets, once for each."};
  }
  if (description.contains("UTF-8") || description.contains("utf-8")) {
    return {.wrong = "the file is not UTF-8 text here", .mend = "Save the file as UTF-8."};
  }
  if (value_lacks_quotes(line)) {
    return {.wrong = "this value is not TOML",
            .mend = "Put texts, addresses and durations in double quotes: ttl = \"60s\"."};
  }
  if (description.contains("while parsing string")) {
    return {.wrong = "this text is not TOML",
            .mend =
                "Close the quotes on the same line; in double quotes write \\\\ for a "
                "backslash, or use single quotes."};
  }
  if (description.contains("while parsing array") ||
      description.contains("while parsing inline table")) {
    return {.wrong = "this list is not TOML",
            .mend = "Close the bracket, and put a comma between the elements."};
  }
  return {.wrong = "this is not TOML",
          .mend = "Write [section], key = value, or a comment that begins with #."};
}

bool fails_assertion(std::string_view text) {
  try {
    (void)toml::parse(text);
  } catch (const toml::parse_error&) {
    return false;
  } catch (const FailedAssertion&) {
    return true;
  }
  return false;
}

/// A failed assertion has no place. The parser reads from the top, so the line is found by halving:
/// the shortest run of lines that still fails ends with it.
std::uint32_t first_asserting_line(std::string_view text) {
  std::vector<std::size_t> ends;
  for (auto end = text.find('\n'); end != std::string_view::npos; end = text.find('\n', end + 1)) {
    ends.push_back(end);
  }
  const auto first = std::ranges::partition_point(
      ends, [&](std::size_t end) { return !fails_assertion(text.substr(0, end)); });
  return static_cast<std::uint32_t>(first - ends.begin()) + 1;
}

}  // namespace

static void toml_assertion_failed() { throw FailedAssertion{}; }

std::expected<TomlTable, TomlError> parse_toml(std::string_view text) {
  if (const auto stray = first_stray_octet(text)) {
    // toml++ 3.3 must not see it (is_non_ascii_whitespace runs into __builtin_unreachable), but a
    // mistake before it comes first.
    const std::string_view before = text.substr(0, *stray);
    const std::size_t line_start = before.rfind('\n') + 1;
    if (auto parsed = parse_toml(before.substr(0, line_start)); !parsed) return parsed;
    const auto line = static_cast<std::uint32_t>(1 + std::ranges::count(before, '\n'));
    const auto column = static_cast<std::uint32_t>(1 + before.size() - line_start);
    return std::unexpected(TomlError{
        .where = {.line = line, .column = column},
        .complaint = {.wrong = "a letter or sign that TOML allows only in texts and comments",
                      .mend = "Write keys in plain letters, and texts in double quotes."}});
  }
  try {
    return convert_table(toml::parse(text));
  } catch (const toml::parse_error& error) {
    const Position where = position(error.source());
    return std::unexpected(TomlError{
        .where = where, .complaint = explain(error.description(), line_of(text, where.line))});
  } catch (const FailedAssertion&) {
    return std::unexpected(TomlError{.where = {.line = first_asserting_line(text), .column = 1},
                                     .complaint = explain("", "")});
  }
}

std::string_view kind_of(const TomlValue& value) noexcept {
  struct Namer {
    std::string_view operator()(const std::string&) const { return "a text"; }
    std::string_view operator()(std::int64_t) const { return "a whole number"; }
    std::string_view operator()(double) const { return "a number with a fraction"; }
    std::string_view operator()(bool) const { return "true or false"; }
    std::string_view operator()(const TomlMoment&) const { return "a date or a time"; }
    std::string_view operator()(const TomlArray&) const { return "a list"; }
    std::string_view operator()(const TomlTable&) const { return "a table"; }
  };
  return std::visit(Namer{}, value.value);
}

}  // namespace sallyport::config
