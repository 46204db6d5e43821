#include "engine/admin/http_listener.h"

#include <algorithm>
#include <cerrno>
#include <list>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/admin/http_connection.h"
#include "engine/ring/file_descriptor.h"
#include "engine/ring/udp_socket.h"
#include "verify/clock.h"

namespace sallyport::admin {
namespace {

using ring::FileDescriptor;

constexpr int kBacklog = 128;
/// Out of descriptors or memory: accept again after this, not in a busy loop.
constexpr std::uint64_t kAcceptPauseMs = 100;

std::string bind_error(const Endpoint& endpoint, int error) {
  std::string_view remedy;
  if (error == EADDRINUSE)
    remedy = ": another program has this port; choose another [admin] listen";
  if (error == EACCES) remedy = ": ports below 1024 need CAP_NET_BIND_SERVICE";
  if (error == EADDRNOTAVAIL) remedy = ": no interface of this machine has this address";
  return fmt::format("admin: cannot listen on {}: {}{}", endpoint.text(),
                     std::generic_category().message(error), remedy);
}

std::expected<FileDescriptor, std::string> listen_on(const Endpoint& endpoint) {
  const int family = endpoint.address.is_v4() ? AF_INET : AF_INET6;
  FileDescriptor socket(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
  if (!socket.valid()) return std::unexpected(bind_error(endpoint, errno));
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (family == AF_INET6) ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (const auto bound = ring::bind_when_free(socket, endpoint); !bound)
    return std::unexpected(bind_error(endpoint, bound.error()));
  if (::listen(socket.get(), kBacklog) != 0) return std::unexpected(bind_error(endpoint, errno));
  return socket;
}

}  // namespace

struct HttpListener::Impl {
  FileDescriptor listener;
  FileDescriptor wake;  ///< eventfd: stop() was called
  Handler handler;
  HttpLimits limits;
  std::list<HttpConnection> connections;
  std::uint64_t accept_after_ms = 0;
  std::vector<pollfd> polled;  ///< wake, listener, then one for each connection
  std::thread thread;

  void run();
  void fill_polled(std::uint64_t now_ms);
  [[nodiscard]] int timeout_ms(std::uint64_t now_ms) const;
  void accept_new(std::uint64_t now_ms);
  [[nodiscard]] bool full() const;
  void make_room();
};

std::expected<std::unique_ptr<HttpListener>, std::string> HttpListener::open(
    const Endpoint& endpoint, Handler handler, const HttpLimits& limits) {
  auto listener = listen_on(endpoint);
  if (!listener) return std::unexpected(std::move(listener.error()));
  return take(std::move(*listener), std::move(handler), limits);
}

std::expected<std::unique_ptr<HttpListener>, std::string> HttpListener::take(
    FileDescriptor listener, Handler handler, const HttpLimits& limits) {
  auto impl = std::make_unique<Impl>();
  impl->listener = std::move(listener);
  impl->wake = FileDescriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!impl->wake.valid())
    return std::unexpected("admin: cannot listen: " + std::generic_category().message(errno));
  impl->handler = std::move(handler);
  impl->limits = limits;
  return std::unique_ptr<HttpListener>(new HttpListener(std::move(impl)));
}

HttpListener::HttpListener(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpListener::~HttpListener() { stop(); }

void HttpListener::start() {
  impl_->thread = std::thread([this] { impl_->run(); });
  pthread_setname_np(impl_->thread.native_handle(), "admin");
}

void HttpListener::stop() {
  if (!impl_->thread.joinable()) return;
  ::eventfd_write(impl_->wake.get(), 1);
  impl_->thread.join();
}

Endpoint HttpListener::listening() const noexcept {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  ::getsockname(impl_->listener.get(), reinterpret_cast<sockaddr*>(&address), &length);
  return Endpoint::from(reinterpret_cast<const sockaddr*>(&address));
}

const FileDescriptor& HttpListener::socket() const noexcept { return impl_->listener; }

void HttpListener::Impl::run() {
  for (;;) {
    std::uint64_t now_ms = verify::monotonic_ms();
    fill_polled(now_ms);
    if (::poll(polled.data(), polled.size(), timeout_ms(now_ms)) < 0) {
      if (errno == EINTR) continue;
      spdlog::error("admin: the listener ends: {}", std::generic_category().message(errno));
      return;
    }
    now_ms = verify::monotonic_ms();
    if (polled[0].revents != 0) return;
    auto entry = polled.begin() + 2;
    for (HttpConnection& connection : connections) {
      if ((entry++)->revents != 0) connection.ready(now_ms);
      connection.expire(now_ms);
    }
    std::erase_if(connections, [](const HttpConnection& connection) {
      return connection.state() == ConnectionState::closed;
    });
    if (polled[1].revents != 0) accept_new(now_ms);
  }
}

void HttpListener::Impl::fill_polled(std::uint64_t now_ms) {
  const bool room = !full() && now_ms >= accept_after_ms;
  polled.clear();
  polled.push_back({.fd = wake.get(), .events = POLLIN, .revents = 0});
  polled.push_back({.fd = room ? listener.get() : -1, .events = POLLIN, .revents = 0});
  for (const HttpConnection& connection : connections)
    polled.push_back({.fd = connection.socket(), .events = connection.events(), .revents = 0});
}

int HttpListener::Impl::timeout_ms(std::uint64_t now_ms) const {
  std::uint64_t deadline = UINT64_MAX;
  if (now_ms < accept_after_ms) deadline = accept_after_ms;
  for (const HttpConnection& connection : connections)
    deadline = std::min(deadline, connection.deadline_ms());
  if (deadline == UINT64_MAX) return -1;
  return deadline <= now_ms ? 0 : static_cast<int>(deadline - now_ms);
}

/// No room, and no connection that could go for a new one.
bool HttpListener::Impl::full() const {
  return connections.size() >= limits.connections &&
         std::ranges::none_of(connections, [](const HttpConnection& connection) {
           return connection.state() == ConnectionState::idle;
         });
}

/// Idle connections must not keep an operator out: the one that has idled longest goes.
void HttpListener::Impl::make_room() {
  if (connections.size() < limits.connections) return;
  auto oldest = connections.end();
  for (auto it = connections.begin(); it != connections.end(); ++it)
    if (it->state() == ConnectionState::idle &&
        (oldest == connections.end() || it->deadline_ms() < oldest->deadline_ms()))
      oldest = it;
  connections.erase(oldest);
}

void HttpListener::Impl::accept_new(std::uint64_t now_ms) {
  while (!full()) {
    FileDescriptor socket(
        ::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket.valid()) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        accept_after_ms = now_ms + kAcceptPauseMs;
      if (errno == ECONNABORTED || errno == EINTR) continue;
      return;
    }
    const int on = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    make_room();
    connections.emplace_back(std::move(socket), handler, limits, now_ms);
  }
}

}  // namespace sallyport::admin
