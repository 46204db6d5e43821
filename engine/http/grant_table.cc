#include "engine/http/grant_table.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <unordered_map>

namespace sallyport::http_door {
namespace {

FactorSet bit_of(verify::Factor factor) noexcept {
  return static_cast<FactorSet>(1u << static_cast<unsigned>(factor));
}
static_assert(verify::kFactors < 8, "all bits together are kEveryFactor, and no set of factors");

/// The order within a bucket.
bool before(const GrantTable::Entry& one, const GrantTable::Entry& other) noexcept {
  return one.key != other.key ? one.key < other.key : one.until_ms > other.until_ms;
}

}  // namespace

FactorSet factor_set(std::string_view by) noexcept {
  if (by == kByOperator) return kEveryFactor;
  const auto factor = verify::read_factor(by);
  return factor ? bit_of(*factor) : FactorSet{0};
}

FactorSet factor_set(const std::vector<verify::Factor>& factors) noexcept {
  FactorSet set = 0;
  for (const verify::Factor factor : factors) set |= bit_of(factor);
  return set;
}

GrantTable::Entry GrantTable::entry(const Key& key, GrantPointer grant) {
  const std::uint64_t until_ms = grant->until_ms;
  const FactorSet by = factor_set(grant->by);
  return {.key = key, .until_ms = until_ms, .by = by, .grant = std::move(grant)};
}

GrantTable::GrantTable(std::vector<Entry> entries, std::uint64_t seed)
    : seed_(seed), size_(entries.size()) {
  buckets_.resize(std::bit_ceil(2 * size_ / kEntriesPerBucket + 1));
  std::vector<Bucket> filled(buckets_.size());
  for (Entry& entry : entries) filled[bucket_of(entry.key)].push_back(std::move(entry));
  for (std::size_t i = 0; i < filled.size(); ++i) {
    if (filled[i].empty()) continue;
    std::ranges::sort(filled[i], before);
    buckets_[i] = std::make_shared<const Bucket>(std::move(filled[i]));
  }
}

std::size_t GrantTable::bucket_of(const Key& key) const noexcept {
  std::uint64_t hash = (key.first ^ seed_) * 0x9e37'79b9'7f4a'7c15;
  hash = (std::rotl(hash, 29) ^ key.second) * 0xc2b2'ae3d'27d4'eb4f;
  hash = (hash ^ (hash >> 32) ^ seed_) * 0x9e37'79b9'7f4a'7c15;
  return (hash ^ (hash >> 29)) & (buckets_.size() - 1);
}

GrantTable::Found GrantTable::find(const Key& key) const noexcept {
  const Bucket* const bucket = buckets_[bucket_of(key)].get();
  if (bucket == nullptr) return {nullptr, nullptr};
  const auto first = std::ranges::lower_bound(*bucket, key, {}, &Entry::key);
  const Entry* const begin = bucket->data();
  return {begin + (first - bucket->begin()), begin + bucket->size()};
}

GrantTable GrantTable::with(std::vector<Key> keys,
                            const std::function<Bucket(const Key& key)>& entries_of) const {
  GrantTable next = *this;
  std::ranges::sort(keys);
  keys.erase(std::ranges::unique(keys).begin(), keys.end());
  // A bucket is copied once, however many of its keys change.
  std::unordered_map<std::size_t, Bucket> copies;
  for (const Key& key : keys) {
    const std::size_t at = bucket_of(key);
    const auto [copy, fresh] = copies.try_emplace(at);
    Bucket& bucket = copy->second;
    if (fresh && buckets_[at] != nullptr) bucket = *buckets_[at];
    next.size_ -= std::erase_if(bucket, [&](const Entry& entry) { return entry.key == key; });
    Bucket entries = entries_of(key);
    next.size_ += entries.size();
    std::ranges::move(entries, std::back_inserter(bucket));
  }
  for (auto& [at, copy] : copies) {
    std::ranges::sort(copy, before);
    next.buckets_[at] = copy.empty() ? nullptr : std::make_shared<const Bucket>(std::move(copy));
  }
  return next;
}

bool GrantTable::better_anew(std::size_t keys, std::size_t size) const noexcept {
  const bool grown = size > buckets_.size() * kEntriesPerBucket;
  const bool shrunk = size * 8 < buckets_.size() && buckets_.size() > 64;
  return grown || shrunk || keys > buckets_.size();
}

}  // namespace sallyport::http_door
