#include "engine/admin/http_connection.h"

#include <cerrno>
#include <utility>

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

namespace sallyport::admin {
namespace {

std::string_view reason_of(unsigned status) noexcept {
  switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 413: return "Content Too Large";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    default: return "Error";  // a number of HTTP's, not an enum of ours
  }
}

std::string response_head(const Page& page, bool last, std::string_view more_fields) {
  return fmt::format(
      "HTTP/1.1 {} {}\r\n"
      "Content-Type: {}\r\n"
      "Content-Length: {}\r\n"
      "Connection: {}\r\n"
      "Cache-Control: no-store\r\n"
      "X-Content-Type-Options: nosniff\r\n"
      "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"
      "Referrer-Policy: no-referrer\r\n"
      "{}\r\n",
      page.status, reason_of(page.status), page.content_type, page.body.size(),
      last ? "close" : "keep-alive", more_fields);
}

}  // namespace

HttpConnection::HttpConnection(ring::FileDescriptor socket, const HttpListener::Handler& handler,
                               const HttpLimits& limits, std::uint64_t now_ms)
    : socket_(std::move(socket)), handler_(handler), limits_(limits) {
  enter(ConnectionState::reading, now_ms);
}

void HttpConnection::enter(ConnectionState state, std::uint64_t now_ms) noexcept {
  state_ = state;
  switch (state) {
    case ConnectionState::idle: deadline_ms_ = now_ms + limits_.idle_ms; break;
    case ConnectionState::reading: deadline_ms_ = now_ms + limits_.request_ms; break;
    case ConnectionState::writing: deadline_ms_ = now_ms + limits_.response_ms; break;
    case ConnectionState::lingering: deadline_ms_ = now_ms + limits_.linger_ms; break;
    case ConnectionState::closed: break;
  }
}

short HttpConnection::events() const noexcept {
  return state_ == ConnectionState::writing ? POLLOUT : POLLIN;
}

void HttpConnection::expire(std::uint64_t now_ms) noexcept {
  if (now_ms >= deadline_ms_) state_ = ConnectionState::closed;
}

void HttpConnection::ready(std::uint64_t now_ms) {
  switch (state_) {
    case ConnectionState::idle:
    case ConnectionState::reading:
      if (read_some(now_ms)) advance(now_ms);
      break;
    case ConnectionState::writing: advance(now_ms); break;
    case ConnectionState::lingering: discard_some(); break;
    case ConnectionState::closed: break;
  }
}

bool HttpConnection::read_some(std::uint64_t now_ms) {
  char buffer[kMaxRequestOctets];
  const ssize_t received = ::recv(socket_.get(), buffer, sizeof buffer, 0);
  if (received < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (received <= 0) {
    state_ = ConnectionState::closed;  // gone, in order or not: there is nobody to tell
    return false;
  }
  input_.append(buffer, static_cast<std::size_t>(received));
  // The clock of a request runs from its first octet, whatever trickles in after it.
  if (state_ == ConnectionState::idle) enter(ConnectionState::reading, now_ms);
  return true;
}

void HttpConnection::advance(std::uint64_t now_ms) {
  // Several requests may have come in one segment: one after the other, each answered before the
  // next is looked at, so that output_ never holds more than one response.
  for (;;) {
    if (state_ == ConnectionState::reading) parse(now_ms);
    if (state_ != ConnectionState::writing) return;
    write_some(now_ms);
    if (state_ != ConnectionState::reading) return;
  }
}

void HttpConnection::parse(std::uint64_t now_ms) {
  switch (parser_.feed(input_)) {
    case ParseState::incomplete: return;
    case ParseState::complete: answer(now_ms); return;
    case ParseState::bad: refuse(parser_.status(), now_ms); return;
  }
}

void HttpConnection::answer(std::uint64_t now_ms) {
  const HttpRequest& request = parser_.request();
  const bool head = request.method == "HEAD";
  if (!head && request.method != "GET") {
    refuse(405, now_ms);
    return;
  }
  const Page page = handler_(request.path);
  last_ = !request.keep_alive || request.http_1_0;
  output_ = response_head(page, last_, "");
  if (!head) output_ += page.body;
  parser_.reset();
  enter(ConnectionState::writing, now_ms);
}

void HttpConnection::refuse(unsigned status, std::uint64_t now_ms) {
  const Page page{.status = status,
                  .content_type = "text/plain; charset=utf-8",
                  .body = fmt::format("{}\n", reason_of(status))};
  last_ = true;
  output_ = response_head(page, last_, status == 405 ? "Allow: GET, HEAD\r\n" : "") + page.body;
  enter(ConnectionState::writing, now_ms);
}

void HttpConnection::write_some(std::uint64_t now_ms) {
  while (written_ < output_.size()) {
    const ssize_t sent =
        ::send(socket_.get(), output_.data() + written_, output_.size() - written_, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) return;
    if (sent <= 0) {
      state_ = ConnectionState::closed;
      return;
    }
    written_ += static_cast<std::size_t>(sent);
  }
  output_.clear();
  written_ = 0;
  if (last_) {
    // Closing with octets unread would reset the connection, and the peer could lose the response.
    ::shutdown(socket_.get(), SHUT_WR);
    enter(ConnectionState::lingering, now_ms);
    return;
  }
  enter(input_.empty() ? ConnectionState::idle : ConnectionState::reading, now_ms);
}

void HttpConnection::discard_some() noexcept {
  char buffer[kMaxRequestOctets];
  const ssize_t received = ::recv(socket_.get(), buffer, sizeof buffer, 0);
  if (received > 0 || (received < 0 && (errno == EAGAIN || errno == EINTR))) return;
  state_ = ConnectionState::closed;
}

}  // namespace sallyport::admin
