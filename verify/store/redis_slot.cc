#include "verify/store/redis_slot.h"

#include <array>

namespace sallyport::verify {
namespace {

constexpr std::array<std::uint16_t, 256> kCrc = [] {
  std::array<std::uint16_t, 256> table{};
  for (std::size_t octet = 0; octet < table.size(); ++octet) {
    std::uint32_t crc = static_cast<std::uint32_t>(octet) << 8;
    for (int bit = 0; bit < 8; ++bit) {
      crc = crc << 1 ^ ((crc & 0x8000) != 0 ? 0x1021U : 0U);
    }
    table[octet] = static_cast<std::uint16_t>(crc);
  }
  return table;
}();

}  // namespace

std::uint16_t redis_slot(std::string_view key) noexcept {
  if (const std::size_t open = key.find('{'); open != std::string_view::npos) {
    const std::size_t close = key.find('}', open + 1);
    if (close != std::string_view::npos && close > open + 1) {
      key = key.substr(open + 1, close - open - 1);
    }
  }
  std::uint32_t crc = 0;
  for (const char octet : key) {
    crc = (crc << 8 ^ kCrc[(crc >> 8 ^ static_cast<std::uint8_t>(octet)) & 0xff]) & 0xffff;
  }
  return static_cast<std::uint16_t>(crc % kRedisSlots);
}

}  // namespace sallyport::verify
