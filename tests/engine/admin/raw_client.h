#pragma once
// A TCP client that sends whatever a test wants, also what no HTTP library would.

#include <cerrno>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include "engine/ring/file_descriptor.h"
#include "protocol/ip_address.h"

namespace sallyport::admin {

class RawClient {
 public:
  /// A test that waits this long for the server has failed.
  static constexpr int kPatienceMs = 20'000;

  explicit RawClient(const Endpoint& server) {
    sockaddr_storage address{};
    const std::uint32_t length = server.fill(address);
    socket_ = ring::FileDescriptor(::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), length), 0);
  }

  /// False: the server has closed.
  bool send(std::string_view octets) {
    while (!octets.empty()) {
      const ssize_t sent = ::send(socket_.get(), octets.data(), octets.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      octets.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  /// Everything until the server closes.
  std::string read_to_end() {
    while (read_some()) {
    }
    return std::move(received_);
  }

  /// One response: up to the end of its head and `Content-Length` more (none for `head_only`).
  std::string read_response(bool head_only = false) {
    for (;;) {
      const std::size_t head = received_.find("\r\n\r\n");
      if (head != std::string::npos) {
        std::size_t whole = head + 4;
        const std::size_t field = received_.find("Content-Length: ");
        if (!head_only && field < head) whole += std::stoul(received_.substr(field + 16, 20));
        if (received_.size() >= whole) {
          std::string response = received_.substr(0, whole);
          received_.erase(0, whole);
          return response;
        }
      }
      if (!read_some()) return std::move(received_);
    }
  }

 private:
  bool read_some() {
    pollfd readable{.fd = socket_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&readable, 1, kPatienceMs) != 1) {
      ADD_FAILURE() << "the server neither answered nor closed; so far: " << received_;
      return false;
    }
    char buffer[4096];
    const ssize_t n = ::recv(socket_.get(), buffer, sizeof buffer, 0);
    if (n > 0) received_.append(buffer, static_cast<std::size_t>(n));
    return n > 0;
  }

  ring::FileDescriptor socket_;
  std::string received_;
};

}  // namespace sallyport::admin
