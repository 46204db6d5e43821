#include "engine/admin/http_parser.h"

#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>

namespace sallyport::admin {
namespace {

namespace http = boost::beast::http;

unsigned status_for(const boost::beast::error_code& error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow) return 431;
  if (error == http::error::unexpected_body || error == http::error::body_limit) return 413;
  if (error == http::error::bad_version) return 505;
  return 400;
}

/// RFC 9112 §3.2: "/path?query", or "http://host/path?query" as sent to a proxy.
std::string path_of(std::string_view target) {
  constexpr std::string_view kScheme = "http://";
  if (target.starts_with(kScheme)) {
    target.remove_prefix(kScheme.size());
    const std::size_t slash = target.find('/');
    target = slash == std::string_view::npos ? "/" : target.substr(slash);
  }
  return std::string(target.substr(0, target.find('?')));
}

}  // namespace

struct HttpParser::Beast {
  http::request_parser<http::empty_body> parser;
  Beast() {
    parser.header_limit(kMaxRequestOctets);
    parser.body_limit(0);
  }
};

HttpParser::HttpParser() : beast_(std::make_unique<Beast>()) {}
HttpParser::~HttpParser() = default;
HttpParser::HttpParser(HttpParser&&) noexcept = default;
HttpParser& HttpParser::operator=(HttpParser&&) noexcept = default;

ParseState HttpParser::feed(std::string& input) {
  boost::beast::error_code error;
  while (!beast_->parser.is_done() && !input.empty()) {
    const std::size_t used =
        beast_->parser.put(boost::asio::const_buffer(input.data(), input.size()), error);
    input.erase(0, used);
    if (error == http::error::need_more) {
      // Beast judges a header only once it has its end; until then its size is ours to bound.
      if (input.size() <= kMaxRequestOctets) return ParseState::incomplete;
      error = http::error::header_limit;
    }
    if (error) {
      status_ = status_for(error);
      return ParseState::bad;
    }
  }
  return beast_->parser.is_done() ? finish() : ParseState::incomplete;
}

ParseState HttpParser::finish() {
  const auto& message = beast_->parser.get();
  const bool http_1_0 = message.version() == 10;
  // RFC 9112 §3.2: exactly one Host, or the request is not to be trusted.
  if (!http_1_0 && message.count(http::field::host) != 1) {
    status_ = 400;
    return ParseState::bad;
  }
  const auto method = message.method_string();
  const auto target = message.target();
  request_ = {.method = {method.data(), method.size()},
              .path = path_of({target.data(), target.size()}),
              .keep_alive = beast_->parser.keep_alive(),
              .http_1_0 = http_1_0};
  return ParseState::complete;
}

void HttpParser::reset() {
  beast_ = std::make_unique<Beast>();
  request_ = {};
}

}  // namespace sallyport::admin
