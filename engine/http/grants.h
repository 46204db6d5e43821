#pragma once
// The grants, as the control thread keeps them: opened, extended, ended, listed. It is the only
// writer; each change publishes a snapshot (grant_snapshot.h) that the shards see with their next
// request. Pure of clock: times are handed in.

#include <cstdint>
#include <expected>
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
/// A million open addresses: some 400 MiB with all that finds them.
inline constexpr std::size_t kMaxGrants = std::size_t{1} << 20;

/// Why a grant was not opened or changed.
enum class GrantError : std::uint8_t {
  full,         ///< kMaxGrants are open
  bad_text,     ///< no user, a text too long, or one with control characters
  bad_time,     ///< it would end before it begins
  bad_address,  ///< the any address: the visitor is not known
  unknown,      ///< no grant of this id
};
[[nodiscard]] const char* to_text(GrantError error) noexcept;

/// A grant that is no more. Whatever stream it let in has to be looked at again: another grant may
/// still open the same addresses.
struct EndedGrant {
  enum class Cause : std::uint8_t { expired, ended };
  GrantPointer grant;
  Prefix group;  ///< the addresses it had opened
  Cause cause = Cause::ended;
};

class Grants {
 public:
  struct NewGrant {
    IpAddress address;
    std::string user;
    std::uint64_t since_ms = 0;
    std::uint64_t until_ms = 0;
    std::string by;
    std::string reason;
  };

  /// `ipv6_prefix`: 1..128, the length of the prefix that a grant opens; IPv4 is opened address by
  /// address. `seed`: random.
  Grants(std::uint8_t ipv6_prefix, std::uint64_t seed);
  ~Grants();  ///< no reader holds a snapshot any more
  Grants(const Grants&) = delete;
  Grants& operator=(const Grants&) = delete;

  /// Who is told of each grant that is opened, extended, changed, ended or expired, for the log.
  using Witness = std::function<void(std::string_view what, const Grant& grant)>;
  void tell(Witness witness) { witness_ = std::move(witness); }

  /// For the readers of any thread.
  [[nodiscard]] GrantPublication& publication() noexcept { return publication_; }

  /// Opens an address. The same user at the same addresses again: his grant keeps its id and
  /// beginning, lasts until the later of the two ends, and takes the rest from `grant`.
  std::expected<GrantPointer, GrantError> add(const NewGrant& grant);
  /// Lets it last until `until_ms`, longer or shorter than before. One that has come to its end by
  /// it is closed to requests at once, and ends with the next expire().
  std::expected<GrantPointer, GrantError> extend(std::uint64_t id, std::uint64_t until_ms);

  // Each returns what has ended, for the log and for the shards, which close its open streams.
  std::vector<EndedGrant> end(std::uint64_t id);
  std::vector<EndedGrant> end_address(const IpAddress& address);  ///< of whatever user
  std::vector<EndedGrant> end_user(std::string_view user);
  std::vector<EndedGrant> end_all();
  std::vector<EndedGrant> expire(std::uint64_t now_ms);

  /// When expire() has something to do next; Unix time. Nothing: there are no grants.
  [[nodiscard]] std::optional<std::uint64_t> next_end_ms() const noexcept;

  [[nodiscard]] GrantPointer find(std::uint64_t id) const;  ///< or null
  [[nodiscard]] std::vector<GrantPointer> list() const;     ///< by id: oldest first
  [[nodiscard]] std::vector<GrantPointer> list_user(std::string_view user) const;
  [[nodiscard]] std::vector<GrantPointer> list_address(const IpAddress& address) const;
  [[nodiscard]] std::size_t size() const noexcept { return grants_.size(); }
  [[nodiscard]] std::uint64_t next_id() const noexcept { return next_id_; }

  /// Into an empty one, as kept in a file (grants_file.h): ids stay what they were. Those that can
  /// not be are left out; returns how many. Ends that have passed are left to expire().
  std::size_t restore(const std::vector<Grant>& grants, std::uint64_t next_id);
  /// Another length of prefix for all, those that are open included: of some of their streams the
  /// address may not be opened any more, so the shards look at all of them.
  void regroup(std::uint8_t ipv6_prefix);

  /// Snapshots that wait for a reader to let go.
  [[nodiscard]] std::size_t retired() const noexcept { return retired_.size(); }

 private:
  using Ids = std::set<std::uint64_t>;
  struct AddressHash {
    std::uint64_t seed;
    std::size_t operator()(const IpAddress& address) const noexcept;
  };
  struct TextHash : std::hash<std::string_view> {
    using is_transparent = void;
  };

  [[nodiscard]] IpAddress group_of(const IpAddress& address) const noexcept;
  void witness(std::string_view what, const Grant& grant) const {
    if (witness_) witness_(what, grant);
  }
  void put(GrantPointer grant);     ///< new, or in place of the one with its id
  void remove(const Grant& grant);  ///< out of all that finds it
  std::vector<EndedGrant> end_these(const std::vector<GrantPointer>& grants,
                                    EndedGrant::Cause cause);
  [[nodiscard]] std::vector<GrantPointer> pointers(const Ids& ids) const;

  /// Publishes what the touched groups have come to.
  void publish();
  [[nodiscard]] std::unique_ptr<GrantSnapshot> rebuilt() const;
  [[nodiscard]] std::unique_ptr<GrantSnapshot> changed() const;
  [[nodiscard]] GrantPointer longest_of(const IpAddress& group) const;
  void replace_current(std::unique_ptr<GrantSnapshot> next);
  void free_retired();

  std::uint8_t ipv6_prefix_;
  Witness witness_;
  const std::uint64_t seed_;
  std::uint64_t next_id_ = 1;
  std::map<std::uint64_t, GrantPointer> grants_;
  std::unordered_map<IpAddress, Ids, AddressHash> by_group_;
  std::unordered_map<std::string, Ids, TextHash, std::equal_to<>> by_user_;
  std::set<std::pair<std::uint64_t, std::uint64_t>> by_end_;  ///< (until_ms, id)
  std::vector<IpAddress> touched_;  ///< groups that changed since publish()

  GrantPublication publication_;
  std::unique_ptr<const GrantSnapshot> current_;
  std::vector<std::unique_ptr<const GrantSnapshot>> retired_;
};

}  // namespace sallyport::http_door
