#include "engine/ring/udp_socket.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include <liburing.h>
#include <netinet/in.h>

#include "protocol/check.h"

namespace sallyport::ring {
namespace {

static_assert(kNameOctets >= sizeof(sockaddr_in6));
static_assert(kControlOctets >= CMSG_SPACE(sizeof(in6_pktinfo)));
static_assert(kControlOctets >= CMSG_SPACE(sizeof(in_pktinfo)));

constexpr std::chrono::seconds kFreeWithin{2};
constexpr std::chrono::milliseconds kTryAgainAfter{10};

bool set_option(int fd, int level, int name, int value) noexcept {
  return ::setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

/// As much as we may have: the forced size needs CAP_NET_ADMIN, the other is cut by the kernel.
void grow_buffers(int fd) noexcept {
  if (!set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, kSocketBufferOctets)) {
    static_cast<void>(set_option(fd, SOL_SOCKET, SO_RCVBUF, kSocketBufferOctets));
  }
  if (!set_option(fd, SOL_SOCKET, SO_SNDBUFFORCE, kSocketBufferOctets)) {
    static_cast<void>(set_option(fd, SOL_SOCKET, SO_SNDBUF, kSocketBufferOctets));
  }
}

/// `text` holds one control message's data, not aligned.
template <typename Info>
Info read_info(Octets data) noexcept {
  Info info;
  std::memcpy(&info, data.data(), sizeof(info));
  return info;
}

/// The local address from the control messages, each checked against what is left.
std::optional<IpAddress> find_local(Octets control) noexcept {
  while (control.size() >= sizeof(cmsghdr)) {
    const auto header = read_info<cmsghdr>(control);
    if (header.cmsg_len < sizeof(cmsghdr) || header.cmsg_len > control.size()) return std::nullopt;
    const Octets data = control.subspan(sizeof(cmsghdr), header.cmsg_len - sizeof(cmsghdr));
    if (header.cmsg_level == IPPROTO_IP && header.cmsg_type == IP_PKTINFO &&
        data.size() >= sizeof(in_pktinfo)) {
      // ipi_spec_dst, not ipi_addr: for a broadcast it is the address that we may answer from.
      return IpAddress::v4(ntohl(read_info<in_pktinfo>(data).ipi_spec_dst.s_addr));
    }
    if (header.cmsg_level == IPPROTO_IPV6 && header.cmsg_type == IPV6_PKTINFO &&
        data.size() >= sizeof(in6_pktinfo)) {
      const auto info = read_info<in6_pktinfo>(data);
      IpAddress local;
      std::memcpy(local.octets.data(), &info.ipi6_addr, local.octets.size());
      return local;
    }
    control = control.subspan(std::min(control.size(), CMSG_ALIGN(header.cmsg_len)));
  }
  return std::nullopt;
}

}  // namespace

std::expected<FileDescriptor, int> open_udp(const IpAddress& address) {
  const bool v4 = address.is_v4();
  FileDescriptor socket(::socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP));
  if (!socket.valid()) return std::unexpected(errno);
  const int fd = socket.get();
  const bool ok = v4 ? set_option(fd, IPPROTO_IP, IP_PKTINFO, 1)
                     : set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) &&
                           set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
  if (!ok) return std::unexpected(errno);
  grow_buffers(fd);
  return socket;
}

std::expected<void, int> share_port(const FileDescriptor& socket) {
  if (!set_option(socket.get(), SOL_SOCKET, SO_REUSEPORT, 1)) return std::unexpected(errno);
  return {};
}

std::expected<void, int> bind_to(const FileDescriptor& socket, const Endpoint& local) {
  sockaddr_storage address{};
  const std::uint32_t octets = local.fill(address);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), octets) != 0) {
    return std::unexpected(errno);
  }
  return {};
}

std::expected<void, int> bind_when_free(const FileDescriptor& socket, const Endpoint& local) {
  const auto until = std::chrono::steady_clock::now() + kFreeWithin;
  for (;;) {
    auto bound = bind_to(socket, local);
    if (bound || bound.error() != EADDRINUSE || std::chrono::steady_clock::now() >= until)
      return bound;
    std::this_thread::sleep_for(kTryAgainAfter);
  }
}

