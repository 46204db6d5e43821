#include "engine/http/grants.h"

#include <algorithm>
#include <bit>
#include <unordered_set>

#include "protocol/check.h"

namespace sallyport::http_door {
namespace {

bool is_good_text(std::string_view text) noexcept {
  return text.size() <= kMaxGrantText && std::ranges::none_of(text, [](char c) {
           return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
         });
}

std::optional<GrantError> mistake_in(const Grant& grant) noexcept {
  if (grant.user.empty() || !is_good_text(grant.user) || !is_good_text(grant.by) ||
      !is_good_text(grant.reason)) {
    return GrantError::bad_text;
  }
  if (grant.address.is_any()) return GrantError::bad_address;
  if (grant.until_ms <= grant.since_ms) return GrantError::bad_time;
  return std::nullopt;
}

}  // namespace

const char* to_text(GrantError error) noexcept {
  switch (error) {
    case GrantError::full: return "so many grants are open that there is no room for another";
    case GrantError::bad_text: return "a text is missing, too long or has control characters";
    case GrantError::bad_time: return "it would end before it begins";
    case GrantError::bad_address: return "the visitor's address is not known";
    case GrantError::unknown: return "there is no such grant";
  }
  return "";
}

std::size_t Grants::AddressHash::operator()(const IpAddress& address) const noexcept {
  const auto* const text = reinterpret_cast<const char*>(address.octets.data());
  return std::hash<std::string_view>{}({text, address.octets.size()}) ^ seed;
}

Grants::Grants(std::uint8_t ipv6_prefix, std::uint64_t seed)
    : ipv6_prefix_(ipv6_prefix), seed_(seed), by_group_(0, AddressHash{seed}) {
  CHECK(ipv6_prefix >= 1 && ipv6_prefix <= 128);
  replace_current(rebuilt());
}

Grants::~Grants() {
  for (const GrantPublication::Cell& cell : publication_.cells_) {
    CHECK(cell.held.load(std::memory_order_acquire) == nullptr);
  }
}

IpAddress Grants::group_of(const IpAddress& address) const noexcept {
  return current_->group(address).address;
}

void Grants::put(GrantPointer grant) {
  if (const auto old = grants_.find(grant->id); old != grants_.end()) remove(*old->second);
  const IpAddress group = group_of(grant->address);
  by_group_[group].insert(grant->id);
  by_user_[grant->user].insert(grant->id);
  by_end_.emplace(grant->until_ms, grant->id);
  touched_.push_back(group);
  const std::uint64_t id = grant->id;
  grants_.emplace(id, std::move(grant));
}

void Grants::remove(const Grant& grant) {
  const auto drop = [&](auto& index, const auto& key) {
    const auto found = index.find(key);
    CHECK(found != index.end() && found->second.erase(grant.id) == 1);
    if (found->second.empty()) index.erase(found);
  };
  const IpAddress group = group_of(grant.address);
  drop(by_group_, group);
  drop(by_user_, grant.user);
  by_end_.erase({grant.until_ms, grant.id});
  touched_.push_back(group);
  grants_.erase(grant.id);  // last: `grant` may live there
}

std::expected<GrantPointer, GrantError> Grants::add(const NewGrant& added) {
  Grant grant{.id = next_id_,
              .address = added.address,
              .user = added.user,
              .since_ms = added.since_ms,
              .until_ms = added.until_ms,
              .by = added.by,
              .reason = added.reason};
  if (const auto mistake = mistake_in(grant)) return std::unexpected(*mistake);
  for (const GrantPointer& known : list_address(added.address)) {
    if (known->user != added.user) continue;
    grant.id = known->id;
    grant.since_ms = known->since_ms;
    grant.until_ms = std::max(known->until_ms, added.until_ms);
  }
  const bool another = grant.id == next_id_;
  if (another) {
    if (grants_.size() >= kMaxGrants) return std::unexpected(GrantError::full);
    ++next_id_;
  }
  auto pointer = std::make_shared<const Grant>(std::move(grant));
  put(pointer);
  publish();
  witness(another ? "opened" : "extended", *pointer);
  return pointer;
}

std::expected<GrantPointer, GrantError> Grants::extend(std::uint64_t id, std::uint64_t until_ms) {
  const GrantPointer known = find(id);
  if (known == nullptr) return std::unexpected(GrantError::unknown);
  Grant grant = *known;
  grant.until_ms = until_ms;
  if (const auto mistake = mistake_in(grant)) return std::unexpected(*mistake);
  auto pointer = std::make_shared<const Grant>(std::move(grant));
  put(pointer);
  publish();
  witness("changed", *pointer);
  return pointer;
}

std::vector<EndedGrant> Grants::end_these(const std::vector<GrantPointer>& grants,
                                          EndedGrant::Cause cause) {
  std::vector<EndedGrant> ended;
  ended.reserve(grants.size());
  for (const GrantPointer& grant : grants) {
    remove(*grant);
    ended.push_back({.grant = grant, .group = current_->group(grant->address), .cause = cause});
  }
  publish();
  for (const EndedGrant& each : ended) {
    witness(cause == EndedGrant::Cause::expired ? "expired" : "ended", *each.grant);
  }
  return ended;
}

std::vector<EndedGrant> Grants::end(std::uint64_t id) {
  const GrantPointer grant = find(id);
  if (grant == nullptr) return {};
  return end_these({grant}, EndedGrant::Cause::ended);
}

std::vector<EndedGrant> Grants::end_address(const IpAddress& address) {
  return end_these(list_address(address), EndedGrant::Cause::ended);
}

std::vector<EndedGrant> Grants::end_user(std::string_view user) {
  return end_these(list_user(user), EndedGrant::Cause::ended);
}

std::vector<EndedGrant> Grants::end_all() { return end_these(list(), EndedGrant::Cause::ended); }

std::vector<EndedGrant> Grants::expire(std::uint64_t now_ms) {
  std::vector<GrantPointer> over;
  for (const auto& [until_ms, id] : by_end_) {
    if (until_ms > now_ms) break;
    over.push_back(grants_.at(id));
  }
  return end_these(over, EndedGrant::Cause::expired);
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

std::vector<GrantPointer> Grants::list() const {
  std::vector<GrantPointer> result;
  result.reserve(grants_.size());
  for (const auto& [id, grant] : grants_) result.push_back(grant);
  return result;
}

std::vector<GrantPointer> Grants::list_user(std::string_view user) const {
  const auto found = by_user_.find(user);
  return found == by_user_.end() ? std::vector<GrantPointer>() : pointers(found->second);
}

std::vector<GrantPointer> Grants::list_address(const IpAddress& address) const {
  const auto found = by_group_.find(group_of(address));
  return found == by_group_.end() ? std::vector<GrantPointer>() : pointers(found->second);
}

std::size_t Grants::restore(const std::vector<Grant>& grants, std::uint64_t next_id) {
  CHECK(grants_.empty());
  std::size_t left_out = 0;
  next_id_ = std::max(next_id_, next_id);
  for (const Grant& grant : grants) {
    if (mistake_in(grant) || grant.id == 0 || grants_.contains(grant.id) ||
        grants_.size() >= kMaxGrants) {
      ++left_out;
      continue;
    }
    next_id_ = std::max(next_id_, grant.id + 1);
    put(std::make_shared<const Grant>(grant));
  }
  publish();
  return left_out;
}

void Grants::regroup(std::uint8_t ipv6_prefix) {
  CHECK(ipv6_prefix >= 1 && ipv6_prefix <= 128);
  if (ipv6_prefix == ipv6_prefix_) return;
  ipv6_prefix_ = ipv6_prefix;
  GrantSnapshot grouping;
  grouping.ipv6_prefix_ = ipv6_prefix;
  by_group_.clear();
  for (const auto& [id, grant] : grants_) {
    by_group_[grouping.group(grant->address).address].insert(id);
  }
  replace_current(rebuilt());
}

GrantPointer Grants::longest_of(const IpAddress& group) const {
  const auto found = by_group_.find(group);
  if (found == by_group_.end()) return nullptr;
  const auto until = [&](std::uint64_t id) { return grants_.at(id)->until_ms; };
  return grants_.at(*std::ranges::max_element(found->second, {}, until));
}

std::unique_ptr<GrantSnapshot> Grants::rebuilt() const {
  auto next = std::make_unique<GrantSnapshot>();
  next->ipv6_prefix_ = ipv6_prefix_;
  next->seed_ = seed_;
  next->groups_ = by_group_.size();
  const std::size_t buckets =
      std::bit_ceil(2 * by_group_.size() / GrantSnapshot::kEntriesPerBucket + 1);
  next->buckets_.resize(buckets);
  std::vector<GrantSnapshot::Bucket> filled(buckets);
  for (const auto& [group, ids] : by_group_) {
    const GrantSnapshot::Key key = next->key_of(group);
    GrantPointer grant = longest_of(group);
    const std::uint64_t until_ms = grant->until_ms;
    filled[next->bucket_of(key)].push_back(
        {.key = key, .until_ms = until_ms, .grant = std::move(grant)});
  }
  for (std::size_t i = 0; i < buckets; ++i) {
    if (filled[i].empty()) continue;
    std::ranges::sort(filled[i], {}, &GrantSnapshot::Entry::key);
    next->buckets_[i] = std::make_shared<const GrantSnapshot::Bucket>(std::move(filled[i]));
  }
  return next;
}

std::unique_ptr<GrantSnapshot> Grants::changed() const {
  auto next = std::make_unique<GrantSnapshot>(*current_);
  next->groups_ = by_group_.size();
  // A bucket is copied once, however many of its groups changed.
  std::unordered_map<std::size_t, std::shared_ptr<GrantSnapshot::Bucket>> copies;
  for (const IpAddress& group : touched_) {
    const GrantSnapshot::Key key = next->key_of(group);
    const std::size_t at = next->bucket_of(key);
    std::shared_ptr<GrantSnapshot::Bucket>& copy = copies[at];
    if (copy == nullptr) {
      const auto& old = next->buckets_[at];
      copy = old == nullptr ? std::make_shared<GrantSnapshot::Bucket>()
                            : std::make_shared<GrantSnapshot::Bucket>(*old);
    }
    auto entry = std::ranges::lower_bound(*copy, key, {}, &GrantSnapshot::Entry::key);
    const bool there = entry != copy->end() && entry->key == key;
    GrantPointer grant = longest_of(group);
    if (grant == nullptr) {
      if (there) copy->erase(entry);
      continue;
    }
    if (!there) entry = copy->insert(entry, {.key = key, .until_ms = 0, .grant = nullptr});
    entry->until_ms = grant->until_ms;
    entry->grant = std::move(grant);
  }
  for (auto& [at, copy] : copies) next->buckets_[at] = copy->empty() ? nullptr : std::move(copy);
  return next;
}

void Grants::publish() {
  if (touched_.empty()) return;
  const std::size_t buckets = current_->buckets_.size();
  // With many changes at once the copies would cost more than all anew.
  const bool grown = by_group_.size() > buckets * GrantSnapshot::kEntriesPerBucket;
  const bool shrunk = by_group_.size() * 8 < buckets && buckets > 64;
  const bool much = touched_.size() > buckets;
  auto next = grown || shrunk || much ? rebuilt() : changed();
  touched_.clear();
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
