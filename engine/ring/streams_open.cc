// How a stream begins: accepted from a listener, or connected by us.

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/ring/congestion.h"
#include "engine/ring/keep_alive.h"
#include "engine/ring/streams_core.h"
#include "protocol/check.h"

namespace sallyport::ring {
namespace {

/// What to do after an accept has failed.
enum class AcceptOutcome : std::uint8_t {
  again,  ///< one connection was lost, or nothing at all is wrong
  later,  ///< no descriptor or memory left
  never,  ///< the listening socket is no good any more
};

AcceptOutcome judge_accept(int error) noexcept {
  switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM: return AcceptOutcome::later;
    case EBADF:   // closed under us
    case EINVAL:  // shut down
    case ENOTSOCK:
    case EOPNOTSUPP: return AcceptOutcome::never;
    case ECANCELED:     // by ourselves
    case ECONNABORTED:  // reset before we came
    case EAGAIN:
    case EINTR:
    default: return AcceptOutcome::again;  // accept(2): the new socket's own pending error
  }
}

bool bind_locally(int fd, const IpAddress& source) noexcept {
  sockaddr_storage address{};
  const std::uint32_t octets = Endpoint{.address = source, .port = 0}.fill(address);
  return ::bind(fd, reinterpret_cast<const sockaddr*>(&address), octets) == 0;
}

bool is_unix_socket(int fd) noexcept {
  sockaddr_storage address{};
  socklen_t octets = sizeof(address);
  CHECK(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &octets) == 0);
  return address.ss_family == AF_UNIX;
}

}  // namespace

Stream* Streams::Impl::begin(int fd, StreamState state) noexcept {
  std::uint32_t index = first_free;
  if (index != StreamId::kNone) {
    first_free = records[index].next_free;
  } else {
    if (used == plan.max_streams) return nullptr;
    index = used++;
    std::construct_at(&records[index]);
  }
  Stream& stream = records[index];
  Stream fresh;
  fresh.generation = fresh.incarnation = stream.generation;
  fresh.in_dirty = stream.in_dirty;
  fresh.in_to_arm = stream.in_to_arm;
  fresh.in_to_send = stream.in_to_send;
  fresh.fd = fd;
  stream = std::move(fresh);
  stream.progress_ms = now_ms;
  enter(stream, state);
  ++open;
  return &stream;
}

// --- Listeners -------------------------------------------------------------------------------

void Streams::listen(std::uint16_t listener, int fd) {
  impl_->listeners.push_back({.number = listener, .fd = fd, .is_unix = is_unix_socket(fd)});
}

void Streams::Impl::update_accepting() noexcept {
  const bool may_accept = now_ms >= accept_again_ms && open < plan.max_streams / 8 * 7 &&
                          buffers.in_use() <= buffers.most() / 8 * 7;
  for (std::uint32_t index = 0; index < listeners.size(); ++index) {
    Listener& listener = listeners[index];
    const bool want = may_accept && listener.wanted;
    if (want == listener.armed || listener.cancelling) continue;
    const Tag accept{.operation = ours(Operation::accept), .index = index};
    if (want) {
      ring.accept(listener.fd, accept);
      listener.armed = true;
    } else {
      ring.cancel(accept, {.operation = ours(Operation::stream_cancel),
                           .generation = Tag::kGenerationMask,  // not a stream's
                           .index = index});
      listener.cancelling = true;
    }
    ++in_flight;
  }
}

void Streams::Impl::accept_completed(const Completion& completion) noexcept {
  Listener& listener = listeners[completion.tag.index];
  if (!completion.more()) {
    listener.armed = false;
    --in_flight;
  }
  if (completion.result >= 0) return accepted(listener, completion.result);
  switch (judge_accept(-completion.result)) {
    case AcceptOutcome::again: break;
    case AcceptOutcome::later: accept_again_ms = now_ms + kAcceptRetryMs; break;
    case AcceptOutcome::never: listener.wanted = false; break;
  }
}

