#pragma once
// The options of Notakey Authentication Proxy (NtkP) 1.0.0 under their own names, so that its image
// can be replaced and nothing else changed. Each is a command-line option and an environment
// variable; the command line wins. What NtkP does not know keeps our defaults (settings.h).

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/config/environment.h"
#include "engine/config/load.h"
#include "engine/config/mistake.h"

namespace sallyport::config {

enum class NtkpOption : std::uint8_t {
  notakey_host,
  notakey_access_id,
  notakey_timeout,
  listen_address,
  port_in,
  address_secret_in,
  downstream_address,
  port_out,
  secret_out,
  proxy_send_timeout,
  proxy_receive_timeout,
};
inline constexpr std::size_t kNtkpOptions = 11;

struct NtkpEntry {
  NtkpOption option;
  std::string_view argument;  ///< "--notakey-host"
  std::string_view variable;  ///< "NOTAKEY_HOST"
  std::string_view takes;     ///< "URL", "SECONDS": for the help text
  std::string_view fallback;  ///< NtkP's default; empty: none
  bool required;
  bool secret;            ///< never printed, scrubbed from the argument list
  std::string_view toml;  ///< the key that means the same in a file
  std::string_view meaning;
};

/// All of them, in the order of the enum.
[[nodiscard]] const std::array<NtkpEntry, kNtkpOptions>& ntkp_entries() noexcept;

/// What the command line gave. Holds secrets: never log it.
struct NtkpOptions {
  std::array<std::optional<std::string>, kNtkpOptions> values;

  [[nodiscard]] std::optional<std::string>& operator[](NtkpOption option) {
    return values[static_cast<std::size_t>(option)];
  }
  [[nodiscard]] const std::optional<std::string>& operator[](NtkpOption option) const {
    return values[static_cast<std::size_t>(option)];
  }
  [[nodiscard]] bool any() const noexcept;
};

/// Names of the NtkP variables that are set (an empty value counts as not set).
[[nodiscard]] std::vector<std::string_view> ntkp_variables_set(const Environment& environment);

[[nodiscard]] std::expected<Loaded, std::vector<Mistake>> from_ntkp(
    const NtkpOptions& options, const Environment& environment = process_environment());

}  // namespace sallyport::config
