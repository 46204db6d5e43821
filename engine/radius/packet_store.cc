#include "engine/radius/packet_store.h"

#include <cstring>
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
  for (const std::size_t octets : kClassOctets) region_octets_ += octets * blocks;
  region_ = mmap(nullptr, region_octets_, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (region_ == MAP_FAILED) throw std::bad_alloc();
  auto* begin = static_cast<std::uint8_t*>(region_);
  for (std::size_t i = 0; i < classes_.size(); ++i) {
    classes_[i].begin = begin;
    begin += kClassOctets[i] * blocks;
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
  if (size_class.free == Handle::kNone) return {which << kClassShift | size_class.fresh++};
  const Handle handle{size_class.free};
  std::memcpy(&size_class.free, block(handle).data(), sizeof(size_class.free));
  return handle;
}

void PacketStore::give_back(Handle handle) noexcept {
  CHECK(!handle.empty() && held_ > 0);
  --held_;
  SizeClass& size_class = classes_[handle.value >> kClassShift];
  std::memcpy(block(handle).data(), &size_class.free, sizeof(size_class.free));
  size_class.free = handle.value;
}

MutableOctets PacketStore::block(Handle handle) const noexcept {
  const std::uint32_t which = handle.value >> kClassShift;
  const std::size_t octets = kClassOctets[which];
  return {classes_[which].begin + octets * (handle.value & kNumberMask), octets};
}

}  // namespace sallyport::radius_door
