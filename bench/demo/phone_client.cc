#include "bench/demo/phone_client.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "bench/simulators/descriptor.h"

namespace sallyport::lab {
namespace {

namespace http = boost::beast::http;

std::unexpected<std::string> failed(std::string_view what) {
  return std::unexpected(fmt::format("the phone page: {}: {}", what, std::strerror(errno)));
}

}  // namespace

std::expected<std::uint16_t, std::string> press(const Endpoint& phone, std::string_view uuid,
                                                std::string_view verdict) {
  sockaddr_storage address{};
  const socklen_t length = phone.fill(address);
  const Descriptor socket(::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience = {.tv_sec = 5, .tv_usec = 0};
  if (!socket ||
      ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0 ||
      ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0)
    return failed("cannot connect");
  const std::string body = fmt::format("answer={}", verdict);
  const std::string request = fmt::format(
      "POST /phone/requests/{} HTTP/1.1\r\nHost: {}\r\nAccept: application/json\r\n"
      "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n"
      "Connection: close\r\n\r\n{}",
      uuid, phone.text(), body.size(), body);
  if (::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size()))
    return failed("cannot send");
  http::response_parser<http::string_body> parser;
  parser.eager(true);
  std::string input;
  while (!parser.is_done()) {
    std::array<char, 4096> buffer;
    const ssize_t octets = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
    if (octets <= 0) return failed("no answer");
    input.append(buffer.data(), static_cast<std::size_t>(octets));
    boost::beast::error_code error;
    input.erase(0, parser.put(boost::asio::buffer(input), error));
    if (error && error != http::error::need_more) return failed("an answer that is not HTTP");
  }
  return static_cast<std::uint16_t>(parser.get().result_int());
}

}  // namespace sallyport::lab
