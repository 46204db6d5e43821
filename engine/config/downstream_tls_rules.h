#pragma once
// What servers that are reached over TLS must have, and what those over UDP cannot.

#include "engine/config/rules.h"

namespace sallyport::config {

/// Reads the certificates' files.
void check_downstream_tls(const Config& config, const Places& places, Notes& notes);

}  // namespace sallyport::config
