#pragma once
// Rules between the settings of dynamic authorization, and those of it in [[client]].

#include "engine/config/rules.h"

namespace sallyport::config {

void check_coa(const Config& config, const Places& places, Notes& notes);

}  // namespace sallyport::config
