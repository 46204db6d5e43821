#include "engine/radius/duplicate_table.h"

#include <bit>
#include <cstring>

#include "protocol/check.h"

namespace sallyport::radius_door {
namespace {

__extension__ using Wide = unsigned __int128;

}  // namespace

DuplicateTable::DuplicateTable(std::uint32_t max_entries, RandomSource& random)
    : cells_(std::bit_ceil(std::size_t{max_entries} * 2)),
      mask_(static_cast<std::uint32_t>(cells_.size() - 1)) {
  random.fill({reinterpret_cast<std::uint8_t*>(seed_.data()), sizeof(seed_)});
}

// NH (the universal hash of UMAC, RFC 4418 §5.2): whoever does not know the seed cannot choose two
// keys that meet more often than by chance, and only authentic requests are ever looked up.
std::uint32_t DuplicateTable::hash(const RequestKey& key) const noexcept {
  std::array<std::uint64_t, 6> words{};
  static_assert(sizeof(key) <= sizeof(words));
  std::memcpy(words.data(), &key, sizeof(key));
  Wide sum = 0;
  for (std::size_t i = 0; i < words.size(); i += 2) {
    sum += static_cast<Wide>(words[i] + seed_[i]) * (words[i + 1] + seed_[i + 1]);
  }
  // Two keys hardly ever share all 128 bits. The table looks at a few of them, so they are mixed.
  std::uint64_t folded = static_cast<std::uint64_t>(sum) ^ static_cast<std::uint64_t>(sum >> 64);
  folded = (folded ^ folded >> 32) * 0x9e37'79b9'7f4a'7c15;
  return static_cast<std::uint32_t>(folded >> 32);
}

void DuplicateTable::insert(std::uint32_t hash, std::uint32_t slot) noexcept {
  CHECK(size_ < cells_.size() / 2);
  std::uint32_t at = hash & mask_;
  while (cells_[at].slot != kEmpty) at = (at + 1) & mask_;
  cells_[at] = {.hash = hash, .slot = slot};
  ++size_;
}

void DuplicateTable::erase(std::uint32_t hash, std::uint32_t slot) noexcept {
  std::uint32_t hole = hash & mask_;
  while (cells_[hole].slot != slot) {
    CHECK(cells_[hole].slot != kEmpty);
    hole = (hole + 1) & mask_;
  }
  for (std::uint32_t at = (hole + 1) & mask_; cells_[at].slot != kEmpty; at = (at + 1) & mask_) {
    // An entry may move to the hole unless its home lies behind the hole: then it is in place.
    const std::uint32_t from_home = (at - cells_[at].hash) & mask_;
    const std::uint32_t from_hole = (at - hole) & mask_;
    if (from_home < from_hole) continue;
    cells_[hole] = cells_[at];
    hole = at;
  }
  cells_[hole] = {};
  --size_;
}

}  // namespace sallyport::radius_door
