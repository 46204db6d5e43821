#include "verify/limits.h"

#include <algorithm>
#include <array>
#include <list>
#include <map>
#include <tuple>

#include <openssl/sha.h>

#include "protocol/check.h"
#include "protocol/octets.h"
#include "verify/sliding_window.h"

namespace sallyport::verify {
namespace {

using UserDigest = std::array<std::uint8_t, SHA256_DIGEST_LENGTH>;

/// By user first, so that all pairs of one user stand together.
struct Key {
  UserDigest user{};
  IpAddress address{};
  auto operator<=>(const Key&) const = default;
};

/// Of any length, as a key of one length.
UserDigest digest_of(std::string_view user) noexcept {
  UserDigest digest{};
  SHA256(as_octets(user).data(), user.size(), digest.data());
  return digest;
}

/// The windows of one rate, by key; the least recently used go first.
class Table {
 public:
  Table(const Rate& rate, std::size_t max_entries) : rate_(rate), max_entries_(max_entries) {}

  [[nodiscard]] bool has_room(const Key& key, std::uint64_t now_ms) {
    if (rate_.count == 0) return true;
    const auto found = entries_.find(key);
    if (found == entries_.end()) return true;
    // Who is refused and tries on is not forgotten for it.
    by_use_.splice(by_use_.end(), by_use_, found->second.use);
    return found->second.window.has_room(rate_, now_ms);
  }

  void count(const Key& key, std::uint64_t now_ms) {
    if (rate_.count == 0) return;
    auto found = entries_.find(key);
    if (found == entries_.end()) {
      if (entries_.size() == max_entries_) erase(entries_.find(by_use_.front()));
      found = entries_.try_emplace(key).first;
      found->second.use = by_use_.insert(by_use_.end(), key);
    }
    found->second.window.count(rate_, now_ms);
  }

  bool forget_user(const UserDigest& user) {
    const std::size_t before = entries_.size();
    auto entry = entries_.lower_bound({.user = user});
    while (entry != entries_.end() && entry->first.user == user) entry = erase(entry);
    return entries_.size() < before;
  }

  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

 private:
  struct Entry {
    SlidingWindow window;
    std::list<Key>::iterator use;
  };
  /// A tree rather than a hash table: nobody can choose names that make it slow.
  using Entries = std::map<Key, Entry>;

  Entries::iterator erase(Entries::iterator entry) {
    by_use_.erase(entry->second.use);
    return entries_.erase(entry);
  }

  Rate rate_;
  std::size_t max_entries_;
  Entries entries_;
  std::list<Key> by_use_;  ///< least recently used first
};

constexpr std::size_t kTablesEach = 3;  ///< by address, user, pair

/// Each table has the same share, so that a flood of one sort pushes out none of another.
std::size_t share_of(const std::vector<LimitRates>& rates, std::size_t max_entries) {
  std::size_t tables = 0;
  for (const LimitRates& rate : rates) {
    for (const Rate& each : {rate.address, rate.user, rate.pair}) tables += each.count > 0 ? 1 : 0;
  }
  return std::max<std::size_t>(1, max_entries / std::max<std::size_t>(1, tables));
}

}  // namespace

struct Limits::Impl {
  struct Limit {
    Limit(const LimitRates& rates, std::size_t share)
        : address(rates.address, share),
          user(rates.user, share),
          pair(rates.pair, share),
          global_rate(rates.global) {}

    Table address;
    Table user;
    Table pair;
    Rate global_rate;
    SlidingWindow global;
  };

  [[nodiscard]] IpAddress group_of(const IpAddress& address) const noexcept {
    if (address.is_v4()) return address;
    IpAddress group = address;
    for (std::size_t bit = ipv6_prefix; bit < 128; ++bit)
      group.octets[bit / 8] &= static_cast<std::uint8_t>(~(0x80U >> bit % 8));
    return group;
  }

  std::uint8_t ipv6_prefix;
  std::vector<Limit> limits;
};

const char* to_text(LimitedBy by) noexcept {
  switch (by) {
    case LimitedBy::none: return "none";
    case LimitedBy::address: return "address";
    case LimitedBy::user: return "user";
    case LimitedBy::pair: return "pair";
    case LimitedBy::global: return "global";
  }
  return "";
}

Limits::Limits(std::vector<LimitRates> rates, std::uint8_t ipv6_prefix, std::size_t max_entries)
    : impl_(std::make_unique<Impl>()) {
  CHECK(rates.size() == kLimited);
  CHECK(ipv6_prefix >= 1 && ipv6_prefix <= 128);
  impl_->ipv6_prefix = ipv6_prefix;
  const std::size_t share = share_of(rates, max_entries);
  impl_->limits.reserve(rates.size());
  for (const LimitRates& rate : rates) impl_->limits.emplace_back(rate, share);
}

Limits::~Limits() = default;

LimitedBy Limits::take(Limited what, const IpAddress& address, std::string_view user,
                       std::uint64_t now_ms) {
  Impl::Limit& limit = impl_->limits[static_cast<std::size_t>(what)];
  const Key by_address{.address = impl_->group_of(address)};
  const UserDigest digest = user.empty() ? UserDigest{} : digest_of(user);
  const Key by_user{.user = digest};
  const Key by_pair{.user = digest, .address = by_address.address};

  if (!limit.address.has_room(by_address, now_ms)) return LimitedBy::address;
  if (!user.empty()) {
    if (!limit.user.has_room(by_user, now_ms)) return LimitedBy::user;
    if (!limit.pair.has_room(by_pair, now_ms)) return LimitedBy::pair;
  }
  if (limit.global_rate.count > 0 && !limit.global.has_room(limit.global_rate, now_ms))
    return LimitedBy::global;

  limit.address.count(by_address, now_ms);
  if (!user.empty()) {
    limit.user.count(by_user, now_ms);
    limit.pair.count(by_pair, now_ms);
  }
  if (limit.global_rate.count > 0) limit.global.count(limit.global_rate, now_ms);
  return LimitedBy::none;
}

bool Limits::forget_user(std::string_view user) {
  const UserDigest digest = digest_of(user);
  bool any = false;
  for (Impl::Limit& limit : impl_->limits) {
    any |= limit.user.forget_user(digest);
    any |= limit.pair.forget_user(digest);
  }
  return any;
}

std::size_t Limits::entries() const noexcept {
  std::size_t entries = 0;
  for (const Impl::Limit& limit : impl_->limits)
    entries += limit.address.size() + limit.user.size() + limit.pair.size();
  return entries;
}

}  // namespace sallyport::verify