void Streams::Impl::accepted(const Listener& listener, int fd) noexcept {
  sockaddr_storage address{};
  socklen_t octets = sizeof(address);
  const bool connected =
      listener.is_unix || ::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &octets) == 0;
  Stream* const stream = connected && !shutting_down ? begin(fd, StreamState::open) : nullptr;
  if (stream == nullptr) {  // reset already; or too many came at once, before the cancel
    ::close(fd);
    return;
  }
  stream->listener = listener.number;
  stream->is_unix = listener.is_unix;
  if (!listener.is_unix) stream->peer = Endpoint::from(reinterpret_cast<sockaddr*>(&address));
  note(*stream, StreamEventKind::accepted);
  want_armed(*stream);
}

// --- Connect ---------------------------------------------------------------------------------

StreamId Streams::connect(const Endpoint& to, std::uint64_t owner, TlsClientContext* tls,
                          std::string_view server_name, const IpAddress* source) {
  sockaddr_storage address{};
  const std::uint32_t octets = to.fill(address);
  auto session = tls != nullptr ? std::make_unique<StreamTls>(tls->open(to, server_name)) : nullptr;
  return impl_->connect(reinterpret_cast<const sockaddr*>(&address), octets, to, owner,
                        std::move(session), source);
}

StreamId Streams::connect_unix(std::string_view path, std::uint64_t owner) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) return {};
  std::memcpy(address.sun_path, path.data(), path.size());
  // "@name" is a name in the abstract namespace, which begins with a zero and ends with its length.
  const bool is_abstract = path.front() == '@';
  if (is_abstract) address.sun_path[0] = '\0';
  const std::size_t octets = offsetof(sockaddr_un, sun_path) + path.size() + (is_abstract ? 0 : 1);
  return impl_->connect(reinterpret_cast<const sockaddr*>(&address),
                        static_cast<std::uint32_t>(octets), {}, owner, nullptr, nullptr);
}

StreamId Streams::Impl::connect(const sockaddr* address, std::uint32_t octets, const Endpoint& peer,
                                std::uint64_t owner, std::unique_ptr<StreamTls> tls,
                                const IpAddress* source) noexcept {
  if (shutting_down) return {};
  const int fd = ::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return {};
  const bool bound = source == nullptr || bind_locally(fd, *source);
  Message* const kept = bound ? message() : nullptr;
  Stream* const stream = kept == nullptr ? nullptr : begin(fd, StreamState::connecting);
  if (stream == nullptr) {
    ::close(fd);
    return {};
  }
  stream->owner = owner;
  stream->tls = std::move(tls);
  stream->peer = peer;
  stream->is_unix = address->sa_family == AF_UNIX;
  stream->quiet = true;  // a server speaks when it has been asked
  if (!stream->is_unix) {
    const int on = 1;
    static_cast<void>(::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)));
    static_cast<void>(find_dead_peers(fd));
    spare_congestion_control(fd, peer.address);
  }
  std::memcpy(&kept->address, address, octets);
  ring.connect(fd, reinterpret_cast<const sockaddr&>(kept->address), octets,
               tag(Operation::connect, *stream));
  requested(*stream);
  return id_of(*stream);
}

void Streams::Impl::connect_completed(Stream& stream, int result) noexcept {
  came_home(stream);
  if (stream.state != StreamState::connecting) return;
  if (result < 0) return fail(stream, judge_stream_error(-result));
  enter(stream, StreamState::open);
  stream.progress_ms = now_ms;
  want_armed(stream);
  if (stream.tls != nullptr) return shake_hands(stream);
  note(stream, StreamEventKind::connected);
  if (!stream.out.empty() || stream.end_wanted) want_sent(stream);
}

// --- What is known of a stream ---------------------------------------------------------------

const Endpoint& Streams::peer(StreamId stream) const noexcept {
  static const Endpoint kNobody;
  const Stream* const found = impl_->find(stream);
  return found == nullptr ? kNobody : found->peer;
}

Endpoint Streams::local(StreamId stream) const noexcept {
  const Stream* const found = impl_->find(stream);
  if (found == nullptr || found->is_unix) return {};
  sockaddr_storage address{};
  socklen_t octets = sizeof(address);
  if (::getsockname(found->fd, reinterpret_cast<sockaddr*>(&address), &octets) != 0) return {};
  return Endpoint::from(reinterpret_cast<const sockaddr*>(&address));
}

}  // namespace sallyport::ring
