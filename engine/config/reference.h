#pragma once
// What the settings table says, as documents: the reference and an example to begin from. A test
// holds docs/configuration.md and docs/examples/sallyport.toml to them.

#include <string>

namespace sallyport::config {

/// docs/configuration.md: `sallyport config --markdown`.
[[nodiscard]] std::string reference_markdown();

/// docs/examples/sallyport.toml, every setting with its meaning: `sallyport config --example`.
[[nodiscard]] std::string example_toml();

}  // namespace sallyport::config
