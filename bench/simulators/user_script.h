#pragma once
// What each simulated user does with a push: "alice=approve:2s", "bot-*=deny", default "ask".
// Pure. The longest pattern that fits a name wins; an exact name beats every pattern.

#include <cstdint>
#include <expected>
#include <map>
#include <string>
#include <string_view>

namespace sallyport::lab {

enum class Action : std::uint8_t {
  ask,        ///< waits for the phone page
  approve,    ///< approves after a delay
  deny,       ///< denies after a delay
  expire,     ///< does nothing: the request runs out
  never,      ///< polls for it are never answered
  unknown,    ///< the service does not know the user: 404
  no_device,  ///< known, but no phone is registered: 404
};
[[nodiscard]] const char* to_text(Action action) noexcept;

struct Behaviour {
  Action action = Action::ask;
  std::uint64_t after_ms = 0;  ///< approve and deny only
  bool operator==(const Behaviour&) const = default;
};

/// "approve", "approve:2s", "deny:500ms", "expire", "never", "unknown", "no-device", "ask".
[[nodiscard]] std::expected<Behaviour, std::string> parse_behaviour(std::string_view text);

class UserScript {
 public:
  /// One "name=behaviour" or "prefix*=behaviour". A later line replaces an earlier one.
  [[nodiscard]] std::expected<void, std::string> add(std::string_view line);
  /// Many lines; blank ones and those that begin with # are skipped. The error names the line.
  [[nodiscard]] std::expected<void, std::string> add_lines(std::string_view text);
  void set_default(Behaviour behaviour) { default_ = behaviour; }
  [[nodiscard]] Behaviour behaviour_of(std::string_view user) const;

 private:
  std::map<std::string, Behaviour, std::less<>> exact_;
  std::map<std::string, Behaviour, std::less<>> prefixes_;
  Behaviour default_;
};

}  // namespace sallyport::lab
