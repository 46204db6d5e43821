#pragma once
// One value of a TOML file into the field of its setting: type, syntax and bounds. Rules between
// settings are load.cc's. Secrets are read by secret_source.h, since they may come from elsewhere.

#include <vector>

#include "engine/config/mistake.h"
#include "engine/config/settings.h"
#include "engine/config/toml_tree.h"

namespace sallyport::config {

struct PlacedComplaint {
  Position where;
  Complaint complaint;
};

struct ReadResult {
  /// Empty: the field is filled. A list may have several things wrong, each at its own place.
  std::vector<PlacedComplaint> complaints;
  std::vector<Position> kept;  ///< of a list: where each element of the field stands
};

/// Not for a SecretSource.
[[nodiscard]] ReadResult read_value(const Setting& setting, const TomlValue& value, Draft& draft);

}  // namespace sallyport::config
