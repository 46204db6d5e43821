#include "engine/config/control_socket.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>

#include <fmt/format.h>

#include "engine/config/toml_tree.h"

namespace sallyport::config {
namespace {

const TomlValue* find(const TomlTable& table, std::string_view key) {
  const auto entry = std::ranges::find(table.entries, key, &TomlEntry::key);
  return entry == table.entries.end() ? nullptr : &entry->value;
}

}  // namespace

std::expected<std::string, std::string> find_control_socket(const std::string& config_path) {
  std::ifstream file(config_path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file) {
    return std::unexpected(
        fmt::format("{} cannot be read: give the socket itself with --socket PATH", config_path));
  }
  const auto document = parse_toml(text);
  if (!document) {
    return std::unexpected(
        fmt::format("{}:{}: this is not TOML, so nothing in the file can be found: give the socket "
                    "itself with --socket PATH",
                    config_path, document.error().where.line));
  }
  const TomlValue* const http = find(*document, "http");
  const auto* const table = http == nullptr ? nullptr : std::get_if<TomlTable>(&http->value);
  const TomlValue* const value = table == nullptr ? nullptr : find(*table, "control_socket");
  const auto* const path = value == nullptr ? nullptr : std::get_if<std::string>(&value->value);
  if (path == nullptr || path->empty()) {
    return std::unexpected(fmt::format(
        "{} has no [http] control_socket: without it a daemon cannot be told", config_path));
  }
  return (std::filesystem::path(config_path).parent_path() / *path).string();
}

}  // namespace sallyport::config
