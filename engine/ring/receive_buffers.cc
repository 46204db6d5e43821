#include "engine/ring/receive_buffers.h"

#include <bit>
#include <cerrno>

#include <sys/mman.h>

#include "engine/ring/refusal.h"
#include "protocol/check.h"

namespace sallyport::ring {
namespace {

void* map(std::size_t octets) noexcept {
  void* const memory =
      ::mmap(nullptr, octets, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

}  // namespace

ReceiveBuffers::ReceiveBuffers(std::uint16_t group, std::uint32_t count, std::uint32_t octets_each)
    : group_(group), count_(count), octets_each_(octets_each), is_out_(count, false) {}

ReceiveBuffers::~ReceiveBuffers() {
  if (ring_ != nullptr) ::munmap(ring_, count_ * sizeof(io_uring_buf));
  if (memory_ != nullptr) ::munmap(memory_, std::size_t{count_} * octets_each_);
}

std::expected<std::unique_ptr<ReceiveBuffers>, std::string> ReceiveBuffers::open(
    Ring& ring, std::uint16_t group, std::uint32_t count, std::uint32_t octets_each) {
  CHECK(std::has_single_bit(count) && count <= 32'768);
  std::unique_ptr<ReceiveBuffers> buffers(new ReceiveBuffers(group, count, octets_each));
  buffers->ring_ = static_cast<io_uring_buf_ring*>(map(count * sizeof(io_uring_buf)));
  buffers->memory_ = static_cast<std::uint8_t*>(map(std::size_t{count} * octets_each));
  if (buffers->ring_ == nullptr || buffers->memory_ == nullptr) {
    return std::unexpected("no memory for the receive buffers of a shard");
  }
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uintptr_t>(buffers->ring_);
  registration.ring_entries = count;
  registration.bgid = group;
  const int result = io_uring_register_buf_ring(&ring.raw(), &registration, 0);
  if (result < 0) return std::unexpected(explain_ring_refusal_here(-result));
  io_uring_buf_ring_init(buffers->ring_);
  for (std::uint32_t id = 0; id < count; ++id) buffers->add(static_cast<std::uint16_t>(id));
  buffers->publish();
  return buffers;
}

void ReceiveBuffers::add(std::uint16_t id) noexcept {
  io_uring_buf_ring_add(ring_, at(id), octets_each_, id, io_uring_buf_ring_mask(count_),
                        unpublished_);
  ++unpublished_;
}

Octets ReceiveBuffers::take(std::uint16_t id, std::size_t octets) noexcept {
  CHECK(id < count_ && !is_out_[id] && octets <= octets_each_);
  is_out_[id] = true;
  ++out_;
  return {at(id), octets};
}

void ReceiveBuffers::give_back(std::uint16_t id) noexcept {
  CHECK(id < count_ && is_out_[id]);
  is_out_[id] = false;
  --out_;
  add(id);
}

void ReceiveBuffers::publish() noexcept {
  io_uring_buf_ring_advance(ring_, unpublished_);
  unpublished_ = 0;
}

}  // namespace sallyport::ring
