#include "engine/http/whitelists.h"

#include <algorithm>
#include <utility>

#include "verify/file_text.h"
#include "verify/process.h"

namespace sallyport::http_door {
namespace {

/// A list of a million addresses fits.
constexpr verify::ProcessBounds kCommandBounds{
    .timeout_ms = 10'000, .max_output = std::size_t{64} << 20, .quotes_errors = true};

}  // namespace

Whitelists::Addresses Whitelists::read(const config::HttpWhitelist& list, int stop) {
  const std::string name = "the whitelist " + list.name + ": ";
  if (list.file.empty() && list.command.empty()) return list.addresses;
  const auto text = list.file.empty() ? verify::run_process(list.command, {}, kCommandBounds, stop)
                                      : verify::read_file(list.file);
  if (!text) return std::unexpected(name + text.error());
  auto prefixes = read_address_list(*text);
  if (!prefixes) {
    const ListMistake& first = prefixes.error().front();
    const std::string line = std::to_string(first.line);
    return std::unexpected(name +
                           (list.file.empty() ? "output line " + line + " of " + list.command[0]
                                              : list.file + ":" + line) +
                           ": " + first.text);
  }
  return std::move(*prefixes);
}

std::expected<Whitelists, std::string> Whitelists::open(
    const std::vector<config::HttpWhitelist>& config, std::uint64_t now_ms, int stop,
    const Whitelists* before) {
  Whitelists all;
  for (const config::HttpWhitelist& list : config) {
    if (before != nullptr) {
      const auto known = std::ranges::find(before->lists_, list, &List::config);
      if (known != before->lists_.end()) {
        all.lists_.push_back(*known);
        continue;
      }
    }
    // The file is looked at before it is read: what changes meanwhile is noticed later.
    std::optional<ring::TlsFiles> file;
    if (!list.file.empty()) file.emplace(std::vector{list.file});
    auto addresses = read(list, stop);
    if (!addresses) return std::unexpected(std::move(addresses.error()));
    all.lists_.push_back({.config = list,
                          .addresses = std::move(*addresses),
                          .file = std::move(file),
                          .due_ms = now_ms + list.interval_ms});
  }
  all.rebuild();
  return all;
}

void Whitelists::rebuild() {
  std::vector<AddressSet::Entry> entries;
  for (std::size_t index = 0; index < lists_.size(); ++index) {
    for (const Prefix& prefix : lists_[index].addresses) {
      entries.push_back({.prefix = prefix, .value = static_cast<std::uint32_t>(index)});
    }
  }
  set_ = std::make_shared<const AddressSet>(std::move(entries));
}

bool Whitelists::refresh_files(std::vector<std::string>& problems) {
  bool changed = false;
  for (List& list : lists_) {
    if (list.file && list.file->changed()) {
      changed |= update(list, read(list.config, -1), problems);
    }
  }
  return changed;
}

std::optional<config::HttpWhitelist> Whitelists::take_due(std::uint64_t now_ms) {
  for (List& list : lists_) {
    if (list.config.command.empty() || now_ms < list.due_ms) continue;
    list.due_ms = now_ms + list.config.interval_ms;
    return list.config;
  }
  return std::nullopt;
}

bool Whitelists::update(const config::HttpWhitelist& list, Addresses addresses,
                        std::vector<std::string>& problems) {
  const auto known = std::ranges::find(lists_, list, &List::config);
  return known != lists_.end() && update(*known, std::move(addresses), problems);
}

bool Whitelists::update(List& list, Addresses addresses, std::vector<std::string>& problems) {
  if (!addresses) {
    if (addresses.error() == list.problem) return false;  // told, and so since
    list.problem = addresses.error();
    problems.push_back(std::move(addresses.error()) + "; it stays as it was");
    return false;
  }
  list.problem.clear();
  if (*addresses == list.addresses) return false;
  list.addresses = std::move(*addresses);
  rebuild();
  return true;
}

}  // namespace sallyport::http_door
