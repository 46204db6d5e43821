#pragma once
// Secrets from where they are kept: the configuration itself, a file, or the environment. Every
// complaint names the place, and none holds any part of the secret.

#include <expected>
#include <string>
#include <string_view>

#include "engine/config/environment.h"
#include "engine/config/mistake.h"
#include "protocol/secret.h"

namespace sallyport::config {

/// Not empty, not endless.
[[nodiscard]] std::expected<Secret, Complaint> secret_from_text(std::string_view text);

/// A relative `path` is taken from `folder`. The file may not be readable by everybody. One line
/// end at its end does not belong to the secret.
[[nodiscard]] std::expected<Secret, Complaint> secret_from_file(const std::string& path,
                                                                const std::string& folder);

[[nodiscard]] std::expected<Secret, Complaint> secret_from_environment(
    std::string_view variable, const Environment& environment);

}  // namespace sallyport::config
