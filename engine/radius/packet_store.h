#pragma once
// The octets that exchanges keep: one block for each exchange at a time. Three size classes, each
// with room for every exchange, so that an admitted exchange can always keep its answer. Address
// space is taken at construction; memory only as blocks are first used, the last one freed being
// the next one used. One thread.

#include <array>
#include <cstdint>

#include "protocol/octets.h"
#include "protocol/radius/codes.h"

namespace sallyport::radius_door {

class PacketStore {
 public:
  /// Beside the longest packet a block holds what the audit line will say of its sender.
  static constexpr std::size_t kNoteOctets = 512;
  static constexpr std::array<std::size_t, 3> kClassOctets = {
      256, 1024, radius::kMaxPacketOctets + kNoteOctets};

  /// Takes `blocks` × 5,900 octets of address space; std::bad_alloc when that is refused.
  explicit PacketStore(std::uint32_t blocks);
  ~PacketStore();
  PacketStore(const PacketStore&) = delete;
  PacketStore& operator=(const PacketStore&) = delete;

  /// Names a block: class in the top two bits, number below.
  struct Handle {
    static constexpr std::uint32_t kNone = 0xffff'ffff;
    std::uint32_t value = kNone;
    [[nodiscard]] bool empty() const noexcept { return value == kNone; }
  };

  /// The smallest block with room for `octets`. At most `blocks` may be held at once.
  [[nodiscard]] Handle take(std::size_t octets) noexcept;
  void give_back(Handle handle) noexcept;
  /// The whole block.
  [[nodiscard]] MutableOctets block(Handle handle) const noexcept;
  [[nodiscard]] std::uint32_t held() const noexcept { return held_; }

 private:
  struct SizeClass {
    std::uint8_t* begin = nullptr;
    std::uint32_t fresh = 0;               ///< blocks from here on were never used
    std::uint32_t* free_blocks = nullptr;  ///< numbers; the last one freed is taken first
    std::uint32_t free_count = 0;
  };

  const std::uint32_t blocks_;
  std::uint32_t held_ = 0;
  std::size_t region_octets_ = 0;
  void* region_ = nullptr;
  std::array<SizeClass, kClassOctets.size()> classes_;
};

}  // namespace sallyport::radius_door
