#pragma once
// TCP's own sign of life (RFC 9293 §3.8.4). A tunnel or a stream of events may be silent for hours;
// a peer whose machine is gone would be waited for as long. Two minutes tell.

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace sallyport::ring {

/// Of a listening socket, all that it accepts inherits it. False: errno tells.
[[nodiscard]] inline bool find_dead_peers(int fd) noexcept {
  const int on = 1;
  const int idle_s = 60;
  const int interval_s = 15;
  const int count = 4;
  return ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) == 0 &&
         ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s)) == 0 &&
         ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof(interval_s)) == 0 &&
         ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count)) == 0;
}

}  // namespace sallyport::ring
