#include "verify/verification_table.h"

#include <algorithm>

#include "protocol/check.h"

namespace sallyport::verify {

std::uint32_t VerificationTable::find(const JoinKey& key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? kNone : *found;
}

std::uint32_t VerificationTable::begin(const Question& question) {
  if (free_.empty()) {
    free_.push_back(slots());
    slots_.emplace_back();
  }
  const std::uint32_t index = free_.back();
  free_.pop_back();
  Verification& verification = slots_[index];
  CHECK(!verification.used);
  verification.key = question.join_key;
  verification.user = question.user.view();
  verification.question = std::make_unique<Question>(question);
  verification.used = true;
  const bool fresh = by_key_.insert(index).second;
  CHECK(fresh);
  return index;
}

void VerificationTable::end(std::uint32_t index) {
  Verification& verification = slots_[index];
  CHECK(verification.used && verification.transfer == nullptr);
  by_key_.erase(index);
  verification = Verification{};
  free_.push_back(index);
}

bool VerificationTable::leave(std::uint32_t index, Ticket ticket) {
  auto& waiters = slots_[index].waiters;
  const auto found = std::ranges::find(waiters, ticket, &Waiter::ticket);
  if (found == waiters.end()) return false;
  waiters.erase(found);
  return waiters.empty();
}

}  // namespace sallyport::verify
