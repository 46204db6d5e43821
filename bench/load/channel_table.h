#pragma once
// Who may be asked on which channel: a channel is one Identifier of one socket (RFC 2865 §3: 256
// requests can be under way from one port). Free ones are used least recently used first, so that a
// late answer finds its Identifier unused for as long as possible. Those under way stand in one of
// two queues, in the order in which their time runs out. Pure; O(1); no memory after construction.

#include <cstdint>
#include <optional>
#include <vector>

namespace sallyport::lab {

/// socket * 256 + Identifier.
using Channel = std::uint32_t;
inline constexpr std::uint32_t kIdentifiers = 256;

[[nodiscard]] constexpr std::uint32_t socket_of(Channel channel) noexcept {
  return channel / kIdentifiers;
}
[[nodiscard]] constexpr std::uint8_t identifier_of(Channel channel) noexcept {
  return static_cast<std::uint8_t>(channel);
}

/// What a channel that is under way waits for, if no answer comes. Each queue has one delay, so
/// what is put in last is due last.
enum class Queue : std::uint8_t {
  resend,   ///< the time to retransmit
  give_up,  ///< the time at which the request is lost
};

class ChannelTable {
 public:
  explicit ChannelTable(std::uint32_t sockets);

  [[nodiscard]] std::uint32_t sockets() const noexcept { return sockets_; }
  [[nodiscard]] std::uint32_t channels() const noexcept { return sockets_ * kIdentifiers; }
  [[nodiscard]] std::uint32_t in_use() const noexcept { return in_use_; }

  /// The next socket, round robin, that has a free channel. Empty: all channels are in use.
  [[nodiscard]] std::optional<std::uint32_t> next_socket() noexcept;
  /// The socket's free channel that was used longest ago.
  [[nodiscard]] std::optional<Channel> take(std::uint32_t socket) noexcept;
  /// A channel in use; it leaves its queue.
  void give_back(Channel channel) noexcept;

  /// A channel in use, to the end of `queue`; it leaves the one it was in.
  void wait(Queue queue, Channel channel) noexcept;
  /// The first of `queue`.
  [[nodiscard]] std::optional<Channel> first(Queue queue) const noexcept;

 private:
  static constexpr std::uint32_t kQueues = 2;

  /// Lists are rings through a head of their own: the sockets' heads come after the channels', the
  /// queues' last. Every channel is in one list or alone.
  struct Node {
    std::uint32_t next;
    std::uint32_t previous;
  };
  [[nodiscard]] std::uint32_t free_head(std::uint32_t socket) const noexcept {
    return channels() + socket;
  }
  [[nodiscard]] std::uint32_t queue_head(Queue queue) const noexcept {
    return channels() + sockets_ + static_cast<std::uint32_t>(queue);
  }
  void append(std::uint32_t head, std::uint32_t node) noexcept;
  void unlink(std::uint32_t node) noexcept;

  const std::uint32_t sockets_;
  std::uint32_t in_use_ = 0;
  std::uint32_t turn_ = 0;  ///< the socket at which next_socket() goes on
  std::vector<Node> nodes_;
  std::vector<std::uint64_t> has_free_;  ///< one bit for each socket
  std::vector<bool> used_;               ///< by channel
};

}  // namespace sallyport::lab
