#pragma once
// What a completion belongs to, in the 64 bits that io_uring hands back: operation (8) | generation
// (24) | index (32). Never a pointer: a completion that outlives its object is recognised by the
// generation, not dereferenced.

#include <cstdint>

namespace sallyport::ring {

enum class Operation : std::uint8_t {
  receive_message,  ///< multishot recvmsg on a listen socket; index: registered file
  receive,          ///< multishot recv on a connected socket; index: registered file
  send,             ///< a datagram refused by the kernel (success posts nothing); index: slot
  wake_message,     ///< another thread's MSG_RING
  wake_event,       ///< multishot poll of the wake-up eventfd
  cancel,           ///< the cancel request itself
};

struct Tag {
  static constexpr std::uint32_t kGenerationMask = 0x00ff'ffff;

  Operation operation = Operation::cancel;
  std::uint32_t generation = 0;  ///< 24 bits
  std::uint32_t index = 0;

  [[nodiscard]] constexpr std::uint64_t pack() const noexcept {
    return std::uint64_t{static_cast<std::uint8_t>(operation)} << 56 |
           std::uint64_t{generation & kGenerationMask} << 32 | index;
  }
  [[nodiscard]] static constexpr Tag unpack(std::uint64_t user_data) noexcept {
    return {.operation = static_cast<Operation>(user_data >> 56),
            .generation = static_cast<std::uint32_t>(user_data >> 32) & kGenerationMask,
            .index = static_cast<std::uint32_t>(user_data)};
  }
  bool operator==(const Tag&) const = default;
};

}  // namespace sallyport::ring
