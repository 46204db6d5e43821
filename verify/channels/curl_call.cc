#include "verify/channels/curl_call.h"

#include <algorithm>
#include <cstring>

#include <poll.h>

#include "protocol/check.h"
#include "protocol/octets.h"

namespace sallyport::verify {

void CurlCall::Cleanup::operator()(curl_slist* list) const noexcept {
  for (curl_slist* item = list; item != nullptr; item = item->next) {
    wipe({reinterpret_cast<std::uint8_t*>(item->data), std::strlen(item->data)});
  }
  curl_slist_free_all(list);
}

CurlCall::CurlCall(const std::string& url, const CurlTrust& trust, std::uint32_t timeout_ms,
                   int stop)
    : stop_(stop) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_ALL);
  CHECK(ready == CURLE_OK);
  handle_.reset(curl_easy_init());
  CHECK(handle_ != nullptr);
  CURL* const call = handle_.get();
  curl_easy_setopt(call, CURLOPT_URL, url.c_str());
  curl_easy_setopt(call, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(call, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout_ms));
  curl_easy_setopt(call, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(timeout_ms));
  curl_easy_setopt(call, CURLOPT_ERRORBUFFER, cause_);
  curl_easy_setopt(call, CURLOPT_SSL_VERIFYPEER, trust.verify_certificate ? 1L : 0L);
  curl_easy_setopt(call, CURLOPT_SSL_VERIFYHOST, trust.verify_certificate ? 2L : 0L);
  curl_easy_setopt(call, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!trust.ca_file.empty()) curl_easy_setopt(call, CURLOPT_CAINFO, trust.ca_file.c_str());
  curl_easy_setopt(call, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(call, CURLOPT_XFERINFOFUNCTION, &CurlCall::look);
  curl_easy_setopt(call, CURLOPT_XFERINFODATA, this);
  curl_easy_setopt(call, CURLOPT_WRITEFUNCTION, &CurlCall::drop);
}

CurlCall::~CurlCall() { handle_.reset(); }

void CurlCall::append(std::unique_ptr<curl_slist, Cleanup>& list, const std::string& text) {
  curl_slist* const longer = curl_slist_append(list.get(), text.c_str());
  CHECK(longer != nullptr);
  static_cast<void>(list.release());
  list.reset(longer);
}

void CurlCall::add_header(std::string_view name, std::string_view value) {
  std::string line = std::string(name) + ": " + std::string(value);
  append(headers_, line);
  wipe({reinterpret_cast<std::uint8_t*>(line.data()), line.size()});
}

void CurlCall::add_secret_header(std::string_view name, std::string_view before,
                                 const Secret& value) {
  std::string text = std::string(before) + std::string(as_text(value.reveal()));
  add_header(name, text);
  wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
}

void CurlCall::add_recipient(const std::string& mail) { append(recipients_, mail); }

void CurlCall::set_login(const std::string& user, const Secret& password) {
  curl_easy_setopt(handle_.get(), CURLOPT_USERNAME, user.c_str());
  std::string text(as_text(password.reveal()));
  curl_easy_setopt(handle_.get(), CURLOPT_PASSWORD, text.c_str());
  wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
}

void CurlCall::upload(std::string_view octets) {
  unsent_ = octets;
  curl_easy_setopt(handle_.get(), CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(handle_.get(), CURLOPT_READFUNCTION, &CurlCall::give);
  curl_easy_setopt(handle_.get(), CURLOPT_READDATA, this);
  curl_easy_setopt(handle_.get(), CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(octets.size()));
}

std::string CurlCall::run() {
  if (headers_) curl_easy_setopt(handle_.get(), CURLOPT_HTTPHEADER, headers_.get());
  if (recipients_) curl_easy_setopt(handle_.get(), CURLOPT_MAIL_RCPT, recipients_.get());
  code_ = curl_easy_perform(handle_.get());
  if (code_ == CURLE_OK) return {};
  if (code_ == CURLE_ABORTED_BY_CALLBACK) return "was not waited for: sallyport stops";
  return cause_[0] == '\0' ? curl_easy_strerror(code_) : cause_;
}

long CurlCall::status() const noexcept {
  long status = 0;
  curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
  return status;
}

std::size_t CurlCall::give(char* into, std::size_t size, std::size_t count, void* self) noexcept {
  std::string_view& unsent = static_cast<CurlCall*>(self)->unsent_;
  const std::size_t octets = std::min(size * count, unsent.size());
  std::memcpy(into, unsent.data(), octets);
  unsent.remove_prefix(octets);
  return octets;
}

std::size_t CurlCall::drop(char*, std::size_t size, std::size_t count, void*) noexcept {
  return size * count;
}

int CurlCall::look(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) noexcept {
  pollfd stop{.fd = static_cast<CurlCall*>(self)->stop_, .events = POLLIN, .revents = 0};
  return ::poll(&stop, 1, 0) > 0 ? 1 : 0;
}

}  // namespace sallyport::verify
