#pragma once
// The gate's part of the configuration, validated: verify's own settings, filled in. Durations are
// milliseconds.

#include <array>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "verify/channels/messenger.h"
#include "verify/gate/settings.h"
#include "verify/store/settings.h"
#include "verify/users/directory.h"

namespace sallyport::config {

struct GateDirectory {
  std::string name;
  std::variant<verify::ListDirectorySettings, verify::FileDirectorySettings,
               verify::LdapDirectorySettings, verify::CommandDirectorySettings>
      settings;
};

/// How the pages look (docs/gate.md).
struct GateTheme {
  std::string folder;     ///< of message catalogues ("de.toml") and "style.css", put after ours
  std::string logo_file;  ///< SVG or PNG; empty: none
  std::string accent;     ///< "#0b57d0"; empty: ours
  std::string title;      ///< on the pages; empty: the issuer
  std::string imprint_url;
  std::string privacy_policy_url;
  std::string default_language = "en";
};

/// What holds unless [gate.limits] says otherwise. Those of a user alone are wide: whoever knows
/// his id can use them up.
inline constexpr std::array<verify::LimitRates, verify::kLimited> kDefaultLimits = {{
    // start
    {.address = {20, 60'000},
     .user = {60, 60'000},
     .pair = {10, 60'000},
     .global = {6'000, 60'000}},
    // send
    {.address = {20, 600'000},
     .user = {30, 600'000},
     .pair = {5, 300'000},
     .global = {600, 60'000}},
    // check
    {.address = {30, 60'000},
     .user = {100, 60'000},
     .pair = {20, 60'000},
     .global = {6'000, 60'000}},
    // captcha
    {.address = {30, 60'000}, .user = {}, .pair = {}, .global = {6'000, 60'000}},
    // registration
    {.address = {10, 600'000},
     .user = {20, 600'000},
     .pair = {5, 600'000},
     .global = {600, 60'000}},
    // approval
    {.address = {30, 60'000}, .user = {}, .pair = {}, .global = {6'000, 60'000}},
}};

[[nodiscard]] inline verify::GateSettings default_gate_settings() {
  verify::GateSettings settings;
  settings.limits = kDefaultLimits;
  return settings;
}

struct Gate {
  bool on = false;  ///< there is a [gate]
  verify::GateSettings settings = default_gate_settings();
  std::vector<GateDirectory> directories;  ///< in the order in which they are asked
  verify::MessengerSettings messenger;
  GateTheme theme;
  std::string cookie_domain;  ///< empty: the asked host only
  bool insecure_cookie = false;
  std::vector<Secret> cookie_keys;  ///< 32 octets each, newest first; none: made and rotated by us
  std::uint32_t threads = 8;        ///< that answer and look up
};

}  // namespace sallyport::config
