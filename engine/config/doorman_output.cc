#include "engine/config/doorman_output.h"

#include <algorithm>

#include <fmt/format.h>

#include "protocol/ascii.h"

namespace sallyport::config {
namespace {

constexpr std::size_t kColumns = 98;

/// What stands in a comment is one line of plain characters.
std::string one_line(std::string_view text) {
  std::string out(text);
  std::ranges::replace_if(
      out, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return out;
}

/// Lines that begin with "# ".
std::vector<std::string> comment_lines(std::string_view text) {
  std::vector<std::string> lines;
  const std::string plain = one_line(text);
  std::string line = "#";
  for (std::string_view rest = plain; !rest.empty();) {
    const auto space = rest.find(' ');
    const std::string_view word = rest.substr(0, space);
    if (line.size() + 1 + word.size() > kColumns && line.size() > 1) {
      lines.push_back(line);
      line = "#";
    }
    (line += ' ') += word;
    rest = space == std::string_view::npos ? std::string_view{} : rest.substr(space + 1);
  }
  lines.push_back(line);
  return lines;
}

}  // namespace

void OutputSection::set(std::string_view key, std::string_view literal, std::string_view from) {
  keys_.emplace_back(key);
  std::string line = fmt::format("{} = {}", key, literal);
  if (!from.empty()) line += fmt::format("  # {}", one_line(from));
  lines_.push_back(std::move(line));
}

void OutputSection::remark(std::string_view text) {
  for (std::string& line : comment_lines(text)) lines_.push_back(std::move(line));
}

bool OutputSection::has(std::string_view key) const {
  return std::ranges::find(keys_, key) != keys_.end();
}

std::string OutputSection::text() const {
  const SectionEntry& of = entry(section_);
  const std::string_view mark = commented_out_ ? "# " : "";
  std::string out =
      fmt::format(fmt::runtime(of.repeated ? "{}[[{}]]\n" : "{}[{}]\n"), mark, of.name);
  for (const std::string& line : lines_) {
    out += fmt::format("{}{}\n", line.starts_with('#') ? "" : mark, line);
  }
  return out;
}

OutputSection& DoormanOutput::only(Section section) {
  const auto found = std::ranges::find(sections_, section, &OutputSection::section);
  return found == sections_.end() ? add(section) : *found;
}

void DoormanOutput::lost(OutputSection& at, std::string_view path, std::string_view why) {
  at.remark(fmt::format("not converted: {}: {}", path, why));
  lost_.push_back(one_line(fmt::format("{}: {}", path, why)));
}

void DoormanOutput::told(OutputSection& at, std::string_view path, std::string_view what) {
  at.remark(fmt::format("{}: {}", path, what));
}

bool DoormanOutput::has(Section section) const {
  return std::ranges::find(sections_, section, &OutputSection::section) != sections_.end();
}

std::string DoormanOutput::unique(Section section, const std::string& name) {
  std::string out = name;
  for (int i = 2; !names_.emplace(section, out).second; ++i) {
    out = fmt::format("{}-{}", name.substr(0, 60), i);
  }
  return out;
}

std::string DoormanOutput::text(std::string_view name) const {
  std::string out = fmt::format(
      "# Made by `sallyport convert doorman` from {}.\n"
      "# Behind each setting stands the key that it comes from; what could not be taken over is\n"
      "# marked \"not converted\". Check it with: sallyport check --config FILE\n",
      one_line(name));
  std::vector<const OutputSection*> ordered;
  for (const OutputSection& section : sections_) ordered.push_back(&section);
  // The users of a directory stay behind it.
  std::ranges::stable_sort(ordered, {}, [](const OutputSection* section) {
    return section->section() == Section::gate_user ? Section::gate_directory : section->section();
  });
  for (const OutputSection* section : ordered) out += '\n' + section->text();
  return out;
}

std::string list_literal(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += (out.empty() ? "" : ", ") + in_quotes(text);
  return '[' + out + ']';
}

std::string clean_name(std::string_view text, std::string_view fallback) {
  std::string out;
  for (const char c : text.substr(0, 64)) {
    const bool good = is_letter_or_digit(c) || c == '.' || c == '_' || c == '-';
    out += good ? c : '-';
  }
  if (out.find_first_not_of('-') == std::string::npos) return std::string(fallback);
  return out;
}

}  // namespace sallyport::config
