#pragma once
// {env.NAME} in the texts of directories and channels, as Caddy and doorman have it.

#include <expected>
#include <string>
#include <string_view>

#include "engine/config/environment.h"
#include "engine/config/toml_tree.h"

namespace sallyport::config {

inline constexpr std::string_view kEnvironmentMark = "{env.";

/// A variable that is not set. Its name is what the file says, and no secret.
struct UnsetVariable {
  std::string name;
  Position where;
};

/// `value` with each {env.NAME} in its texts, at any depth, replaced by that variable's value. What
/// a variable brings in is not looked at again.
[[nodiscard]] std::expected<TomlValue, UnsetVariable> with_environment(
    const TomlValue& value, const Environment& environment);

}  // namespace sallyport::config
