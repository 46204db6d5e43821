#pragma once
// The verifications of one verify thread: found by join key, named by a small index, each with the
// tickets that wait on it. Slots are reused, their addresses never move. One thread.

#include <cstdint>
#include <cstring>
#include <deque>
#include <unordered_map>
#include <vector>

#include "verify/notakey/dialogue.h"
#include "verify/verification.h"

namespace sallyport::verify {

class Transfer;

/// One who waits for a verdict.
struct Waiter {
  Ticket ticket;
  std::uint64_t asked_ns = 0;
  bool joined = false;
};

/// How a verification ended.
struct Decision {
  Verdict verdict = Verdict::unavailable;
  bool push_out = false;
  notakey::Fault fault;
};

struct Verification {
  static constexpr std::uint64_t kNotLeft = UINT64_MAX;

  Question question;  ///< the first one
  notakey::Dialogue dialogue;
  std::vector<Waiter> waiters;
  Transfer* transfer = nullptr;         ///< queued or on its way; at most one
  std::uint32_t token_generation = 0;   ///< of the token used last
  std::uint64_t drop_at_ms = kNotLeft;  ///< nobody waits: the end of the grace
  Decision decision;                    ///< once the dialogue is decided
  bool used = false;
};

class VerificationTable {
 public:
  static constexpr std::uint32_t kNone = 0xffff'ffff;
  /// More requests than this never share one verification: a client that retries so often is
  /// broken.
  static constexpr std::size_t kMaxWaiters = 256;

  [[nodiscard]] std::uint32_t find(const JoinKey& key) const;
  /// The key is not in the table yet.
  std::uint32_t begin(const Question& question);
  void end(std::uint32_t index);

  [[nodiscard]] Verification& operator[](std::uint32_t index) { return slots_[index]; }
  [[nodiscard]] bool used(std::uint32_t index) const {
    return index < slots_.size() && slots_[index].used;
  }
  /// Takes the ticket off its verification. True: it was there and nobody is left.
  bool leave(std::uint32_t index, Ticket ticket);
  [[nodiscard]] std::uint32_t slots() const { return static_cast<std::uint32_t>(slots_.size()); }

 private:
  struct KeyHash {
    std::size_t operator()(const JoinKey& key) const noexcept {
      std::size_t hash;  // the key is a keyed SHA-256 already: any part of it is a hash
      std::memcpy(&hash, key.octets.data(), sizeof hash);
      return hash;
    }
  };

  std::deque<Verification> slots_;
  std::vector<std::uint32_t> free_;
  std::unordered_map<JoinKey, std::uint32_t, KeyHash> by_key_;
};

}  // namespace sallyport::verify
