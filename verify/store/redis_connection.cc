#include "verify/store/redis_connection.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include "verify/clock.h"

namespace sallyport::verify {
namespace {

std::unexpected<RedisFault> fault(std::string text) {
  return std::unexpected(RedisFault{.sent = false, .text = std::move(text)});
}

std::unexpected<RedisFault> fault_of(int error) {
  return fault(std::generic_category().message(error));
}

}  // namespace

std::expected<std::unique_ptr<RedisConnection>, RedisFault> RedisDialer::dial(
    const RedisServer& server, RedisPeer peer, std::uint64_t until_ms, int wake) {
  const auto endpoints = resolver_.find(server.host, server.port, until_ms);
  if (endpoints.empty()) return fault("its name has no address");
  std::unique_ptr<RedisConnection> connection(new RedisConnection(wake));
  if (auto done = connection->connect(endpoints, until_ms); !done) {
    return std::unexpected(std::move(done.error()));
  }
  if (tls_) {
    if (auto done = connection->shake_hands(*tls_, server.host, until_ms); !done) {
      return std::unexpected(std::move(done.error()));
    }
  }
  if (auto done = log_in(*connection, peer, until_ms); !done) {
    return std::unexpected(std::move(done.error()));
  }
  return connection;
}

std::expected<void, RedisFault> RedisDialer::log_in(RedisConnection& connection, RedisPeer peer,
                                                    std::uint64_t until_ms) const {
  const auto must = [&](const RedisCommand& command,
                        const char* what) -> std::expected<RedisReply, RedisFault> {
    std::string wire = to_wire(command);
    auto reply = connection.ask(wire, until_ms);
    wipe({reinterpret_cast<std::uint8_t*>(wire.data()), wire.size()});
    if (!reply) return fault(reply.error().text);
    if (reply->is_error()) return fault(std::string(what) + std::string(reply->error_word()));
    return reply;
  };
  const bool to_sentinel = peer == RedisPeer::sentinel;
  const std::string& user = to_sentinel ? settings_.sentinel_user : settings_.user;
  const Secret& password = to_sentinel ? settings_.sentinel_password : settings_.password;
  if (!password.empty()) {
    RedisCommand command{"AUTH"};
    if (!user.empty()) command.push_back(user);
    command.push_back(as_text(password.reveal()));
    if (auto done = must(command, "it refuses our login: "); !done) {
      return std::unexpected(std::move(done.error()));
    }
  }
  if (!to_sentinel && settings_.database != 0) {
    const std::string number = std::to_string(settings_.database);
    if (auto done = must({"SELECT", number}, "it refuses our database: "); !done) {
      return std::unexpected(std::move(done.error()));
    }
  }
  if (peer != RedisPeer::master) return {};
  const auto role = must({"ROLE"}, "it does not tell its role: ");
  if (!role) return std::unexpected(role.error());
  if (role->elements.empty() || role->elements.front().text != "master") {
    return fault("it is not the master");
  }
  return {};
}

RedisConnection::RedisConnection(int wake) : wake_(wake) {}

RedisConnection::~RedisConnection() = default;

std::expected<void, RedisFault> RedisConnection::connect(const std::vector<Endpoint>& endpoints,
                                                         std::uint64_t until_ms) {
  std::expected<void, RedisFault> last = fault("its name has no address");
  for (std::size_t at = 0; at < endpoints.size(); ++at) {
    ::sockaddr_storage to{};
    const std::uint32_t length = endpoints[at].fill(to);
    socket_ = FileDescriptor(
        ::socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
    if (!socket_.valid()) return fault_of(errno);
    const int on = 1;
    ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    int error = 0;
    if (::connect(socket_.get(), reinterpret_cast<const ::sockaddr*>(&to), length) != 0) {
      error = errno;
    }
    if (error == EINPROGRESS) {
      // An address that swallows everything leaves time for the next.
      const std::uint64_t now_ms = monotonic_ms();
      const std::uint64_t left_ms = until_ms > now_ms ? until_ms - now_ms : 0;
      last = wait(POLLOUT, now_ms + left_ms / (endpoints.size() - at));
      if (!last) continue;
      ::socklen_t size = sizeof error;
      if (::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    }
    if (error == 0) return {};
    last = fault_of(error);
  }
  return last;
}

std::expected<void, RedisFault> RedisConnection::shake_hands(const RedisTls& tls,
                                                             const std::string& host,
                                                             std::uint64_t until_ms) {
  ssl_ = tls.session(socket_.get(), host);
  for (;;) {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_.get());
    if (result == 1) return {};
    const auto wanted = tls_wants(result);
    if (!wanted) return fault("TLS: " + wanted.error().text);
    if (auto ready = wait(*wanted, until_ms); !ready) return ready;
  }
}

std::expected<void, RedisFault> RedisConnection::wait(short events, std::uint64_t until_ms) {
  for (;;) {
    const std::uint64_t now_ms = monotonic_ms();
    const std::uint64_t left_ms = until_ms > now_ms ? until_ms - now_ms : 0;
    std::array<::pollfd, 2> watched{{{.fd = socket_.get(), .events = events, .revents = 0},
                                     {.fd = wake_, .events = POLLIN, .revents = 0}}};
    const int ready = ::poll(watched.data(), watched.size(),
                             static_cast<int>(std::min<std::uint64_t>(left_ms, 3'600'000)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return fault_of(errno);
    if (watched[1].revents != 0) return fault("we are stopping");
    if (watched[0].revents != 0) return {};
    if (left_ms == 0) {
      timed_out_ = true;
      return fault("it did not answer in time");
    }
  }
}

std::expected<short, RedisFault> RedisConnection::tls_wants(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ: return static_cast<short>(POLLIN);
    case SSL_ERROR_WANT_WRITE: return static_cast<short>(POLLOUT);
    default: return fault(take_tls_error(ssl_.get()));  // all others end the session
  }
}

std::expected<std::size_t, RedisFault> RedisConnection::write_some(std::string_view octets,
                                                                   std::uint64_t until_ms) {
  for (;;) {
    short wanted = POLLOUT;
    if (ssl_) {
      ERR_clear_error();
      const int size = static_cast<int>(std::min<std::size_t>(octets.size(), 1U << 20));
      const int result = SSL_write(ssl_.get(), octets.data(), size);
      if (result > 0) return static_cast<std::size_t>(result);
      const auto wants = tls_wants(result);
      if (!wants) return std::unexpected(wants.error());
      wanted = *wants;
    } else {
      const ssize_t sent = ::send(socket_.get(), octets.data(), octets.size(), MSG_NOSIGNAL);
      if (sent >= 0) return static_cast<std::size_t>(sent);
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return fault_of(errno);
    }
    if (auto ready = wait(wanted, until_ms); !ready) return std::unexpected(ready.error());
  }
}

std::expected<std::size_t, RedisFault> RedisConnection::read_some(char* out, std::size_t room,
                                                                  std::uint64_t until_ms) {
  for (;;) {
    short wanted = POLLIN;
    if (ssl_) {
      ERR_clear_error();
      const int result = SSL_read(ssl_.get(), out, static_cast<int>(room));
      if (result > 0) return static_cast<std::size_t>(result);
      const auto wants = tls_wants(result);
      if (!wants) return std::unexpected(wants.error());
      wanted = *wants;
    } else {
      const ssize_t got = ::recv(socket_.get(), out, room, 0);
      if (got > 0) return static_cast<std::size_t>(got);
      if (got == 0) return fault("it closed the connection");
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return fault_of(errno);
    }
    if (auto ready = wait(wanted, until_ms); !ready) return std::unexpected(ready.error());
  }
}

std::expected<void, RedisFault> RedisConnection::send(std::string_view wire,
                                                      std::uint64_t until_ms) {
  while (!wire.empty()) {
    const auto written = write_some(wire, until_ms);
    // Not "sent": half a command is never carried out.
    if (!written) return std::unexpected(written.error());
    wire.remove_prefix(*written);
  }
  return {};
}

std::expected<RedisReply, RedisFault> RedisConnection::receive(std::uint64_t until_ms) {
  timed_out_ = false;
  std::array<char, 16'384> octets;
  for (;;) {
    auto reply = reader_.next();
    if (!reply) return std::unexpected(RedisFault{true, "its answer is not Redis' protocol"});
    if (*reply) return std::move(**reply);
    const auto got = read_some(octets.data(), octets.size(), until_ms);
    if (!got) return std::unexpected(RedisFault{true, got.error().text});
    if (!reader_.feed({octets.data(), *got})) {
      return std::unexpected(RedisFault{true, "its answer is too long"});
    }
  }
}

std::expected<RedisReply, RedisFault> RedisConnection::ask(std::string_view wire,
                                                           std::uint64_t until_ms) {
  if (auto sent = send(wire, until_ms); !sent) return std::unexpected(std::move(sent.error()));
  return receive(until_ms);
}

bool RedisConnection::stale() const noexcept {
  // An idle server says nothing: octets are the end, or an error before it. TLS 1.3 tickets were
  // read with the first answer.
  ::pollfd watched{.fd = socket_.get(), .events = POLLIN, .revents = 0};
  return ::poll(&watched, 1, 0) != 0;
}

}  // namespace sallyport::verify
