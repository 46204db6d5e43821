#include "verify/verification_table.h"

#include <algorithm>

#include "protocol/check.h"

namespace sallyport::verify {

std::uint32_t VerificationTable::find(const JoinKey& key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? kNone : found->second;
}

std::uint32_t VerificationTable::begin(const Question& question) {
  if (free_.empty()) {
    free_.push_back(slots());
    slots_.emplace_back();
  }
  const std::uint32_t index = free_.back();
  const bool fresh = by_key_.emplace(question.join_key, index).second;
  CHECK(fresh);
  free_.pop_back();
  Verification& verification = slots_[index];
  CHECK(!verification.used);
  verification.question = question;
  verification.used = true;
  return index;
}

void VerificationTable::end(std::uint32_t index) {
  Verification& verification = slots_[index];
  CHECK(verification.used && verification.transfer == nullptr);
  by_key_.erase(verification.question.join_key);
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
