#include "engine/ring/send_slots.h"

#include <cstring>
#include <new>

#include <sys/mman.h>

namespace sallyport::ring {

SendSlots::SendSlots(Ring& ring, std::uint32_t count) : ring_(ring), count_(count) {
  void* const memory = ::mmap(nullptr, count * sizeof(Slot), PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  slots_ = static_cast<Slot*>(memory);
}

SendSlots::~SendSlots() { ::munmap(slots_, count_ * sizeof(Slot)); }

SendSlots::Slot* SendSlots::fill(Octets datagram) noexcept {
  if (datagram.size() > kPayloadOctets) return nullptr;
  if (used_ == count_) ring_.submit();
  if (ring_.unsubmitted() == 0) used_ = 0;
  if (used_ == count_) return nullptr;
  Slot& slot = slots_[used_++];
  std::memcpy(slot.payload, datagram.data(), datagram.size());
  return &slot;
}

bool SendSlots::send_to(std::uint32_t file, const Endpoint& to, const IpAddress* from,
                        Octets datagram) noexcept {
  Slot* const slot = fill(datagram);
  if (slot == nullptr) return false;
  slot->payload_part = {.iov_base = slot->payload, .iov_len = datagram.size()};
  slot->message = {};
  slot->message.msg_name = &slot->name;
  slot->message.msg_namelen = to.fill(slot->name);
  slot->message.msg_iov = &slot->payload_part;
  slot->message.msg_iovlen = 1;
  if (from != nullptr) {
    slot->message.msg_control = slot->control;
    slot->message.msg_controllen = write_source(*from, slot->control);
  }
  ring_.send_message(file, slot->message, tag_of(*slot));
  return true;
}

bool SendSlots::send(std::uint32_t file, Octets datagram) noexcept {
  Slot* const slot = fill(datagram);
  if (slot == nullptr) return false;
  ring_.send(file, {slot->payload, datagram.size()}, tag_of(*slot));
  return true;
}

}  // namespace sallyport::ring
