#pragma once
// Rules between settings, of a configuration whose single values are good: addresses that two
// clients claim, settings that exclude or need each other, and what is allowed but unwise. The same
// for a file and for NtkP's options.

#include <map>
#include <string>
#include <vector>

#include "engine/config/config.h"
#include "engine/config/mistake.h"
#include "engine/config/notes.h"

namespace sallyport::config {

struct ClientPlaces {
  Position header;
  std::vector<Position> addresses;  ///< of Client::addresses, side by side
};

/// Where in the file the values stand. Not needed: what is absent has no place.
struct Places {
  std::map<std::string, Position, std::less<>> keys = {};  ///< "notakey.host" → where
  std::vector<ClientPlaces> clients = {};

  [[nodiscard]] bool given(std::string_view key) const { return keys.contains(key); }
  [[nodiscard]] Position of(std::string_view key) const {
    const auto found = keys.find(key);
    return found == keys.end() ? Position{} : found->second;
  }
};

void check_rules(const Config& config, const Places& places, Notes& notes);

}  // namespace sallyport::config
