#include "engine/ring/buffer_pool.h"

#include <algorithm>
#include <bit>

#include <sys/mman.h>

#include "engine/ring/refusal.h"

namespace sallyport::ring {
namespace {

constexpr std::uint32_t kLeastLent = 64;
/// Turns after which fewer are lent, if most of the lent ones were never touched.
constexpr std::uint32_t kPeriodTurns = 4096;

void* map(std::size_t octets) noexcept {
  void* const memory = ::mmap(nullptr, octets, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

}  // namespace

BufferPool::BufferPool(const BufferPlan& plan)
    : plan_(plan), references_(plan.most, 0), target_(std::min(plan.lent, kLeastLent)) {
  free_.reserve(plan.most);
  for (std::uint32_t id = plan.most; id-- > 0;) free_.push_back(static_cast<std::uint16_t>(id));
}

BufferPool::~BufferPool() {
  if (ring_ != nullptr) ::munmap(ring_, plan_.lent * sizeof(io_uring_buf));
  if (memory_ != nullptr) ::munmap(memory_, std::size_t{plan_.most} * plan_.octets_each);
}

std::expected<std::unique_ptr<BufferPool>, std::string> BufferPool::open(Ring& ring,
                                                                         const BufferPlan& plan) {
  CHECK(std::has_single_bit(plan.lent) && plan.lent <= 32'768);
  CHECK(plan.most <= 65'536 && plan.lent <= plan.most / 2);
  std::unique_ptr<BufferPool> pool(new BufferPool(plan));
  pool->ring_ = static_cast<io_uring_buf_ring*>(map(plan.lent * sizeof(io_uring_buf)));
  pool->memory_ = static_cast<std::uint8_t*>(map(std::size_t{plan.most} * plan.octets_each));
  if (pool->ring_ == nullptr || pool->memory_ == nullptr) {
    return std::unexpected("no memory for the stream buffers of a shard");
  }
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uintptr_t>(pool->ring_);
  registration.ring_entries = plan.lent;
  registration.bgid = plan.group;
  const int result = io_uring_register_buf_ring(&ring.raw(), &registration, 0);
  if (result < 0) return std::unexpected(explain_ring_refusal_here(-result));
  io_uring_buf_ring_init(pool->ring_);
  pool->publish();
  return pool;
}

Slice BufferPool::arrived(std::uint16_t id, std::size_t octets) noexcept {
  CHECK(id < plan_.most && references_[id] == kLent && octets <= plan_.octets_each);
  references_[id] = 1;
  --lent_;
  ++in_use_;
  return {.buffer = id, .offset = 0, .length = static_cast<std::uint32_t>(octets)};
}

Slice BufferPool::allocate() noexcept {
  if (free_.empty()) return {};
  const std::uint16_t id = free_.back();
  free_.pop_back();
  references_[id] = 1;
  ++in_use_;
  return {.buffer = id, .offset = 0, .length = plan_.octets_each};
}

void BufferPool::adapt() noexcept {
  fewest_ = std::min(fewest_, lent_);
  if (lent_ < target_ / 4) {
    target_ = std::min(target_ * 2, plan_.lent);
  } else if (++turns_ < kPeriodTurns) {
    return;
  } else if (fewest_ > target_ / 4 * 3) {
    target_ = std::max(target_ / 2, std::min(plan_.lent, kLeastLent));
  }
  turns_ = 0;
  fewest_ = kLent;
}

void BufferPool::publish() noexcept {
  adapt();
  // When buffers run short, what we are about to send comes before what we might receive.
  const std::size_t reserve = plan_.most / 16;
  int added = 0;
  while (lent_ < target_ && free_.size() > reserve) {
    const std::uint16_t id = free_.back();
    free_.pop_back();
    references_[id] = kLent;
    ++lent_;
    io_uring_buf_ring_add(ring_, at(id), plan_.octets_each, id, io_uring_buf_ring_mask(plan_.lent),
                          added++);
  }
  if (added > 0) io_uring_buf_ring_advance(ring_, added);
}

}  // namespace sallyport::ring
