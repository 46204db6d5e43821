#include "engine/radius/duplicate_table.h"

#include <bit>

#include <openssl/siphash.h>

#include "protocol/check.h"

namespace sallyport::radius_door {

DuplicateTable::DuplicateTable(std::uint32_t max_entries, RandomSource& random)
    : cells_(std::bit_ceil(std::size_t{max_entries} * 2)),
      mask_(static_cast<std::uint32_t>(cells_.size() - 1)) {
  random.fill({reinterpret_cast<std::uint8_t*>(seed_.data()), sizeof(seed_)});
}

std::uint32_t DuplicateTable::hash(const RequestKey& key) const noexcept {
  return static_cast<std::uint32_t>(
      SIPHASH_24(seed_.data(), reinterpret_cast<const std::uint8_t*>(&key), sizeof(key)));
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
