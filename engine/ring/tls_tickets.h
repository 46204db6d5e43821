#pragma once
// The keys that session tickets are sealed with (RFC 5077, RFC 8446 §4.6.1): shared by all shards
// and listeners, so that whoever accepts the next connection can resume. Nothing is kept of a
// session. Keys never touch a disk: a restart costs each visitor one full handshake.

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include "protocol/octets.h"
#include "protocol/random.h"

namespace sallyport::ring {

class TicketKeys {
 public:
  static constexpr std::uint64_t kRotateMs =
      14'400'000;                          ///< 4 h: age at which a new key takes over
  static constexpr std::size_t kKept = 3;  ///< the current key and those before
  /// A ticket opens at least this long.
  static constexpr std::uint32_t kTicketLifetimeS = (kKept - 1) * kRotateMs / 1000;
  static constexpr std::size_t kNameOctets = 16;
  static constexpr std::size_t kNonceOctets = 12;
  static constexpr std::size_t kTagOctets = 16;
  /// name | nonce | sealed | tag
  static constexpr std::size_t kOverheadOctets = kNameOctets + kNonceOctets + kTagOctets;

  TicketKeys(std::uint64_t now_ms, RandomSource& random);
  ~TicketKeys();
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;

  /// Takes a new key where the current one is old enough; call every minute or so. Any thread.
  void rotate(std::uint64_t now_ms, RandomSource& random);

  /// Seals `session` into `out`, which has kOverheadOctets more; they may begin at the same place.
  /// Octets written; empty where the cipher fails. Any thread.
  [[nodiscard]] std::optional<std::size_t> seal(Octets session, MutableOctets out) const noexcept;
  /// Opens into `out`, which has room for as many octets as the ticket. Empty: not ours, changed,
  /// or the key is gone. Any thread.
  [[nodiscard]] std::optional<std::size_t> open(Octets ticket, MutableOctets out) const noexcept;

 private:
  struct Key;
  using Keys = std::array<std::shared_ptr<const Key>, kKept>;  ///< newest first; null: none yet
  [[nodiscard]] std::shared_ptr<const Keys> snapshot() const noexcept;

  // A handshake costs a thousand times what this lock does, and it is held for a pointer's copy.
  mutable std::mutex mutex_;
  std::shared_ptr<const Keys> keys_;
  std::uint64_t rotated_ms_;
};

}  // namespace sallyport::ring
