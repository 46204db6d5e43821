#pragma once
// One call of libcurl's that waits, for channels: SMTP and HTTP with the same timeouts, the same
// trust, and an end when nobody waits any more. One thread.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <curl/curl.h>

#include "protocol/secret.h"

namespace sallyport::verify {

struct CurlTrust {
  bool verify_certificate = true;
  std::string ca_file;  ///< PEM; empty: the system's
};

class CurlCall {
 public:
  /// `stop`: a descriptor that is readable when nobody wants the outcome any more; -1: none.
  CurlCall(const std::string& url, const CurlTrust& trust, std::uint32_t timeout_ms, int stop);
  ~CurlCall();
  CurlCall(const CurlCall&) = delete;
  CurlCall& operator=(const CurlCall&) = delete;

  [[nodiscard]] CURL* handle() noexcept { return handle_.get(); }
  /// Of HTTP. libcurl keeps copies; they are wiped with the call.
  void add_header(std::string_view name, std::string_view value);
  void add_secret_header(std::string_view name, std::string_view before, const Secret& value);
  void add_recipient(const std::string& mail);  ///< of SMTP
  void set_login(const std::string& user, const Secret& password);
  /// Octets that are uploaded (SMTP's mail). They outlive run().
  void upload(std::string_view octets);

  /// Empty: it went well as far as libcurl knows. Else what happened, without the URL.
  [[nodiscard]] std::string run();
  [[nodiscard]] CURLcode code() const noexcept { return code_; }
  [[nodiscard]] long status() const noexcept;  ///< HTTP's, or SMTP's last

 private:
  struct Cleanup {
    void operator()(CURL* handle) const noexcept { curl_easy_cleanup(handle); }
    void operator()(curl_slist* list) const noexcept;
  };
  void append(std::unique_ptr<curl_slist, Cleanup>& list, const std::string& text);
  static std::size_t give(char* into, std::size_t size, std::size_t count, void* self) noexcept;
  static std::size_t drop(char*, std::size_t size, std::size_t count, void*) noexcept;
  static int look(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) noexcept;

  std::unique_ptr<CURL, Cleanup> handle_;
  std::unique_ptr<curl_slist, Cleanup> headers_;
  std::unique_ptr<curl_slist, Cleanup> recipients_;
  const int stop_;
  std::string_view unsent_;
  CURLcode code_ = CURLE_OK;
  char cause_[CURL_ERROR_SIZE] = {};
};

}  // namespace sallyport::verify
