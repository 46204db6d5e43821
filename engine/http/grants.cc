#include "engine/http/grants.h"

#include <algorithm>
#include <unordered_set>

#include "protocol/check.h"

namespace sallyport::http_door {
namespace {

bool is_good_text(std::string_view text) noexcept {
  return text.size() <= kMaxGrantText && std::ranges::none_of(text, [](char c) {
           return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
         });
}

}  // namespace

const char* to_text(GrantError error) noexcept {
  switch (error) {
    case GrantError::bad_text: return "a text is missing, too long or has control characters";
    case GrantError::bad_time: return "it would end before it begins";
    case GrantError::bad_address: return "the visitor's address is not known";
  }
  return "";
}

std::optional<GrantError> mistake_in(const Grant& grant) noexcept {
  if (grant.user.empty() || !is_good_text(grant.user) || !is_good_text(grant.by) ||
      !is_good_text(grant.reason) || grant.session.size() > kMaxGrantText) {
    return GrantError::bad_text;
  }
  if (grant.address.is_any()) return GrantError::bad_address;
  if (grant.until_ms <= grant.since_ms) return GrantError::bad_time;
  return std::nullopt;
}

std::size_t Grants::KeyHash::operator()(const Key& key) const noexcept {
  return std::hash<std::uint64_t>{}((key.first ^ seed) * 0x9e37'79b9'7f4a'7c15 ^ key.second) ^ seed;
}

Grants::Grants(std::uint8_t ipv6_prefix, std::uint64_t seed)
    : seed_(seed), by_group_(0, KeyHash{seed}) {
  CHECK(ipv6_prefix >= 1 && ipv6_prefix <= 128);
  auto first = std::make_unique<GrantSnapshot>();
  first->ipv6_prefix_ = ipv6_prefix;
  replace_current(std::move(first));
}

Grants::~Grants() {
  for (const GrantPublication::Cell& cell : publication_.cells_) {
    CHECK(cell.held.load(std::memory_order_acquire) == nullptr);
  }
}

Grant Grants::merged(const Grant& wanted) const {
  Grant merged = wanted;
  merged.id = 0;
  const auto ids = by_group_.find(group_of(wanted));
  if (ids == by_group_.end()) return merged;
  for (const std::uint64_t id : ids->second) {
    const Grant& known = *grants_.at(id);
    if (known.user != wanted.user || known.by != wanted.by || known.session != wanted.session) {
      continue;
    }
    merged.id = id;
    merged.since_ms = std::max(known.since_ms, wanted.since_ms);
    merged.until_ms = std::max(known.until_ms, wanted.until_ms);
    merged.latest_ms = std::max(known.latest_ms, wanted.latest_ms);
    break;
  }
  return merged;
}

void Grants::put(Grant grant) {
  CHECK(grant.id != 0 && !mistake_in(grant));
  const std::uint64_t id = grant.id;
  if (grants_.contains(id)) remove(id);
  const Key group = group_of(grant);
  by_group_[group].insert(id);
  by_user_[grant.user].insert(id);
  if (!grant.session.empty()) by_session_[grant.session].insert(id);
  by_end_.emplace(grant.until_ms, id);
  touched_groups_.push_back(group);
  touched_ids_.emplace_back(id, 0);
  grants_.emplace(id, std::make_shared<const Grant>(std::move(grant)));
}

void Grants::remove(std::uint64_t id) {
  const auto found = grants_.find(id);
  if (found == grants_.end()) return;
  const GrantPointer grant = found->second;
  const auto drop = [id](auto& index, const auto& key) {
    const auto ids = index.find(key);
    CHECK(ids != index.end() && ids->second.erase(id) == 1);
    if (ids->second.empty()) index.erase(ids);
  };
  const Key group = group_of(*grant);
  drop(by_group_, group);
  drop(by_user_, grant->user);
  if (!grant->session.empty()) drop(by_session_, grant->session);
  by_end_.erase({grant->until_ms, id});
  touched_groups_.push_back(group);
  touched_ids_.emplace_back(id, 0);
  grants_.erase(found);
}

void Grants::apply(std::vector<Grant> put, const std::vector<std::uint64_t>& gone) {
  for (Grant& grant : put) this->put(std::move(grant));
  for (const std::uint64_t id : gone) remove(id);
  publish();
}

std::vector<GrantPointer> Grants::expire(std::uint64_t now_ms) {
  std::vector<GrantPointer> over;
  while (!by_end_.empty() && by_end_.begin()->first <= now_ms) {
    over.push_back(grants_.at(by_end_.begin()->second));
    remove(over.back()->id);
  }
  publish();
  return over;
}

std::optional<std::uint64_t> Grants::next_end_ms() const noexcept {
  if (by_end_.empty()) return std::nullopt;
  return by_end_.begin()->first;
}

GrantPointer Grants::find(std::uint64_t id) const {
  const auto found = grants_.find(id);
  return found == grants_.end() ? nullptr : found->second;
}

std::vector<GrantPointer> Grants::pointers(const Ids& ids) const {
  std::vector<GrantPointer> result;
  result.reserve(ids.size());
  for (const std::uint64_t id : ids) result.push_back(grants_.at(id));
  return result;
}

std::vector<GrantPointer> Grants::pointers(const ByText& index, std::string_view key) const {
  const auto found = index.find(key);
  return found == index.end() ? std::vector<GrantPointer>() : pointers(found->second);
}

std::vector<GrantPointer> Grants::list() const {
  std::vector<GrantPointer> result;
  result.reserve(grants_.size());
  for (const auto& [id, grant] : grants_) result.push_back(grant);
  return result;
}

std::vector<GrantPointer> Grants::list_user(std::string_view user) const {
  return pointers(by_user_, user);
}

std::vector<GrantPointer> Grants::list_session(std::string_view session) const {
  return pointers(by_session_, session);
}

std::vector<GrantPointer> Grants::list_address(const IpAddress& address) const {
  const auto found = by_group_.find(current_->key_of(address));
  return found == by_group_.end() ? std::vector<GrantPointer>() : pointers(found->second);
}

void Grants::regroup(std::uint8_t ipv6_prefix) {
  CHECK(ipv6_prefix >= 1 && ipv6_prefix <= 128);
  if (ipv6_prefix == current_->ipv6_prefix_) return;
  auto next = std::make_unique<GrantSnapshot>(*current_);
  next->ipv6_prefix_ = ipv6_prefix;
  by_group_.clear();
  for (const auto& [id, grant] : grants_) by_group_[next->key_of(grant->address)].insert(id);
  next->by_group_ = table_by_group();
  replace_current(std::move(next));
}

GrantTable Grants::table_by_group() const {
  std::vector<GrantTable::Entry> entries;
  entries.reserve(grants_.size());
  for (const auto& [group, ids] : by_group_) {
    for (const std::uint64_t id : ids) {
      entries.push_back(GrantTable::entry(group, grants_.at(id)));
    }
  }
  return {std::move(entries), seed_};
}

GrantTable Grants::table_by_id() const {
  std::vector<GrantTable::Entry> entries;
  entries.reserve(grants_.size());
  for (const auto& [id, grant] : grants_) entries.push_back(GrantTable::entry({id, 0}, grant));
  return {std::move(entries), seed_};
}

void Grants::publish() {
  if (touched_ids_.empty()) return;
  auto next = std::make_unique<GrantSnapshot>(*current_);
  if (current_->by_group_.better_anew(touched_groups_.size(), grants_.size())) {
    next->by_group_ = table_by_group();
  } else {
    const auto of_group = [this](const Key& group) {
      GrantTable::Bucket entries;
      const auto ids = by_group_.find(group);
      if (ids == by_group_.end()) return entries;
      for (const std::uint64_t id : ids->second) {
        entries.push_back(GrantTable::entry(group, grants_.at(id)));
      }
      return entries;
    };
    next->by_group_ = current_->by_group_.with(std::move(touched_groups_), of_group);
  }
  if (current_->by_id_.better_anew(touched_ids_.size(), grants_.size())) {
    next->by_id_ = table_by_id();
  } else {
    const auto of_id = [this](const Key& key) {
      GrantTable::Bucket entries;
      if (GrantPointer grant = find(key.first)) {
        entries.push_back(GrantTable::entry(key, std::move(grant)));
      }
      return entries;
    };
    next->by_id_ = current_->by_id_.with(std::move(touched_ids_), of_id);
  }
  touched_groups_.clear();
  touched_ids_.clear();
  replace_current(std::move(next));
}

void Grants::replace_current(std::unique_ptr<GrantSnapshot> next) {
  publication_.current_.store(next.get(), std::memory_order_seq_cst);
  if (current_ != nullptr) retired_.push_back(std::move(current_));
  current_ = std::move(next);
  free_retired();
}

void Grants::free_retired() {
  std::unordered_set<const GrantSnapshot*> held;
  for (const GrantPublication::Cell& cell : publication_.cells_) {
    held.insert(cell.held.load(std::memory_order_seq_cst));
  }
  std::erase_if(retired_, [&](const auto& snapshot) { return !held.contains(snapshot.get()); });
}

}  // namespace sallyport::http_door
