#pragma once
// The TOML that a conversion writes: sections with their keys, where each came from, and what is
// said about those that could not be taken over.

#include <deque>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/config/settings.h"

namespace sallyport::config {

/// One [section] of the output. Owned by its DoormanOutput; never moves.
class OutputSection {
 public:
  explicit OutputSection(Section section) : section_(section) {}

  /// `literal`: TOML. `from`: the JSON's key, as a comment behind it; empty: none.
  void set(std::string_view key, std::string_view literal, std::string_view from);
  void remark(std::string_view text);
  /// The whole section stands there as a comment.
  void comment_out() { commented_out_ = true; }

  [[nodiscard]] bool has(std::string_view key) const;
  [[nodiscard]] Section section() const { return section_; }
  [[nodiscard]] bool is_empty() const { return lines_.empty(); }
  [[nodiscard]] std::string text() const;

 private:
  Section section_;
  std::vector<std::string> keys_;
  std::vector<std::string> lines_;
  bool commented_out_ = false;
};

class DoormanOutput {
 public:
  /// A further one; they are written in the order of the reference.
  OutputSection& add(Section section) { return sections_.emplace_back(section); }
  /// The only one of its kind, made when it is asked for first.
  OutputSection& only(Section section);

  /// `path` of the JSON is not converted: said in `at` and on standard error.
  void lost(OutputSection& at, std::string_view path, std::string_view why);
  /// `path` is converted, with something to know: said in `at` alone.
  static void told(OutputSection& at, std::string_view path, std::string_view what);

  [[nodiscard]] bool has(Section section) const;
  /// `name`, or with a number behind it where another of that kind has it.
  [[nodiscard]] std::string unique(Section section, const std::string& name);

  [[nodiscard]] std::string text(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> take_lost() { return std::move(lost_); }

 private:
  std::deque<OutputSection> sections_;
  std::vector<std::string> lost_;
  std::set<std::pair<Section, std::string>> names_;
};

/// ["a", "b"].
[[nodiscard]] std::string list_literal(const std::vector<std::string>& texts);
/// Letters, digits and ._-, not empty, at most 64: `fallback` when nothing is left.
[[nodiscard]] std::string clean_name(std::string_view text, std::string_view fallback);

}  // namespace sallyport::config
