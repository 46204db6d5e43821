#pragma once
// From the configuration to what the shards work with: names resolved, certificates and lists read.
// Main and control thread; may take as long as a resolver does.

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "engine/http/door_settings.h"
#include "engine/ring/tls.h"

namespace sallyport::http_door {

struct MadeSettings {
  std::shared_ptr<const DoorSettings> settings;
  std::vector<std::string> warnings;
};

/// What lasts over reloads.
struct SettingsBase {
  std::shared_ptr<const ring::TicketKeys> tickets;
  std::shared_ptr<const AddressSet> whitelist;
  std::shared_ptr<const AccessBinding> binding;
  std::shared_ptr<const GateFront> gate;  ///< none: there is no gate
  std::array<std::uint8_t, 32> cookie_key;
};

/// An error is one line that says what to do; nothing is half made.
[[nodiscard]] std::expected<MadeSettings, std::string> make_settings(const config::Http& config,
                                                                     const SettingsBase& base,
                                                                     std::int64_t now_unix_s);

/// The files whose change asks for make_settings again.
[[nodiscard]] std::vector<std::string> watched_files(const config::Http& config);

}  // namespace sallyport::http_door
