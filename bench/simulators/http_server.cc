#include "bench/simulators/http_server.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "bench/simulators/clock.h"
#include "protocol/check.h"

namespace sallyport::lab {
namespace {

/// epoll's user data: what the descriptor is, and which one.
enum class Source : std::uint32_t { wake, listener, connection };
std::uint64_t pack(Source source, std::uint32_t index) {
  return std::uint64_t{static_cast<std::uint32_t>(source)} << 32 | index;
}

constexpr int kBacklog = 1024;
constexpr std::size_t kEventsPerTurn = 256;

std::string system_error(std::string_view what, const Endpoint& endpoint) {
  return fmt::format("{} {}: {}", what, endpoint.text(), std::strerror(errno));
}

}  // namespace

HttpServer::HttpServer(HttpHandler& handler, std::uint32_t max_streams)
    : handler_(handler),
      max_streams_(max_streams),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  CHECK(epoll_ && wake_);
  epoll_event event = {.events = EPOLLIN, .data = {.u64 = pack(Source::wake, 0)}};
  CHECK(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) == 0);
}

std::expected<Endpoint, std::string> HttpServer::listen(const Endpoint& endpoint,
                                                        std::shared_ptr<const TlsContext> tls) {
  sockaddr_storage address{};
  const socklen_t length = endpoint.fill(address);
  Descriptor socket(
      ::socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
  const int on = 1;
  if (!socket || ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0 ||
      ::listen(socket.get(), kBacklog) != 0)
    return std::unexpected(system_error("cannot listen on", endpoint));
  socklen_t bound_length = sizeof address;
  CHECK(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &bound_length) == 0);
  const auto index = static_cast<std::uint32_t>(listeners_.size());
  epoll_event event = {.events = EPOLLIN, .data = {.u64 = pack(Source::listener, index)}};
  CHECK(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, socket.get(), &event) == 0);
  listeners_.push_back({.socket = std::move(socket), .tls = std::move(tls)});
  return Endpoint::from(reinterpret_cast<const sockaddr*>(&address));
}

void HttpServer::run() {
  std::array<epoll_event, kEventsPerTurn> events;
  while (!stopping_.load(std::memory_order_acquire)) {
    const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), wait_ms());
    for (int i = 0; i < count; ++i) {
      const auto index = static_cast<std::uint32_t>(events[i].data.u64);
      switch (static_cast<Source>(events[i].data.u64 >> 32)) {
        case Source::wake: break;
        case Source::listener: accept_all(listeners_[index]); break;
        case Source::connection: read_from(index); break;
      }
    }
    handler_.on_time(monotonic_ms());
    flush_dirty();
  }
}

void HttpServer::stop() {
  stopping_.store(true, std::memory_order_release);
  const std::uint64_t one = 1;
  CHECK(::write(wake_.get(), &one, sizeof one) == sizeof one);
}

int HttpServer::wait_ms() const {
  const auto deadline = handler_.next_deadline_ms();
  if (!deadline) return -1;
  const std::uint64_t now = monotonic_ms();
  return *deadline <= now ? 0 : static_cast<int>(std::min<std::uint64_t>(*deadline - now, 60'000));
}

void HttpServer::accept_all(const Listener& listener) {
  for (;;) {
    Descriptor socket(
        ::accept4(listener.socket.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket) return;  // none left, or none to be had: epoll says when to try again
    const int on = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    std::uint32_t index = 0;
    if (free_.empty()) {
      index = static_cast<std::uint32_t>(slots_.size());
      slots_.emplace_back();
    } else {
      index = free_.back();
      free_.pop_back();
    }
    epoll_event event = {.events = EPOLLIN | EPOLLRDHUP,
                         .data = {.u64 = pack(Source::connection, index)}};
    CHECK(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, socket.get(), &event) == 0);
    slots_[index].connection =
        std::make_unique<Connection>(std::move(socket), listener.tls.get(), max_streams_);
    ++stats_.connections_accepted;
    ++stats_.connections_open;
  }
}

void HttpServer::read_from(std::uint32_t index) {
  // The slot may have been emptied earlier in this turn.
  Connection* connection = slots_[index].connection.get();
  if (connection == nullptr) return;
  const bool was_http2 = connection->is_http2();
  Arrivals arrivals;
  const bool open = connection->receive(arrivals);
  if (!was_http2 && connection->is_http2()) ++stats_.http2_connections;
  hand_over(index, std::move(arrivals));
  if (open) {
    mark_dirty(index);
  } else {
    close(index);
  }
}

void HttpServer::hand_over(std::uint32_t index, Arrivals&& arrivals) {
  const std::uint32_t generation = slots_[index].generation;
  const bool http2 = slots_[index].connection->is_http2();
  (http2 ? stats_.http2_streams : stats_.http1_requests) += arrivals.requests.size();
  for (auto& [stream, request] : arrivals.requests)
    handler_.on_request({index, generation, stream}, std::move(request));
  for (const std::int32_t stream : arrivals.gone) handler_.on_gone({index, generation, stream});
}

void HttpServer::flush_dirty() {
  // Flushing may bring a pipelined request to light, whose answer makes the connection dirty again.
  while (!dirty_.empty()) {
    const std::vector<std::uint32_t> batch = std::exchange(dirty_, {});
    for (const std::uint32_t index : batch) flush(index);
  }
}

void HttpServer::flush(std::uint32_t index) {
  slots_[index].dirty = false;
  Connection* connection = slots_[index].connection.get();
  if (connection == nullptr) return;
  Arrivals arrivals;
  const bool open = connection->flush(arrivals);
  hand_over(index, std::move(arrivals));
  if (!open) return close(index);
  Slot& slot = slots_[index];
  if (connection->wants_write() == slot.watches_write) return;
  slot.watches_write = !slot.watches_write;
  epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | (slot.watches_write ? EPOLLOUT : 0U),
                       .data = {.u64 = pack(Source::connection, index)}};
  CHECK(::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, connection->fd(), &event) == 0);
}

void HttpServer::close(std::uint32_t index) {
  Slot& slot = slots_[index];
  handler_.on_gone({index, slot.generation, kAllStreams});
  slot.connection.reset();
  slot.watches_write = false;
  ++slot.generation;
  free_.push_back(index);
  --stats_.connections_open;
}

void HttpServer::mark_dirty(std::uint32_t index) {
  if (std::exchange(slots_[index].dirty, true)) return;
  dirty_.push_back(index);
}

Connection* HttpServer::find(StreamKey key) {
  if (key.connection >= slots_.size()) return nullptr;
  const Slot& slot = slots_[key.connection];
  return slot.generation == key.generation ? slot.connection.get() : nullptr;
}

void HttpServer::respond(StreamKey key, HttpReply&& reply) {
  Connection* connection = find(key);
  if (connection == nullptr || connection->session() == nullptr) return;
  connection->session()->respond(key.stream, std::move(reply));
  mark_dirty(key.connection);
}

void HttpServer::append(StreamKey key, std::string_view text) {
  Connection* connection = find(key);
  if (connection == nullptr || connection->session() == nullptr) return;
  connection->session()->append(key.stream, text);
  mark_dirty(key.connection);
}

}  // namespace sallyport::lab
