#pragma once
// The configured Notakey service as ready HTTP requests: settings and a question in, URL and body
// out. Knows no sockets.

#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "protocol/notakey/request.h"
#include "verify/notakey/fault.h"
#include "verify/pool.h"
#include "verify/verification.h"

namespace sallyport::verify {

struct HttpRequest {
  std::string url;
  std::string body;
  bool post = false;
  bool authorised = false;  ///< carries the access token
};

/// One thread: it writes through a buffer of its own.
class NotakeyApi {
 public:
  using Outcome = std::expected<void, notakey::Fault>;

  /// A host that cannot be parsed makes every request `unsendable`.
  explicit NotakeyApi(const NotakeySettings& settings);
  ~NotakeyApi();
  NotakeyApi(const NotakeyApi&) = delete;
  NotakeyApi& operator=(const NotakeyApi&) = delete;

  [[nodiscard]] sallyport::notakey::ApiVersion version() const noexcept { return version_; }
  /// For people: "https://demo.notakey.com".
  [[nodiscard]] const std::string& origin() const noexcept { return origin_; }
  [[nodiscard]] const NotakeySettings& settings() const noexcept { return settings_; }

  [[nodiscard]] Outcome token(HttpRequest& out);
  [[nodiscard]] Outcome service(HttpRequest& out);
  [[nodiscard]] Outcome create(const Question& question, std::uint32_t ttl_s, HttpRequest& out);
  [[nodiscard]] Outcome result(std::string_view uuid, HttpRequest& out);

 private:
  [[nodiscard]] sallyport::notakey::Service service_of_host() const noexcept;
  [[nodiscard]] std::span<char> buffer() const noexcept;

  NotakeySettings settings_;
  std::expected<sallyport::notakey::Host, sallyport::notakey::BadHost> host_;
  sallyport::notakey::ApiVersion version_;
  std::string origin_;
  std::unique_ptr<char[]> buffer_;
};

}  // namespace sallyport::verify
