#include "engine/http/operator_commands.h"

#include <array>
#include <charconv>
#include <expected>
#include <optional>
#include <vector>

#include <fmt/format.h>

namespace sallyport::http_door {
namespace {

using verify::GrantFailure;
using Words = std::vector<std::string_view>;

constexpr std::uint64_t kMostSeconds = 10ULL * 366 * 86'400;
constexpr std::string_view kNoCommand = "error: this is not a command of the control socket\n";
constexpr std::string_view kStoreAway =
    "error: the store cannot be reached: not all of it is done\n";

Words split(std::string_view line) {
  Words words;
  for (;;) {
    const std::size_t tab = line.find('\t');
    words.push_back(line.substr(0, tab));
    if (tab == std::string_view::npos) return words;
    line.remove_prefix(tab + 1);
  }
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string grant_line(const Grant& grant) {
  return fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t{}\n", grant.id, grant.address.text(), grant.user,
                     grant.since_ms, grant.until_ms, grant.by, grant.reason);
}

std::string add(const Words& words, std::string_view who, const OperatorWorld& world) {
  const auto address = IpAddress::parse(words[1]);
  if (!address) return "error: " + address.error() + "\n";
  const auto seconds = number(words[3]);
  if (!seconds || *seconds > kMostSeconds) return "error: seconds are 0 to ten years\n";
  Grant grant;
  grant.address = *address;
  grant.user = words[2];
  grant.since_ms = world.now_ms;
  grant.until_ms = world.now_ms + (*seconds == 0 ? world.access_ms : *seconds * 1000);
  grant.by = kByOperator;
  grant.reason = words[4];
  if (const auto mistake = mistake_in(grant)) {
    return fmt::format("error: {}\n", to_text(*mistake));
  }
  const auto opened = world.grants.open_by(grant, who);
  if (opened) return "ok\n" + grant_line(*opened);
  if (opened.error() == GrantFailure::full) {
    return "error: so many grants are open that there is no room for another\n";
  }
  return "error: the store cannot be reached, or the audit log cannot be written\n";
}

std::string listed(const std::vector<GrantPointer>& grants, const OperatorWorld& world) {
  std::string text = "ok\n";
  for (const GrantPointer& grant : grants) {
    if (grant->until_ms > world.now_ms) text += grant_line(*grant);
  }
  return text;
}

std::string end_these(const std::vector<GrantPointer>& grants, std::string_view who,
                      const OperatorWorld& world) {
  const auto ended = world.grants.end_these(grants, who);
  return ended ? fmt::format("ok\n{} ended\n", *ended) : std::string(kStoreAway);
}

std::string end_one(std::string_view id, std::string_view who, const OperatorWorld& world) {
  constexpr std::string_view kUnknown = "error: there is no grant of this number\n";
  const auto wanted = number(id);
  if (!wanted) return std::string(kUnknown);
  const auto ended = world.grants.end(*wanted, who);
  if (ended) return "ok\n1 ended\n";
  return std::string(ended.error() == GrantFailure::unknown ? kUnknown : kStoreAway);
}

template <class Do>
std::string with_address(std::string_view text, const Do& act) {
  const auto address = IpAddress::parse(text);
  return address ? act(*address) : "error: " + address.error() + "\n";
}

std::string grants_command(const Words& words, std::string_view who, const OperatorWorld& world) {
  GrantBook& grants = world.grants;
  const std::string_view verb = words[0];
  const auto list_of = [&](const IpAddress& at) { return listed(grants.list_address(at), world); };
  const auto end_of = [&](const IpAddress& at) {
    return end_these(grants.list_address(at), who, world);
  };
  if (words.size() == 1) {
    if (verb == "grants-list") return listed(grants.list(), world);
    if (verb == "grants-end-all") return end_these(grants.list(), who, world);
  } else if (words.size() == 2) {
    if (verb == "grants-list-user") return listed(grants.list_user(words[1]), world);
    if (verb == "grants-list-address") return with_address(words[1], list_of);
    if (verb == "grants-end") return end_one(words[1], who, world);
    if (verb == "grants-end-user") return end_these(grants.list_user(words[1]), who, world);
    if (verb == "grants-end-address") return with_address(words[1], end_of);
  } else if (words.size() == 5 && verb == "grants-add") {
    return add(words, who, world);
  }
  return std::string(kNoCommand);
}

struct UserChange {
  std::string_view command;
  verify::Changed (UserCommands::*make)(std::string_view user);
  const char* event;    ///< in the audit log
  const char* nothing;  ///< said where there was nothing to change
};
constexpr UserChange kUserChanges[] = {
    {"users-unlock", &UserCommands::unlock, "user_unlocked",
     "ok\nnothing was counted against this user\n"},
    {"users-reset-otp", &UserCommands::reset_otp, "otp_reset", "ok\nnothing was registered\n"},
    {"users-reset-passkeys", &UserCommands::reset_passkeys, "passkeys_reset",
     "ok\nnothing was registered\n"},
};

std::string register_otp(std::string_view user, UserCommands& users) {
  const verify::Registered registered = users.register_otp(user);
  if (registered) return "ok\n" + *registered + "\n";
  switch (registered.error()) {
    case verify::RegisterFailure::unavailable: break;
    case verify::RegisterFailure::unknown_user: return "error: no directory knows this user\n";
    case verify::RegisterFailure::registered:
      return "error: this user has an authenticator app: remove it first, with users reset-otp\n";
  }
  return std::string(kStoreAway);
}

std::string users_command(const Words& words, std::string_view who, UserCommands* users,
                          AuditEvents& audit, std::uint64_t now_ms) {
  if (words.size() != 2 || words[1].empty()) return std::string(kNoCommand);
  const bool show = words[0] == "users-show";
  const bool registers = words[0] == "users-register-otp";
  const auto* const change = std::ranges::find(kUserChanges, words[0], &UserChange::command);
  if (!show && !registers && change == std::end(kUserChanges)) return std::string(kNoCommand);
  if (users == nullptr) return "error: there is no gate, and no policy that asks for codes\n";
  const std::string_view user = words[1];
  if (!verify::is_user_id(user)) return "error: that is no name of a user\n";
  if (show) return "ok\n" + users->show(user);
  if (!audit.has_room()) return "error: the audit log cannot be written\n";
  std::string answer = "ok\ndone\n";
  if (registers) {
    answer = register_otp(user, *users);
    if (!answer.starts_with("ok")) return answer;
  } else {
    const verify::Changed changed = (users->*change->make)(user);
    if (!changed) return std::string(kStoreAway);
    if (!*changed) return change->nothing;
  }
  AuditEvent event;
  event.at_unix_ms = now_ms;
  event.event = registers ? "otp_registered" : change->event;
  event.user = user;
  event.who = who;
  audit.push(std::move(event));
  return answer;
}

Words words_of(std::string_view line) {
  while (line.ends_with('\n')) line.remove_suffix(1);
  return split(line);
}

}  // namespace

std::string obey_about_users(std::string_view line, std::string_view who, UserCommands& users,
                             AuditEvents& audit, std::uint64_t now_ms) {
  const Words words = words_of(line);
  if (words[0].starts_with("grants-")) return "error: there is no HTTP door\n";
  return users_command(words, who, &users, audit, now_ms);
}

std::string obey(std::string_view line, std::string_view who, const OperatorWorld& world) {
  const Words words = words_of(line);
  if (words[0].starts_with("grants-")) return grants_command(words, who, world);
  if (words[0].starts_with("users-"))
    return users_command(words, who, world.users, world.audit, world.now_ms);
  return std::string(kNoCommand);
}

}  // namespace sallyport::http_door
