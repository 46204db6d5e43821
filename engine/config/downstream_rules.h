#pragma once
// What the downstream servers, pools and routes must be to one another.

#include "engine/config/rules.h"

namespace sallyport::config {

/// Whether what is sent there arrives at our own door.
[[nodiscard]] bool is_ourselves(const Config& config, const std::string& host, std::uint16_t port);

void check_downstream(const Config& config, const Places& places, Notes& notes);

}  // namespace sallyport::config
