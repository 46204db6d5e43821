#pragma once
// What a completion belongs to, in the 64 bits that io_uring hands back: operation (8) | generation
// (24) | index (32). Never a pointer: a completion that outlives its object is recognised by the
// generation, not dereferenced.

#include <cstddef>
#include <cstdint>

namespace sallyport::ring {

/// In groups: each tenant of a reactor owns a range.
enum class Operation : std::uint8_t {
  // The RADIUS door's.
  receive_message,  ///< multishot recvmsg on a listen socket; index: registered file
  receive,          ///< multishot recv on a connected socket; index: registered file
  send,             ///< a datagram refused by the kernel (success posts nothing); index: slot
  cancel,           ///< the cancel request itself
  // Of its clients' streams: as below, in the same order.
  radsec_accept,
  radsec_connect,
  radsec_receive,
  radsec_send,
  radsec_cancel,
  radsec_close,
  // Of its own streams to downstream servers: likewise.
  server_accept,
  server_connect,
  server_receive,
  server_send,
  server_cancel,
  server_close,
  // The reactor's.
  wake_message,  ///< another thread's MSG_RING
  wake_event,    ///< multishot poll of the wake-up eventfd
  cancel_all,    ///< the cancel request at the end of the thread
  // The HTTP door's streams'. The index is the stream's, for accept the listener's.
  accept,  ///< multishot accept
  connect,
  stream_receive,  ///< multishot recv into a provided buffer
  stream_send,     ///< one at a time for each stream
  stream_cancel,   ///< the cancel request itself
  stream_close,
};
inline constexpr std::size_t kOperations = 25;
static_assert(static_cast<std::size_t>(Operation::stream_close) + 1 == kOperations);

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
