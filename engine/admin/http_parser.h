#pragma once
// One HTTP/1 request of the admin listener, parsed by Boost.Beast behind this header (its templates
// are heavy). Sans I/O: octets in, at most one request out.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace sallyport::admin {

/// Longest request line and header together. A GET of ours needs a tenth of it.
inline constexpr std::size_t kMaxRequestOctets = 8192;

enum class ParseState : std::uint8_t {
  incomplete,  ///< more octets are needed
  complete,    ///< request() is valid
  bad,         ///< not a request that we take; status() says which answer fits; then close
};

struct HttpRequest {
  std::string method;
  std::string path;         ///< without query; of an absolute target only the path
  bool keep_alive = false;  ///< the connection may be used again after the answer
  bool http_1_0 = false;
};

class HttpParser {
 public:
  HttpParser();
  ~HttpParser();
  HttpParser(HttpParser&&) noexcept;
  HttpParser& operator=(HttpParser&&) noexcept;

  /// Takes what it can of `input` and erases it from there; what follows a complete request stays.
  [[nodiscard]] ParseState feed(std::string& input);
  [[nodiscard]] const HttpRequest& request() const noexcept { return request_; }
  /// 400, 413, 431 or 505.
  [[nodiscard]] unsigned status() const noexcept { return status_; }
  /// Ready for the next request.
  void reset();

 private:
  struct Beast;
  [[nodiscard]] ParseState finish();

  std::unique_ptr<Beast> beast_;
  HttpRequest request_;
  unsigned status_ = 400;
};

}  // namespace sallyport::admin
