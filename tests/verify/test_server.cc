#include "tests/verify/test_server.h"

#include <algorithm>
#include <cstdlib>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/check.h"

namespace sallyport::verify {
namespace {

/// One request off the connection, or false at its end.
bool read_request(int connection, std::string& pending, TestRequest& request) {
  char octets[4096];
  for (;;) {
    const auto head_end = pending.find("\r\n\r\n");
    if (head_end != std::string::npos) {
      const std::string head = pending.substr(0, head_end + 2);
      std::size_t length = 0;
      if (const auto at = head.find("Content-Length: "); at != std::string::npos)
        length = static_cast<std::size_t>(std::atol(head.c_str() + at + 16));
      if (pending.size() >= head_end + 4 + length) {
        request.method = head.substr(0, head.find(' '));
        const auto path_at = request.method.size() + 1;
        request.path = head.substr(path_at, head.find(' ', path_at) - path_at);
        request.headers = head;
        request.body = pending.substr(head_end + 4, length);
        pending.erase(0, head_end + 4 + length);
        return true;
      }
    }
    const auto got = ::recv(connection, octets, sizeof octets, 0);
    if (got <= 0) return false;
    pending.append(octets, static_cast<std::size_t>(got));
  }
}

}  // namespace

TestServer::TestServer(std::function<TestReply(const TestRequest&)> handle)
    : handle_(std::move(handle)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof address;
  CHECK(::bind(listener_, any, size) == 0 && ::listen(listener_, 1024) == 0);
  CHECK(::getsockname(listener_, any, &size) == 0);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_loop(); });
}

TestServer::~TestServer() {
  stopping_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  {
    const std::lock_guard lock(mutex_);
    for (const int connection : connections_) ::shutdown(connection, SHUT_RDWR);
  }
  for (auto& thread : threads_) thread.join();
  for (const int connection : connections_) ::close(connection);
  ::close(listener_);
}

void TestServer::accept_loop() {
  while (!stopping_) {
    const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) return;
    const std::lock_guard lock(mutex_);
    connections_.push_back(connection);
    threads_.emplace_back([this, connection] { serve(connection); });
  }
}

void TestServer::serve(int connection) {
  std::string pending;
  TestRequest request;
  while (read_request(connection, pending, request)) {
    TestReply reply;
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
      reply = handle_(request);
    }
    if (reply.cut) break;
    const std::string text =
        fmt::format("HTTP/1.1 {} X\r\nContent-Length: {}\r\n{}\r\n{}", reply.status,
                    reply.body.size(), reply.headers, reply.body);
    if (::send(connection, text.data(), text.size(), MSG_NOSIGNAL) < 0) break;
  }
  ::shutdown(connection, SHUT_RDWR);
}

std::string TestServer::origin() const { return fmt::format("http://127.0.0.1:{}", port_); }

int TestServer::count(const std::string& beginning) const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(std::ranges::count_if(requests_, [&](const TestRequest& request) {
    return (request.method + " " + request.path).starts_with(beginning);
  }));
}

std::vector<TestRequest> TestServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

}  // namespace sallyport::verify
