#pragma once
// Which of a cluster's 16384 slots a key lies in (Redis Cluster specification, "Key distribution
// model"). Pure.

#include <cstdint>
#include <string_view>

namespace sallyport::verify {

inline constexpr std::uint16_t kRedisSlots = 16'384;

/// CRC16-XMODEM of what stands between the first "{" and the next "}", or of all if that is empty.
[[nodiscard]] std::uint16_t redis_slot(std::string_view key) noexcept;

}  // namespace sallyport::verify
