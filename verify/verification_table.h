#pragma once
// The verifications of one verify thread: found by join key, named by a small index, each with the
// tickets that wait on it. Slots are reused, their addresses never move. One thread. A hundred
// thousand may wait: a slot keeps what a waiting one needs, some 350 octets.

#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "verify/asker.h"
#include "verify/notakey/dialogue.h"
#include "verify/push_limits.h"
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
  bool remembered = false;
  std::string groups = {};  ///< Answer::groups
  PushLimitedBy limited_by = PushLimitedBy::none;
};

struct Verification {
  static constexpr std::uint64_t kNotLeft = UINT64_MAX;

  JoinKey key;
  std::string user;
  Asker asker;
  bool remember = false;               ///< an approval stays good
  std::unique_ptr<Question> question;  ///< the first one, until the service has taken it
  notakey::Dialogue dialogue;
  std::vector<Waiter> waiters;
  Transfer* transfer = nullptr;         ///< on its way; at most one
  std::uint64_t call_since_ms = 0;      ///< when the latest call was wanted
  std::uint64_t drop_at_ms = kNotLeft;  ///< nobody waits: the end of the grace
  std::uint32_t token_generation = 0;   ///< of the token used last
  Decision decision;                    ///< once the dialogue is decided
  bool call_wanted = false;             ///< in the line of those to be started
  bool used = false;
};

class VerificationTable {
 public:
  VerificationTable() = default;
  VerificationTable(const VerificationTable&) = delete;  // by_key_ looks into slots_
  VerificationTable& operator=(const VerificationTable&) = delete;

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
  /// A slot is hashed by its key, so that keys are not stored twice; and found by a key alone.
  struct KeyHash {
    using is_transparent = void;
    const std::deque<Verification>* slots;
    std::size_t operator()(const JoinKey& key) const noexcept {
      std::size_t hash;  // the key is a keyed SHA-256 already: any part of it is a hash
      std::memcpy(&hash, key.octets.data(), sizeof hash);
      return hash;
    }
    std::size_t operator()(std::uint32_t index) const noexcept {
      return (*this)((*slots)[index].key);
    }
  };
  struct SameKey {
    using is_transparent = void;
    const std::deque<Verification>* slots;
    bool operator()(std::uint32_t one, std::uint32_t other) const noexcept {
      return (*slots)[one].key == (*slots)[other].key;
    }
    bool operator()(const JoinKey& key, std::uint32_t index) const noexcept {
      return key == (*slots)[index].key;
    }
    bool operator()(std::uint32_t index, const JoinKey& key) const noexcept {
      return (*this)(key, index);
    }
  };

  std::deque<Verification> slots_;
  std::vector<std::uint32_t> free_;
  std::unordered_set<std::uint32_t, KeyHash, SameKey> by_key_{0, KeyHash{&slots_},
                                                              SameKey{&slots_}};
};

}  // namespace sallyport::verify
