#pragma once
// What there is below gate_path for the gate's threads to answer. What the shard serves by itself
// (style, script, logo, forward authentication) is not among it.

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace sallyport::http_door {

struct GatePath {
  std::string_view path;
  bool get = true;
  bool post = false;
};

inline constexpr std::array kGatePaths = std::to_array<GatePath>({
    {.path = "/", .get = true, .post = false},
    {.path = "/start", .get = false, .post = true},
    {.path = "/visit", .get = true, .post = false},
    {.path = "/captcha", .get = false, .post = true},
    {.path = "/captcha.png", .get = true, .post = false},
    {.path = "/factor", .get = false, .post = true},
    {.path = "/code", .get = false, .post = true},
    {.path = "/again", .get = false, .post = true},
    {.path = "/wait", .get = true, .post = false},
    {.path = "/register", .get = true, .post = true},
    {.path = "/approve", .get = true, .post = true},
    {.path = "/passkey", .get = false, .post = true},
    {.path = "/access", .get = true, .post = true},
    {.path = "/pair", .get = true, .post = true},
});

/// Its index. Nothing: there is no such page.
[[nodiscard]] constexpr std::optional<std::size_t> find_gate_path(std::string_view path) noexcept {
  for (std::size_t i = 0; i < kGatePaths.size(); ++i) {
    if (kGatePaths[i].path == path) return i;
  }
  return std::nullopt;
}

}  // namespace sallyport::http_door
