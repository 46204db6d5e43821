#pragma once
// The keys that access cookies are sealed with, when the configuration gives none: made by us,
// sealed in the store so that all nodes have the same, and a new one each week.

#include <cstdint>
#include <expected>
#include <vector>

#include "protocol/random.h"
#include "protocol/secret.h"
#include "verify/store/sealer.h"
#include "verify/store/store.h"

namespace sallyport::http_door {

inline constexpr std::size_t kCookieKeyOctets = 32;
inline constexpr std::uint64_t kCookieKeyMs = 7ULL * 24 * 3'600'000;
/// As many as open cookies: the longest grant is older than none of them.
inline constexpr std::size_t kCookieKeys = 6;

/// Newest first; makes the first, and a new one when the newest is a week old. Waits for the store.
[[nodiscard]] std::expected<std::vector<Secret>, verify::StoreError> read_cookie_keys(
    verify::Store& store, const verify::Sealer& sealer, RandomSource& random,
    std::uint64_t now_unix_ms);

}  // namespace sallyport::http_door
