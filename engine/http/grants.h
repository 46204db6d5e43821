#pragma once
// The grants of this process, found by address, user, session and end. Whoever owns them
// (grant_book.h) is the only writer, one at a time; each change publishes a snapshot
// (grant_snapshot.h) that the shards see with their next request. Pure of clock: times are handed
// in.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/http/grant_snapshot.h"

namespace sallyport::http_door {

inline constexpr std::size_t kMaxGrantText = 253;
/// A million open addresses: some 500 MiB with all that finds them.
inline constexpr std::size_t kMaxGrants = std::size_t{1} << 20;

/// Why a grant cannot be.
enum class GrantError : std::uint8_t {
  bad_text,     ///< no user, a text too long, or one with control characters
  bad_time,     ///< it would end before it begins
  bad_address,  ///< the any address: the visitor is not known
};
[[nodiscard]] const char* to_text(GrantError error) noexcept;
/// Nothing: the grant can be. Its id is not looked at.
[[nodiscard]] std::optional<GrantError> mistake_in(const Grant& grant) noexcept;

class Grants {
 public:
  /// `ipv6_prefix`: 1..128, the length of the prefix that a grant opens; IPv4 is opened address by
  /// address. `seed`: random.
  Grants(std::uint8_t ipv6_prefix, std::uint64_t seed);
  ~Grants();  ///< no reader holds a snapshot any more
  Grants(const Grants&) = delete;
  Grants& operator=(const Grants&) = delete;

  /// For the readers of any thread.
  [[nodiscard]] GrantPublication& publication() noexcept { return publication_; }

  /// What opening `wanted` comes to. The same user, factor and session at the same addresses: his
  /// grant with its id, confirmed anew and lasting until the later of the two ends. Else `wanted`,
  /// with id 0.
  [[nodiscard]] Grant merged(const Grant& wanted) const;

  /// New ones, and others in place of those with their ids; then those that are no more. One
  /// snapshot comes of it all. The grants can be (mistake_in), and ids are not 0.
  void apply(std::vector<Grant> put, const std::vector<std::uint64_t>& gone);
  /// Ends those whose time is up, and returns them.
  std::vector<GrantPointer> expire(std::uint64_t now_ms);
  /// When expire() has something to do next; Unix time. Nothing: there are no grants.
  [[nodiscard]] std::optional<std::uint64_t> next_end_ms() const noexcept;

  [[nodiscard]] GrantPointer find(std::uint64_t id) const;  ///< or null
  // By id: oldest first.
  [[nodiscard]] std::vector<GrantPointer> list() const;
  [[nodiscard]] std::vector<GrantPointer> list_user(std::string_view user) const;
  [[nodiscard]] std::vector<GrantPointer> list_session(std::string_view session) const;
  [[nodiscard]] std::vector<GrantPointer> list_address(const IpAddress& address) const;
  [[nodiscard]] std::size_t size() const noexcept { return grants_.size(); }

  /// Another length of prefix for all, those that are open included: of some of their streams the
  /// address may not be opened any more, so the shards look at all of them.
  void regroup(std::uint8_t ipv6_prefix);

  /// Snapshots that wait for a reader to let go.
  [[nodiscard]] std::size_t retired() const noexcept { return retired_.size(); }

 private:
  using Ids = std::set<std::uint64_t>;
  using Key = GrantTable::Key;
  struct KeyHash {
    std::uint64_t seed;
    std::size_t operator()(const Key& key) const noexcept;
  };
  struct TextHash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  using ByText = std::unordered_map<std::string, Ids, TextHash, std::equal_to<>>;

  [[nodiscard]] Key group_of(const Grant& grant) const noexcept {
    return current_->key_of(grant.address);
  }
  void put(Grant grant);
  void remove(std::uint64_t id);
  [[nodiscard]] std::vector<GrantPointer> pointers(const Ids& ids) const;
  [[nodiscard]] std::vector<GrantPointer> pointers(const ByText& index, std::string_view key) const;

  /// Publishes what the touched groups and ids have come to.
  void publish();
  [[nodiscard]] GrantTable table_by_group() const;
  [[nodiscard]] GrantTable table_by_id() const;
  void replace_current(std::unique_ptr<GrantSnapshot> next);
  void free_retired();

  const std::uint64_t seed_;
  std::map<std::uint64_t, GrantPointer> grants_;
  std::unordered_map<Key, Ids, KeyHash> by_group_;
  ByText by_user_;
  ByText by_session_;                                         ///< those that have one
  std::set<std::pair<std::uint64_t, std::uint64_t>> by_end_;  ///< (until_ms, id)
  // What has changed since publish():
  std::vector<Key> touched_groups_;
  std::vector<Key> touched_ids_;

  GrantPublication publication_;
  std::unique_ptr<const GrantSnapshot> current_;
  std::vector<std::unique_ptr<const GrantSnapshot>> retired_;
};

}  // namespace sallyport::http_door
