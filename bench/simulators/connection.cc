#include "bench/simulators/connection.h"

#include <array>
#include <cerrno>

#include <openssl/err.h>
#include <sys/socket.h>

namespace sallyport::lab {
namespace {

/// RFC 9113 §3.4 begins with these; no HTTP/1 method does.
constexpr std::string_view kHttp2Preface = "PRI * HTTP/2.0\r\n";

}  // namespace

Connection::Connection(Descriptor socket, const TlsContext* tls, std::uint32_t max_streams)
    : socket_(std::move(socket)), max_streams_(max_streams) {
  if (tls != nullptr) ssl_ = tls->accept(socket_.get());
}

bool Connection::receive(Arrivals& arrivals) {
  std::array<std::uint8_t, 16 * 1024> buffer;
  for (;;) {
    const IoResult result = read(buffer);
    if (result.io == Io::later) return true;
    if (result.io == Io::over) return false;
    if (!broken_ && !take(Octets(buffer).first(result.octets), arrivals)) broken_ = true;
  }
}

bool Connection::take(Octets octets, Arrivals& arrivals) {
  if (session_) return session_->receive(octets, arrivals);
  if (ssl_) {
    const std::uint8_t* name = nullptr;
    unsigned length = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &length);
    choose_protocol(as_text({name, length}) == "h2");
    return session_->receive(octets, arrivals);
  }
  preface_.append(as_text(octets));
  const bool may_be_http2 = preface_.starts_with(
      kHttp2Preface.substr(0, std::min(preface_.size(), kHttp2Preface.size())));
  if (may_be_http2 && preface_.size() < kHttp2Preface.size()) return true;
  choose_protocol(may_be_http2);
  const std::string first = std::move(preface_);
  preface_ = std::string();
  return session_->receive(as_octets(first), arrivals);
}

void Connection::choose_protocol(bool http2) {
  http2_ = http2;
  session_ = http2 ? make_http2_session(max_streams_) : make_http1_session();
}

bool Connection::flush(Arrivals& arrivals) {
  if (session_) session_->write(output_, arrivals);
  std::size_t written = 0;
  while (written < output_.size()) {
    const IoResult result = write(as_octets(output_).subspan(written));
    if (result.io == Io::over) return false;
    if (result.io == Io::later) break;
    written += result.octets;
  }
  output_.erase(0, written);
  if (output_.empty()) output_.shrink_to_fit();
  const bool ended = broken_ || (session_ && session_->finished());
  if (!ended || !output_.empty()) return true;
  // A clean end: the client reads all that was sent before it sees the close.
  if (ssl_) SSL_shutdown(ssl_.get());
  ::shutdown(socket_.get(), SHUT_WR);
  return false;
}

Connection::IoResult Connection::read(MutableOctets buffer) {
  if (!ssl_) {
    const ssize_t octets = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (octets > 0) return {Io::done, static_cast<std::size_t>(octets)};
    if (octets < 0 && (errno == EAGAIN || errno == EINTR)) return {Io::later, 0};
    return {Io::over, 0};
  }
  ERR_clear_error();
  const int octets = SSL_read(ssl_.get(), buffer.data(), static_cast<int>(buffer.size()));
  if (octets > 0) return {Io::done, static_cast<std::size_t>(octets)};
  const int error = SSL_get_error(ssl_.get(), octets);
  tls_wants_write_ = error == SSL_ERROR_WANT_WRITE;
  return {error == SSL_ERROR_WANT_READ || tls_wants_write_ ? Io::later : Io::over, 0};
}

Connection::IoResult Connection::write(Octets octets) {
  if (!ssl_) {
    const ssize_t written = ::send(socket_.get(), octets.data(), octets.size(), MSG_NOSIGNAL);
    if (written >= 0) return {Io::done, static_cast<std::size_t>(written)};
    return {errno == EAGAIN || errno == EINTR ? Io::later : Io::over, 0};
  }
  ERR_clear_error();
  const int written = SSL_write(ssl_.get(), octets.data(), static_cast<int>(octets.size()));
  if (written > 0) return {Io::done, static_cast<std::size_t>(written)};
  const int error = SSL_get_error(ssl_.get(), written);
  const bool later = error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ;
  return {later ? Io::later : Io::over, 0};
}

}  // namespace sallyport::lab
