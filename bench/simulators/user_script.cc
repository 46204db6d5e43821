#include "bench/simulators/user_script.h"

#include <array>

#include <fmt/format.h>

#include "bench/simulators/text.h"

namespace sallyport::lab {
namespace {

constexpr std::array kActions = {Action::ask,   Action::approve, Action::deny,     Action::expire,
                                 Action::never, Action::unknown, Action::no_device};

}  // namespace

const char* to_text(Action action) noexcept {
  switch (action) {
    case Action::ask: return "ask";
    case Action::approve: return "approve";
    case Action::deny: return "deny";
    case Action::expire: return "expire";
    case Action::never: return "never";
    case Action::unknown: return "unknown";
    case Action::no_device: return "no-device";
  }
  return "?";
}

std::expected<Behaviour, std::string> parse_behaviour(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  for (const Action action : kActions) {
    if (name != to_text(action)) continue;
    if (colon == std::string_view::npos) return Behaviour{.action = action, .after_ms = 0};
    if (action != Action::approve && action != Action::deny)
      return std::unexpected(fmt::format("'{}' takes no delay: write '{}'", text, name));
    const auto after_ms = parse_duration_ms(text.substr(colon + 1));
    if (!after_ms) return std::unexpected(after_ms.error());
    return Behaviour{.action = action, .after_ms = *after_ms};
  }
  return std::unexpected(fmt::format(
      "'{}' is not a behaviour (ask, approve[:2s], deny[:2s], expire, never, unknown, no-device)",
      text));
}

std::expected<void, std::string> UserScript::add(std::string_view line) {
  // From the right: a behaviour holds no '=', a user name may.
  const std::size_t equals = line.rfind('=');
  if (equals == std::string_view::npos || trim(line.substr(0, equals)).empty())
    return std::unexpected(fmt::format("'{}': write name=behaviour, e.g. alice=approve:2s", line));
  const std::string_view name = trim(line.substr(0, equals));
  const auto behaviour = parse_behaviour(trim(line.substr(equals + 1)));
  if (!behaviour) return std::unexpected(behaviour.error());
  if (name.ends_with('*')) {
    prefixes_.insert_or_assign(std::string(name.substr(0, name.size() - 1)), *behaviour);
  } else {
    exact_.insert_or_assign(std::string(name), *behaviour);
  }
  return {};
}

std::expected<void, std::string> UserScript::add_lines(std::string_view text) {
  LineReader lines(text);
  while (lines.next()) {
    const std::string_view line = lines.line();
    if (const auto added = add(line); !added)
      return std::unexpected(fmt::format("line {}: {}", lines.number(), added.error()));
  }
  return {};
}

Behaviour UserScript::behaviour_of(std::string_view user) const {
  if (const auto exact = exact_.find(user); exact != exact_.end()) return exact->second;
  const Behaviour* best = &default_;
  std::size_t best_length = 0;
  for (const auto& [prefix, behaviour] : prefixes_) {
    if (user.starts_with(prefix) && (best == &default_ || prefix.size() >= best_length)) {
      best = &behaviour;
      best_length = prefix.size();
    }
  }
  return *best;
}

}  // namespace sallyport::lab
