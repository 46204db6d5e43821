#include "engine/admin/status_client.h"

#include <algorithm>
#include <memory>

#include <curl/curl.h>
#include <fmt/format.h>

namespace sallyport::admin {
namespace {

constexpr std::size_t kMaxAnswerOctets = 1 << 20;

std::size_t take_body(char* octets, std::size_t, std::size_t count, void* body) {
  auto& text = *static_cast<std::string*>(body);
  if (text.size() + count > kMaxAnswerOctets) return 0;  // ends the transfer with an error
  text.append(octets, count);
  return count;
}

struct EasyCleanup {
  void operator()(CURL* easy) const noexcept { curl_easy_cleanup(easy); }
};

}  // namespace

Endpoint reachable(const Endpoint& listen) {
  if (!listen.address.is_any()) return listen;
  Endpoint loopback = listen;
  loopback.address.octets = {};
  if (listen.address.is_v4())
    loopback.address = IpAddress::v4(0x7f00'0001);
  else
    loopback.address.octets.back() = 1;  // ::1
  return loopback;
}

std::expected<std::string, std::string> fetch_status(const Endpoint& admin,
                                                     std::uint32_t timeout_ms) {
  const std::unique_ptr<CURL, EasyCleanup> easy(curl_easy_init());
  if (!easy) return std::unexpected("libcurl cannot start");
  const std::string url = fmt::format("http://{}/status", admin.text());
  std::string body;
  char error[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(easy.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy.get(), CURLOPT_PROTOCOLS_STR, "http");
  curl_easy_setopt(easy.get(), CURLOPT_NOPROXY, "*");
  curl_easy_setopt(easy.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(timeout_ms));
  curl_easy_setopt(easy.get(), CURLOPT_ERRORBUFFER, error);
  curl_easy_setopt(easy.get(), CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(easy.get(), CURLOPT_WRITEDATA, &body);
  const CURLcode code = curl_easy_perform(easy.get());
  if (code == CURLE_OK) return body;
  return std::unexpected(std::string(error[0] != '\0' ? error : curl_easy_strerror(code)));
}

}  // namespace sallyport::admin
