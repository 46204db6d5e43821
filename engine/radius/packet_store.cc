#include "engine/radius/packet_store.h"

#include <new>

#include <sys/mman.h>

#include "protocol/check.h"

namespace sallyport::radius_door {
namespace {

constexpr unsigned kClassShift = 30;
constexpr std::uint32_t kNumberMask = (std::uint32_t{1} << kClassShift) - 1;

}  // namespace

PacketStore::PacketStore(std::uint32_t blocks) : blocks_(blocks) {
  CHECK(blocks >= 1 && blocks < kNumberMask);
  for (const std::size_t octets : kClassOctets)
    region_octets_ += (octets + sizeof(std::uint32_t)) * blocks;
  region_ = mmap(nullptr, region_octets_, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (region_ == MAP_FAILED) throw std::bad_alloc();
  auto* begin = static_cast<std::uint8_t*>(region_);
  for (std::size_t i = 0; i < classes_.size(); ++i) {
    classes_[i].begin = begin;
    begin += kClassOctets[i] * blocks;
  }
  for (SizeClass& size_class : classes_) {
    size_class.free_blocks = reinterpret_cast<std::uint32_t*>(begin);
    begin += sizeof(std::uint32_t) * blocks;
  }
}

PacketStore::~PacketStore() { munmap(region_, region_octets_); }

PacketStore::Handle PacketStore::take(std::size_t octets) noexcept {
  std::uint32_t which = 0;
  while (kClassOctets[which] < octets) {
    ++which;
    CHECK(which < classes_.size());
  }
  SizeClass& size_class = classes_[which];
  CHECK(held_ < blocks_);
  ++held_;
  const std::uint32_t number = size_class.free_count == 0
                                   ? size_class.fresh++
                                   : size_class.free_blocks[--size_class.free_count];
  return {which << kClassShift | number};
}

void PacketStore::give_back(Handle handle) noexcept {
  CHECK(!handle.empty() && held_ > 0);
  --held_;
  SizeClass& size_class = classes_[handle.value >> kClassShift];
  size_class.free_blocks[size_class.free_count++] = handle.value & kNumberMask;
  __builtin_prefetch(block(handle).data(), 1);  // it is the one that is written next
}

MutableOctets PacketStore::block(Handle handle) const noexcept {
  const std::uint32_t which = handle.value >> kClassShift;
  const std::size_t octets = kClassOctets[which];
  return {classes_[which].begin + octets * (handle.value & kNumberMask), octets};
}

}  // namespace sallyport::radius_door
