#pragma once
// `sallyport convert doorman`: a doorman or Caddy JSON file as TOML of ours. Nothing is lost in
// silence: each key is converted, or named in a comment and in `lost` with the reason. Where a
// file cannot be taken over exactly, less is let in than before, never more.

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "engine/config/json_tree.h"

namespace sallyport::config {

struct Conversion {
  std::string toml;               ///< holds the secrets of the JSON
  std::vector<std::string> lost;  ///< "apps.doorman.x: why", for standard error; no secrets
};

/// `name`: the file's, for the first comment.
[[nodiscard]] std::expected<Conversion, JsonError> convert_doorman(std::string_view json,
                                                                   const std::string& name);

struct ConvertReport {
  int exit_status = 0;
  std::string output;  ///< for standard output
  std::string notes;   ///< for standard error
};

/// Reads `path` and writes `to`, a new file that its owner alone may read; empty: standard output.
[[nodiscard]] ConvertReport convert_doorman_file(const std::string& path, const std::string& to);

}  // namespace sallyport::config
