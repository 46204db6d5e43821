#pragma once
// Grants found by a number of 128 bits: a hash table in immutable buckets, so that a copy with a
// change shares all that did not change. Made by one thread, read by any, without lock or heap.

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "verify/gate/grant_keeper.h"

namespace sallyport::http_door {

using verify::Grant;
using GrantPointer = std::shared_ptr<const Grant>;

/// Factors as bits: of a grant, by which it was opened; of a route, which it asks for (0: any).
using FactorSet = std::uint8_t;
inline constexpr FactorSet kEveryFactor = 0xff;  ///< of an operator's grant: it fits every route
inline constexpr std::string_view kByOperator = "operator";
[[nodiscard]] FactorSet factor_set(std::string_view by) noexcept;  ///< 0: by none that we know
[[nodiscard]] FactorSet factor_set(const std::vector<verify::Factor>& factors) noexcept;

class GrantTable {
 public:
  using Key = std::pair<std::uint64_t, std::uint64_t>;
  struct Entry {
    Key key;
    std::uint64_t until_ms;  ///< of the grant, as `by`: so that most look-ups end here
    FactorSet by;
    GrantPointer grant;  ///< readers take the pointer and leave the count alone
  };
  /// Sorted by key, those of one key by their end, the latest first.
  using Bucket = std::vector<Entry>;
  /// The entries from the first of a key to the end of its bucket: stop where the key changes.
  struct Found {
    const Entry* first;
    const Entry* last;
  };

  [[nodiscard]] static Entry entry(const Key& key, GrantPointer grant);

  GrantTable() : buckets_(1) {}
  /// `seed`: random, so that nobody can choose keys that share a bucket.
  GrantTable(std::vector<Entry> entries, std::uint64_t seed);

  [[nodiscard]] Found find(const Key& key) const noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// A copy in which each of `keys` has what `entries_of` says, and the others what they had.
  [[nodiscard]] GrantTable with(std::vector<Key> keys,
                                const std::function<Bucket(const Key& key)>& entries_of) const;
  /// With so many keys to change, or so many entries after it, one of all entries costs less than
  /// with(), or finds faster.
  [[nodiscard]] bool better_anew(std::size_t keys, std::size_t size) const noexcept;

 private:
  static constexpr std::size_t kEntriesPerBucket = 16;

  [[nodiscard]] std::size_t bucket_of(const Key& key) const noexcept;

  std::uint64_t seed_ = 0;
  std::size_t size_ = 0;
  std::vector<std::shared_ptr<const Bucket>> buckets_;  ///< a power of two; null: empty
};

}  // namespace sallyport::http_door
