#pragma once
// Clients that one shard has refused, for the log: how many of each kind, and one of them, kept
// until another thread has taken it. Fixed in size, so that nobody who knocks fills anything.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/ip_address.h"
#include "verify/metrics.h"
#include "verify/short_text.h"

namespace sallyport::radius_door {

/// What is wrong with a client. Each has a line of its own in the log.
enum class Refusal : std::uint8_t {
  unknown_address,        ///< no [[client]] has it
  wrong_secret,           ///< an authenticator that another secret has made
  not_signed,             ///< no Message-Authenticator, where one is wanted
  untrusted_certificate,  ///< not signed by those we trust, or not valid now
  unfit,                  ///< proved, and no [[radsec.client]] fits it
  unknown_identity,       ///< a pre-shared key's, which nobody has
};
inline constexpr std::size_t kRefusals = 6;

struct RefusedPeer {
  Endpoint address = {};
  verify::ShortText<200> text = {};  ///< the client's name, or what it has shown: a stranger's text
};

class RefusalNotes {
 public:
  // The shard's thread.
  /// False: one that waits to be told makes this one a number.
  [[nodiscard]] bool wants(Refusal kind) const noexcept {
    return !at(kind).there.load(std::memory_order_acquire);
  }
  void note(Refusal kind, const Endpoint& address, std::string_view text) noexcept {
    Kind& noted = kinds_[static_cast<std::size_t>(kind)];
    noted.count.add();
    if (!wants(kind)) return;
    noted.peer.address = address;
    noted.peer.text.assign(text);
    noted.there.store(true, std::memory_order_release);
  }

  // The thread that tells the log.
  [[nodiscard]] std::uint64_t count(Refusal kind) const noexcept { return at(kind).count.value(); }
  /// Makes room for the next one.
  [[nodiscard]] std::optional<RefusedPeer> take(Refusal kind) const noexcept {
    const Kind& noted = at(kind);
    if (!noted.there.load(std::memory_order_acquire)) return std::nullopt;
    const RefusedPeer peer = noted.peer;
    noted.there.store(false, std::memory_order_release);
    return peer;
  }

 private:
  struct Kind {
    verify::Counter count;
    RefusedPeer peer;
    mutable std::atomic<bool> there{false};  ///< `peer` is the reader's
  };
  [[nodiscard]] const Kind& at(Refusal kind) const noexcept {
    return kinds_[static_cast<std::size_t>(kind)];
  }
  std::array<Kind, kRefusals> kinds_;
};

}  // namespace sallyport::radius_door
