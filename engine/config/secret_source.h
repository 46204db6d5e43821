#pragma once
// Secrets from where they are kept: the configuration itself, a file, or the environment. Every
// complaint names the place, and none holds any part of the secret.

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "engine/config/checks.h"
#include "engine/config/environment.h"
#include "engine/config/mistake.h"
#include "protocol/secret.h"

namespace sallyport::config {

/// `one`: a control character in it, a line end above all, is a mistake: it came there by accident.
/// `several`: of a list of keys, whose reader knows what may stand between them.
enum class SecretLines : std::uint8_t { one, several };

/// Not empty, not endless.
[[nodiscard]] std::expected<Secret, Complaint> secret_from_text(
    std::string_view text, SecretLines lines = SecretLines::one);

/// A relative `path` is taken from `folder`. The file may not be readable by everybody. One line
/// end at its end does not belong to the secret.
[[nodiscard]] std::expected<Secret, Complaint> secret_from_file(
    const std::string& path, const std::string& folder, SecretLines lines = SecretLines::one);

[[nodiscard]] std::expected<Secret, Complaint> secret_from_environment(
    std::string_view variable, const Environment& environment,
    SecretLines lines = SecretLines::one);

/// The control characters in a secret of one line.
[[nodiscard]] Finding check_controls(std::string_view secret);

}  // namespace sallyport::config
