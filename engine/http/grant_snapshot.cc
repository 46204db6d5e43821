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

std::size_t GrantSnapshot::bucket_of(const Key& key) const noexcept {
  // The seed keeps visitors from choosing addresses that share a bucket.
  std::uint64_t hash = (key.first ^ seed_) * 0x9e37'79b9'7f4a'7c15;
  hash = (std::rotl(hash, 29) ^ key.second) * 0xc2b2'ae3d'27d4'eb4f;
  hash = (hash ^ (hash >> 32) ^ seed_) * 0x9e37'79b9'7f4a'7c15;
  return (hash ^ (hash >> 29)) & (buckets_.size() - 1);
}

const Grant* GrantSnapshot::find(const IpAddress& visitor, std::uint64_t now_ms) const noexcept {
  const Key key = key_of(visitor);
  const Bucket* const bucket = buckets_[bucket_of(key)].get();
  if (bucket == nullptr) return nullptr;
  const auto entry = std::ranges::lower_bound(*bucket, key, {}, &Entry::key);
  if (entry == bucket->end() || entry->key != key || entry->until_ms <= now_ms) return nullptr;
  return entry->grant.get();
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
