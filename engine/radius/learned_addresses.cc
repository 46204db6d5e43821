#include <algorithm>
#include <iterator>

#include <openssl/rand.h>
#include <openssl/siphash.h>

#include "engine/radius/client_table.h"

namespace sallyport::radius_door {
namespace {

static_assert((LearnedAddresses::kCapacity & (LearnedAddresses::kCapacity - 1)) == 0);

/// How far a search looks. A full neighbourhood learns no more: the address stays unprotected, as
/// it was, and nobody's knowledge is lost.
constexpr std::size_t kProbes = 16;

}  // namespace

LearnedAddresses::LearnedAddresses()
    : cells_(std::make_unique<std::atomic<std::uint64_t>[]>(kCapacity)) {
  RAND_bytes(reinterpret_cast<std::uint8_t*>(key_), sizeof(key_));
}

std::vector<std::uint64_t> LearnedAddresses::words() const {
  std::vector<std::uint64_t> all(std::begin(key_), std::end(key_));
  for (std::size_t cell = 0; cell < kCapacity; ++cell)
    all.push_back(cells_[cell].load(std::memory_order_relaxed));
  return all;
}

void LearnedAddresses::take(std::span<const std::uint64_t> words) noexcept {
  if (words.size() != std::size(key_) + kCapacity) return;
  std::ranges::copy(words.first(std::size(key_)), key_);
  for (std::size_t cell = 0; cell < kCapacity; ++cell)
    cells_[cell].store(words[std::size(key_) + cell], std::memory_order_relaxed);
}

std::uint64_t LearnedAddresses::fingerprint(const IpAddress& address) const noexcept {
  const std::uint64_t hash = SIPHASH_24(key_, address.octets.data(), address.octets.size());
  return hash == 0 ? 1 : hash;
}

void LearnedAddresses::learn(const IpAddress& address) noexcept {
  const std::uint64_t wanted = fingerprint(address);
  for (std::size_t probe = 0; probe < kProbes; ++probe) {
    std::atomic<std::uint64_t>& cell = cells_[(wanted + probe) & (kCapacity - 1)];
    std::uint64_t found = cell.load(std::memory_order_relaxed);
    if (found == wanted) return;
    if (found != 0) continue;
    if (cell.compare_exchange_strong(found, wanted, std::memory_order_relaxed)) return;
    if (found == wanted) return;  // another shard was quicker
  }
}

bool LearnedAddresses::knows(const IpAddress& address) const noexcept {
  const std::uint64_t wanted = fingerprint(address);
  for (std::size_t probe = 0; probe < kProbes; ++probe) {
    const std::uint64_t found =
        cells_[(wanted + probe) & (kCapacity - 1)].load(std::memory_order_relaxed);
    if (found == wanted) return true;
    if (found == 0) return false;
  }
  return false;
}

}  // namespace sallyport::radius_door
