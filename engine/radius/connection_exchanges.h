#pragma once
// Which exchanges belong to a connection, so that they end with it (RFC 6613 §2.6): a list for each
// connection, through all slots. Nothing of it exists where there is no RADIUS over TLS. One
// thread.

#include <cstdint>
#include <optional>
#include <vector>

#include "protocol/check.h"

namespace sallyport::radius_door {

class ConnectionExchanges {
 public:
  /// Both are fixed; `connections` 0: nothing is ever added.
  ConnectionExchanges(std::uint32_t connections, std::uint32_t exchanges)
      : first_(connections, kNone), links_(connections == 0 ? 0 : exchanges) {}

  /// `slot` is in no list.
  void add(std::uint32_t connection, std::uint32_t slot) noexcept {
    std::uint32_t& first = first_[connection];
    links_[slot] = {.next = first, .previous = kNone};
    if (first != kNone) links_[first].previous = slot;
    first = slot;
  }
  /// `slot` is in this connection's list.
  void remove(std::uint32_t connection, std::uint32_t slot) noexcept {
    const Link link = links_[slot];
    if (link.next != kNone) links_[link.next].previous = link.previous;
    if (link.previous != kNone) {
      links_[link.previous].next = link.next;
    } else {
      CHECK(first_[connection] == slot);
      first_[connection] = link.next;
    }
  }
  [[nodiscard]] std::optional<std::uint32_t> first(std::uint32_t connection) const noexcept {
    return some(first_[connection]);
  }
  [[nodiscard]] std::optional<std::uint32_t> after(std::uint32_t slot) const noexcept {
    return some(links_[slot].next);
  }

 private:
  static constexpr std::uint32_t kNone = 0xffff'ffff;
  struct Link {
    std::uint32_t next = kNone;
    std::uint32_t previous = kNone;
  };
  [[nodiscard]] static std::optional<std::uint32_t> some(std::uint32_t slot) noexcept {
    return slot == kNone ? std::nullopt : std::optional(slot);
  }

  std::vector<std::uint32_t> first_;
  std::vector<Link> links_;
};

}  // namespace sallyport::radius_door
