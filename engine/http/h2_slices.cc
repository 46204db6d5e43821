#include "engine/http/h2_slices.h"

#include <algorithm>

#include "protocol/check.h"
#include "protocol/octets.h"

namespace sallyport::http_door {
namespace {
/// A queue that never runs empty is moved to the front of its array once so many are gone.
constexpr std::size_t kCompactAfter = 64;
}  // namespace

void H2Slices::push(ring::Slice slice) {
  if (slice.empty()) return pool_.release(slice);
  octets_ += slice.length;
  if (first_ < slices_.size() && slice.length < kSmallOctets && gather(slice)) return;
  slices_.push_back(slice);
  room_ = 0;
}

bool H2Slices::gather(const ring::Slice& slice) {
  if (room_ < slice.length) {
    const ring::Slice fresh = pool_.allocate();
    if (fresh.buffer == ring::Slice::kNone) return false;
    room_ = fresh.length;
    slices_.push_back({.buffer = fresh.buffer, .offset = fresh.offset, .length = 0});
  }
  ring::Slice& last = slices_.back();
  const ring::Slice room{
      .buffer = last.buffer, .offset = last.offset + last.length, .length = room_};
  copy_octets(pool_.octets(slice), pool_.writable(room));
  last.length += slice.length;
  room_ -= slice.length;
  pool_.release(slice);
  return true;
}

ring::Slice H2Slices::pop(std::size_t most) {
  CHECK(octets_ != 0 && most != 0);
  ring::Slice& front = slices_[first_];
  ring::Slice taken = front;
  if (front.length <= most) {
    if (++first_ == slices_.size()) {
      slices_.clear();
      first_ = 0;
      room_ = 0;
    } else if (first_ >= kCompactAfter && first_ * 2 > slices_.size()) {
      slices_.erase(slices_.begin(), slices_.begin() + static_cast<std::ptrdiff_t>(first_));
      first_ = 0;
    }
  } else {
    taken.length = static_cast<std::uint32_t>(most);
    pool_.retain(taken);
    front.offset += taken.length;
    front.length -= taken.length;
  }
  octets_ -= taken.length;
  return taken;
}

void H2Slices::clear() noexcept {
  for (std::size_t i = first_; i < slices_.size(); ++i) pool_.release(slices_[i]);
  slices_.clear();
  first_ = 0;
  octets_ = 0;
  room_ = 0;
}

}  // namespace sallyport::http_door
