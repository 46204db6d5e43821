#pragma once
// Digests collected first and computed together: what a shard needs for all datagrams of one turn.
// Owned and used by one thread; some 50 KB, so a member of its owner and never on the stack.

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>

#include "protocol/md5/md5.h"
#include "protocol/octets.h"

namespace sallyport::md5 {

class Batch {
 public:
  /// Messages that are computed together. One more computes those before it.
  static constexpr std::size_t kMaxMessages = 192;
  /// Room for the messages with their padding; 192 octets hold a usual Access-Request.
  static constexpr std::size_t kArenaOctets = 192 * kMaxMessages;
  /// The longest message, all pieces together: a RADIUS packet and a long shared secret. Longer:
  /// CHECK.
  static constexpr std::size_t kMaxMessageOctets = 8192;

  using Digest = std::span<std::uint8_t, kDigestOctets>;
  using Pieces = std::initializer_list<Octets>;

  /// `isa` must be supported.
  explicit Batch(Isa isa = best_isa()) noexcept : isa_(isa) {}
  /// What was added and not run is wiped; its outs stay unwritten.
  ~Batch();
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  /// MD5 of the pieces, one after the other. They are copied, so they may change afterwards.
  /// `out` is written by run() at the latest, by a later add_*() at the earliest.
  void add_md5(Pieces pieces, Digest out) noexcept;

  /// HMAC-MD5 (RFC 2104). `inner` and `outer`: after the key's pads; `outer` must live until run().
  void add_hmac(const State& inner, const State& outer, Pieces pieces, Digest out) noexcept;

  /// Computes what was added, and wipes the copies: they held secrets. Nothing added: no work.
  void run() noexcept;

  [[nodiscard]] bool empty() const noexcept { return messages_ == 0; }

 private:
  struct Message {
    std::uint8_t* blocks;
    const State* outer;  ///< nullptr: plain MD5
    std::uint8_t* out;
  };

  void add(const State& start, std::size_t octets_before, const State* outer, Pieces pieces,
           Digest out) noexcept;
  std::size_t prepare_outer_jobs() noexcept;
  void clear() noexcept;

  Isa isa_;
  std::size_t messages_ = 0;
  std::size_t arena_used_ = 0;  ///< octets; all behind them are zero
  std::array<Message, kMaxMessages> message_;
  std::array<Job, kMaxMessages> job_;
  std::array<State, kMaxMessages> state_;
  alignas(kBlockOctets) std::array<std::uint8_t, kArenaOctets> arena_{};
};

}  // namespace sallyport::md5