std::expected<void, int> connect_to(const FileDescriptor& socket, const Endpoint& remote) {
  sockaddr_storage address{};
  const std::uint32_t octets = remote.fill(address);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), octets) != 0) {
    return std::unexpected(errno);
  }
  return {};
}

Endpoint local_endpoint(const FileDescriptor& socket) {
  sockaddr_storage address{};
  socklen_t octets = sizeof(address);
  CHECK(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &octets) == 0);
  return Endpoint::from(reinterpret_cast<const sockaddr*>(&address));
}

msghdr message_layout() noexcept {
  msghdr layout{};
  layout.msg_namelen = kNameOctets;
  layout.msg_controllen = kControlOctets;
  return layout;
}

std::optional<Datagram> read_message(Octets buffer) noexcept {
  // io_uring_recvmsg_out, then name, control and payload, each at the place that the layout gave
  // it.
  constexpr std::size_t kControlAt = sizeof(io_uring_recvmsg_out) + kNameOctets;
  constexpr std::size_t kPayloadAt = kControlAt + kControlOctets;
  if (buffer.size() < kPayloadAt) return std::nullopt;
  const auto out = read_info<io_uring_recvmsg_out>(buffer);
  if (out.namelen < sizeof(sockaddr_in) || out.namelen > kNameOctets) return std::nullopt;
  if (out.controllen > kControlOctets) return std::nullopt;

  sockaddr_storage name{};
  std::memcpy(&name, buffer.data() + sizeof(io_uring_recvmsg_out), out.namelen);
  const std::optional<IpAddress> local = find_local(buffer.subspan(kControlAt, out.controllen));
  if (!local) return std::nullopt;
  // payloadlen is the datagram's own length; a longer one was cut at the buffer's end.
  const Octets rest = buffer.subspan(kPayloadAt);
  return Datagram{.source = Endpoint::from(reinterpret_cast<const sockaddr*>(&name)),
                  .local = *local,
                  .payload = rest.first(std::min<std::size_t>(rest.size(), out.payloadlen))};
}

std::optional<Datagram> receive_one(const FileDescriptor& socket, MutableOctets buffer) noexcept {
  sockaddr_storage name{};
  std::array<std::uint8_t, kControlOctets> control;
  iovec octets{.iov_base = buffer.data(), .iov_len = buffer.size()};
  msghdr message{};
  message.msg_name = &name;
  message.msg_namelen = sizeof(name);
  message.msg_iov = &octets;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t got = ::recvmsg(socket.get(), &message, MSG_DONTWAIT);
  if (got < 0) return std::nullopt;
  const auto local = find_local(Octets(control).first(message.msg_controllen));
  if (!local) return std::nullopt;
  return Datagram{.source = Endpoint::from(reinterpret_cast<const sockaddr*>(&name)),
                  .local = *local,
                  .payload = buffer.first(static_cast<std::size_t>(got))};
}

std::size_t write_source(const IpAddress& local, MutableOctets out) noexcept {
  CHECK(out.size() >= kControlOctets);
  const auto write = [out](int level, int type, const auto& info) {
    cmsghdr header{};
    header.cmsg_level = level;
    header.cmsg_type = type;
    header.cmsg_len = CMSG_LEN(sizeof(info));
    std::memcpy(out.data(), &header, sizeof(header));
    std::memcpy(out.data() + CMSG_LEN(0), &info, sizeof(info));
    return CMSG_SPACE(sizeof(info));
  };
  if (local.is_v4()) {
    in_pktinfo info{};
    std::memcpy(&info.ipi_spec_dst, local.octets.data() + 12, sizeof(info.ipi_spec_dst));
    return write(IPPROTO_IP, IP_PKTINFO, info);
  }
  in6_pktinfo info{};
  std::memcpy(&info.ipi6_addr, local.octets.data(), local.octets.size());
  return write(IPPROTO_IPV6, IPV6_PKTINFO, info);
}

}  // namespace sallyport::ring
