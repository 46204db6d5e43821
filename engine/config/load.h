#pragma once
// The configuration from a TOML file. Everything that can be known before a socket is opened is
// checked here, and every mistake is reported at once, in the order of the file. What the keys are
// and what they may hold is in settings.h; the parser is behind toml_tree.h. Called at start, by
// `check`, and on reload.

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "engine/config/config.h"
#include "engine/config/environment.h"
#include "engine/config/mistake.h"

namespace sallyport::config {

struct Loaded {
  Config config;
  std::vector<Mistake> warnings;  ///< good enough to run with, worth a look
};

/// `environment` answers for `secret_env`. Secret files are read relative to the file's folder.
[[nodiscard]] std::expected<Loaded, std::vector<Mistake>> load_file(
    const std::string& path, const Environment& environment = process_environment());

/// The same from text. `path` names it in messages and is the base of relative secret files.
[[nodiscard]] std::expected<Loaded, std::vector<Mistake>> load_text(std::string_view text,
                                                                    const std::string& path,
                                                                    const Environment& environment);

}  // namespace sallyport::config
