#pragma once
// Where each user has approved logins: for approvals that stay good for a while, and so that a
// flood of questions from elsewhere does not lock him out. Bounded; the oldest approvals go first,
// and nobody makes an entry but who approves. Pure of clock; one thread.

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "verify/asker.h"

namespace sallyport::verify {

class ApprovalMemory {
 public:
  /// `max_pairs` of some 300 octets each, and the names of groups.
  explicit ApprovalMemory(std::size_t max_pairs) : max_pairs_(max_pairs) {}

  /// The user said yes. `good`: that may spare him the next question. `groups`: Answer::groups.
  void approved(const Asker& asker, bool good, std::string_view groups, std::uint64_t now_ms);
  /// The user said no: this pair is forgotten, and no approval of his is good any more. Elsewhere
  /// he stays known: whoever makes him say no must not lock him out.
  void denied(const Asker& asker);

  /// Whether he has approved a login from there before.
  [[nodiscard]] bool knows(const Asker& asker) const { return pairs_.contains(asker.pair); }
  /// Whether he did less than `within_ms` ago, and denied none since.
  [[nodiscard]] bool is_good(const Asker& asker, std::uint64_t now_ms,
                             std::uint32_t within_ms) const;
  /// What his last approval there said of his groups; valid until the next call that changes
  /// something.
  [[nodiscard]] std::string_view groups_of(const Asker& asker) const;
  [[nodiscard]] std::size_t size() const noexcept { return pairs_.size(); }

 private:
  struct Entry {
    AskerKey user;
    std::uint64_t approved_ms;
    bool good;           ///< may spare a question; no denial since
    std::string groups;  ///< of a good one
    std::list<AskerKey>::iterator age;
  };

  void forget(const AskerKey& pair);

  std::size_t max_pairs_;
  std::unordered_map<AskerKey, Entry, AskerKeyHash> pairs_;
  std::unordered_multimap<AskerKey, AskerKey, AskerKeyHash> by_user_;  ///< his pairs
  std::list<AskerKey> by_age_;  ///< pairs, the one approved longest ago first
};

}  // namespace sallyport::verify
