#include "bench/load/outbox.h"

#include <cstring>

#include <netinet/in.h>
#include <netinet/udp.h>

#include "protocol/check.h"

namespace sallyport::lab {
namespace {

constexpr ring::Tag kSendTag{.operation = ring::Operation::send};

}  // namespace

Outbox::Outbox(ring::Ring& ring, bool gso)
    : ring_(ring), messages_(gso ? std::make_unique<Message[]>(kMessages) : nullptr) {}

void Outbox::send(std::uint32_t file, Octets datagram) noexcept {
  if (messages_ == nullptr) {
    ring_.send(file, datagram, kSendTag);
    return;
  }
  if (parts_ > 0) {
    const std::size_t segment = messages_[used_].parts[0].iov_len;
    const bool fits = file == file_ && datagram.size() == segment && parts_ < kSegments &&
                      (parts_ + 1) * segment <= kMessageOctets;
    if (!fits) flush();
  }
  if (parts_ == 0 && ring_.unsubmitted() == 0) used_ = 0;
  if (parts_ == 0 && used_ == kMessages) {
    ring_.submit();
    CHECK(ring_.unsubmitted() == 0);  // refused only when memory is gone: no load can be made then
    used_ = 0;
  }
  file_ = file;
  messages_[used_].parts[parts_++] = {.iov_base = const_cast<std::uint8_t*>(datagram.data()),
                                      .iov_len = datagram.size()};
}

void Outbox::flush() noexcept {
  if (messages_ == nullptr || parts_ == 0) return;
  Message& message = messages_[used_++];
  message.header = {};
  message.header.msg_iov = message.parts;
  message.header.msg_iovlen = parts_;
  if (parts_ > 1) {
    const auto segment = static_cast<std::uint16_t>(message.parts[0].iov_len);
    message.header.msg_control = message.control;
    message.header.msg_controllen = sizeof(message.control);
    cmsghdr* const control = CMSG_FIRSTHDR(&message.header);
    control->cmsg_level = SOL_UDP;
    control->cmsg_type = UDP_SEGMENT;
    control->cmsg_len = CMSG_LEN(sizeof(segment));
    std::memcpy(CMSG_DATA(control), &segment, sizeof(segment));
  }
  parts_ = 0;
  ring_.send_message(file_, message.header, kSendTag);
}

}  // namespace sallyport::lab
