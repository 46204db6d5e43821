#include "engine/http/grant_snapshot.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "protocol/check.h"

namespace sallyport::http_door {
namespace {

std::uint64_t read_64(const std::uint8_t* octets) noexcept {
  std::uint64_t value = 0;
  std::memcpy(&value, octets, sizeof value);
  return std::endian::native == std::endian::little ? __builtin_bswap64(value) : value;
}

void write_64(std::uint64_t value, std::uint8_t* octets) noexcept {
  if (std::endian::native == std::endian::little) value = __builtin_bswap64(value);
  std::memcpy(octets, &value, sizeof value);
}

constexpr std::uint64_t upper_ones(unsigned count) noexcept {
  return count == 0 ? 0 : ~std::uint64_t{0} << (64 - count);
}

const Grant* first_that_fits(const GrantTable::Found& found, const GrantTable::Key& key,
                             std::uint64_t now_ms, const GrantNeed& need) noexcept {
  for (const GrantTable::Entry* at = found.first; at != found.last; ++at) {
    // The latest end comes first: after one that is over comes none that is not.
    if (at->key != key || at->until_ms <= now_ms) return nullptr;
    if (need.factors != 0 && (at->by & need.factors) == 0) continue;
    if (need.access_ms == 0 || open_until_ms(*at->grant, need) > now_ms) {
      return at->grant.get();
    }
  }
  return nullptr;
}

}  // namespace

GrantSnapshot::Key GrantSnapshot::key_of(const IpAddress& address) const noexcept {
  Key key{read_64(address.octets.data()), read_64(address.octets.data() + 8)};
  if (!address.is_v4()) {
    key.first &= upper_ones(std::min<unsigned>(ipv6_prefix_, 64));
    key.second &= upper_ones(ipv6_prefix_ > 64 ? ipv6_prefix_ - 64u : 0);
  }
  return key;
}

Prefix GrantSnapshot::group(const IpAddress& address) const noexcept {
  const Key key = key_of(address);
  Prefix prefix{.address = {}, .length = address.is_v4() ? std::uint8_t{128} : ipv6_prefix_};
  write_64(key.first, prefix.address.octets.data());
  write_64(key.second, prefix.address.octets.data() + 8);
  return prefix;
}

const Grant* GrantSnapshot::find(const IpAddress& visitor, std::uint64_t now_ms,
                                 const GrantNeed& need) const noexcept {
  const Key key = key_of(visitor);
  return first_that_fits(by_group_.find(key), key, now_ms, need);
}

const Grant* GrantSnapshot::find_id(std::uint64_t id, std::uint64_t now_ms,
                                    const GrantNeed& need) const noexcept {
  const Key key{id, 0};
  return first_that_fits(by_id_.find(key), key, now_ms, need);
}

GrantReader::GrantReader(GrantPublication& publication) noexcept : publication_(&publication) {
  const auto free = std::ranges::find_if(publication.cells_, [](GrantPublication::Cell& cell) {
    return !cell.taken.exchange(true, std::memory_order_acquire);
  });
  CHECK(free != publication.cells_.end());
  cell_ = &*free;
}

GrantReader::~GrantReader() {
  release();
  cell_->taken.store(false, std::memory_order_release);
}

void GrantReader::release() noexcept {
  held_ = nullptr;
  cell_->held.store(nullptr, std::memory_order_release);
}

const GrantSnapshot& GrantReader::hold_newest() noexcept {
  // The cell is written first and the newest asked again: in the one order of these four, either
  // the writer's look at the cells comes after our store and it sees what we hold, or our second
  // look comes after the writer's store and we see that there is a newer one.
  const GrantSnapshot* newest = publication_->current_.load(std::memory_order_seq_cst);
  do {
    held_ = newest;
    cell_->held.store(held_, std::memory_order_seq_cst);
    newest = publication_->current_.load(std::memory_order_seq_cst);
  } while (newest != held_);
  return *held_;
}

}  // namespace sallyport::http_door
