#pragma once
// The access cookie names the grant that its browser came by, for bind = "cookie" and "both": the
// grant's id and an HMAC-SHA256 (RFC 2104) over it, so that nobody can name one that he was not
// given. Pure; no heap but for the text of a new one.

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sallyport::http_door {

using AccessKey = std::array<std::uint8_t, 32>;

/// "17.FsXr…": the id, and 43 characters of base64url.
[[nodiscard]] std::string seal_access(std::uint64_t grant, const AccessKey& key);
/// The grant's id; 0: no cookie of ours, or changed. Any of the keys will do, the newest comes
/// first. How long it takes tells nothing about them.
[[nodiscard]] std::uint64_t open_access(std::string_view cookie,
                                        std::span<const AccessKey> keys) noexcept;

}  // namespace sallyport::http_door
