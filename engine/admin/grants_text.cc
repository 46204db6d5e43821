#include "engine/admin/grants_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <vector>

#include <fmt/format.h>

#include "engine/log/text.h"

namespace sallyport::admin {
namespace {

constexpr std::array<std::string_view, 7> kColumns = {"id",    "address", "user",  "since",
                                                      "until", "by",      "reason"};
constexpr std::size_t kSince = 3;
constexpr std::size_t kUntil = 4;
using Row = std::array<std::string, kColumns.size()>;

std::string_view take(std::string_view& text, char end) {
  const std::size_t at = std::min(text.find(end), text.size());
  const std::string_view front = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return front;
}

std::string time_text(std::string_view unix_ms) {
  std::uint64_t at_ms = 0;
  std::from_chars(unix_ms.data(), unix_ms.data() + unix_ms.size(), at_ms);
  fmt::memory_buffer text;
  log::append_time(text, at_ms);
  return fmt::to_string(text);
}

std::vector<Row> rows_of(std::string_view lines) {
  std::vector<Row> rows;
  while (!lines.empty()) {
    std::string_view line = take(lines, '\n');
    Row& row = rows.emplace_back();
    for (std::string& cell : row) cell = take(line, '\t');
    for (const std::size_t column : {kSince, kUntil}) row[column] = time_text(row[column]);
  }
  return rows;
}

/// Code points, which is what most texts are wide.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

}  // namespace

std::string grants_table(std::string_view lines) {
  std::vector<Row> rows = rows_of(lines);
  if (rows.empty()) return {};
  Row head;
  std::ranges::copy(kColumns, head.begin());
  rows.insert(rows.begin(), head);
  std::array<std::size_t, kColumns.size()> widths{};
  for (Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      fmt::memory_buffer shown;
      log::append_escaped(shown, row[i], log::Escape::plain);
      row[i] = fmt::to_string(shown);
      widths[i] = std::max(widths[i], width(row[i]));
    }
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      line.append(widths[i] - width(row[i]) + 2, ' ');
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + '\n';
  }
  return text;
}

std::string grants_json(std::string_view lines) {
  fmt::memory_buffer out;
  log::append(out, "[");
  bool first = true;
  for (const Row& row : rows_of(lines)) {
    log::append(out, first ? "\n  {\"id\":" : ",\n  {\"id\":");
    log::append(out, row[0]);
    for (std::size_t i = 1; i < row.size(); ++i) {
      log::append_json_member(out, kColumns[i], row[i]);
    }
    log::append(out, "}");
    first = false;
  }
  log::append(out, first ? "]\n" : "\n]\n");
  return fmt::to_string(out);
}

}  // namespace sallyport::admin
