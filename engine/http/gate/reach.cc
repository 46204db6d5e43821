#include "engine/http/gate/reach.h"

#include <variant>

namespace sallyport::http_door {

std::expected<DirectoryPointer, std::string> make_directories(const config::Gate& gate) {
  std::vector<verify::Directories::Named> named;
  for (const config::GateDirectory& configured : gate.directories) {
    auto made = std::visit([](const auto& settings) { return verify::make_directory(settings); },
                           configured.settings);
    if (!made) {
      return std::unexpected("the directory " + configured.name + ": " + made.error());
    }
    named.push_back({.name = configured.name, .directory = std::move(*made)});
  }
  return std::make_shared<verify::Directories>(std::move(named));
}

std::expected<MessengerPointer, std::string> make_messenger(const config::Gate& gate) {
  if (gate.messenger.channels.empty()) return nullptr;
  auto messenger = verify::Messenger::make(gate.messenger);
  if (!messenger) return std::unexpected(std::move(messenger.error()));
  (*messenger)->start();
  return std::move(*messenger);
}

}  // namespace sallyport::http_door
