#include "engine/ring/send_slots.h"

#include <cerrno>
#include <cstring>
#include <new>

#include <netinet/udp.h>
#include <sys/mman.h>

namespace sallyport::ring {
namespace {

std::size_t write_segment_octets(std::uint16_t octets, std::uint8_t* out) noexcept {
  cmsghdr header{};
  header.cmsg_level = SOL_UDP;
  header.cmsg_type = UDP_SEGMENT;
  header.cmsg_len = CMSG_LEN(sizeof(octets));
  std::memcpy(out, &header, sizeof(header));
  std::memcpy(out + CMSG_LEN(0), &octets, sizeof(octets));
  return CMSG_SPACE(sizeof(octets));
}

}  // namespace

SendSlots::SendSlots(Ring& ring, std::uint32_t count) : ring_(ring), count_(count) {
  void* const memory = ::mmap(nullptr, count * sizeof(Slot), PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  slots_ = static_cast<Slot*>(memory);
}

SendSlots::~SendSlots() { ::munmap(slots_, count_ * sizeof(Slot)); }

bool SendSlots::send_to(std::uint32_t file, const Endpoint& to, const IpAddress* from,
                        Octets datagram) noexcept {
  return add({.file = file,
              .connected = false,
              .from_given = from != nullptr,
              .to = to,
              .from = from != nullptr ? *from : IpAddress{}},
             datagram);
}

bool SendSlots::send(std::uint32_t file, Octets datagram) noexcept {
  return add({.file = file, .connected = true, .from_given = false, .to = {}, .from = {}},
             datagram);
}

bool SendSlots::add(const Route& route, Octets datagram) noexcept {
  if (!can_share(route, datagram)) {
    flush();
    return begin(route, datagram);
  }
  std::memcpy(slots_[used_ - 1].payload + open_octets_, datagram.data(), datagram.size());
  open_octets_ += static_cast<std::uint32_t>(datagram.size());
  ++open_datagrams_;
  if (datagram.size() < segment_octets_) flush();  // only the last one may be shorter
  return true;
}

bool SendSlots::can_share(const Route& route, Octets datagram) const noexcept {
  return may_share_ && open_datagrams_ > 0 && open_datagrams_ < kMaxShared &&
         datagram.size() <= segment_octets_ && segment_octets_ <= kMaxSharedOctets &&
         datagram.size() <= kPayloadOctets - open_octets_ && route == open_route_;
}

bool SendSlots::begin(const Route& route, Octets datagram) noexcept {
  if (datagram.size() > kPayloadOctets) return false;
  if (used_ == count_) ring_.submit();
  if (ring_.unsubmitted() == 0) used_ = 0;
  if (used_ == count_) return false;
  std::memcpy(slots_[used_++].payload, datagram.data(), datagram.size());
  open_datagrams_ = 1;
  open_octets_ = static_cast<std::uint32_t>(datagram.size());
  segment_octets_ = static_cast<std::uint16_t>(datagram.size());
  open_route_ = route;
  return true;
}

void SendSlots::flush() noexcept {
  if (open_datagrams_ == 0) return;
  Slot& slot = slots_[used_ - 1];
  const Tag tag{.operation = Operation::send, .generation = open_datagrams_, .index = used_ - 1};
  if (open_route_.connected && open_datagrams_ == 1) {
    ring_.send(open_route_.file, {slot.payload, open_octets_}, tag);
  } else {
    queue_message(slot, tag);
  }
  open_datagrams_ = 0;
}

void SendSlots::queue_message(Slot& slot, Tag tag) noexcept {
  slot.payload_part = {.iov_base = slot.payload, .iov_len = open_octets_};
  slot.message = {};
  slot.message.msg_iov = &slot.payload_part;
  slot.message.msg_iovlen = 1;
  if (!open_route_.connected) {
    slot.message.msg_name = &slot.name;
    slot.message.msg_namelen = open_route_.to.fill(slot.name);
  }
  std::size_t control = 0;
  if (open_route_.from_given) control = write_source(open_route_.from, slot.control);
  if (open_datagrams_ > 1) {
    control += write_segment_octets(segment_octets_, slot.control + control);
  }
  if (control > 0) {
    slot.message.msg_control = slot.control;
    slot.message.msg_controllen = control;
  }
  ring_.send_message(open_route_.file, slot.message, tag);
}

std::uint32_t SendSlots::refused(const Completion& completion) noexcept {
  const std::uint32_t datagrams = completion.tag.generation;
  if (datagrams > 1) {
    switch (-completion.result) {
      case EIO:       // no checksum offload, or IPsec on this route (__ip_append_data, net/ipv4)
      case EINVAL:    // the path's MTU is smaller than a segment
      case EMSGSIZE:  // the same, as IPv6 says it
      case EOPNOTSUPP: may_share_ = false; break;
      default: break;  // nothing to do with sharing: a full buffer, an ICMP error
    }
  }
  return datagrams;
}

}  // namespace sallyport::ring
