#include "verify/transfer.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "protocol/check.h"
#include "protocol/octets.h"

namespace sallyport::verify {

namespace api = ::sallyport::notakey;
using notakey::FaultKind;

namespace {

/// Later than this nobody waits any more.
constexpr curl_off_t kMaxRetryAfterS = 3'600;

void wipe_text(std::string& text) noexcept {
  wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
  text.clear();
}

void free_headers(curl_slist* list) noexcept {
  for (const curl_slist* node = list; node != nullptr; node = node->next)
    wipe({reinterpret_cast<std::uint8_t*>(node->data), std::strlen(node->data)});
  curl_slist_free_all(list);
}

bool append(curl_slist*& list, const char* line) {
  curl_slist* longer = curl_slist_append(list, line);
  if (longer == nullptr) return false;
  list = longer;
  return true;
}

}  // namespace

Headers make_headers(std::string_view token) {
  curl_slist* list = nullptr;
  bool whole = append(list, "Accept: application/json") &&
               append(list, "Content-Type: application/json") &&
               append(list, "Expect:");  // no 100-continue: bodies are small
  if (!token.empty()) {
    std::string line = "Authorization: Bearer ";
    line += token;
    whole = whole && append(list, line.c_str());
    wipe_text(line);
  }
  if (whole) return Headers(list, free_headers);
  free_headers(list);
  return nullptr;
}

Transfer::Transfer(const NotakeySettings& settings, bool posts)
    : easy_(curl_easy_init()), posts_(posts) {
  CHECK(easy_ != nullptr);
  set_common(settings);
}

Transfer::~Transfer() { recycle(); }

void Transfer::set_common(const NotakeySettings& settings) {
  CURL* const easy = easy_.get();
  curl_easy_setopt(easy, CURLOPT_PRIVATE, this);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 1L);
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  // The scheme comes from notakey.host alone: redirects are not followed.
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR,
                   settings.host.starts_with("http://") ? "http" : "https");
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
  // Wait for a connection that may multiplex instead of opening one each.
  curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 1'024L);
  // The least it takes: each handle keeps a send buffer of this size while it waits.
  curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, 16'384L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 15L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 5L);
  // Under the idle time that servers and load balancers commonly allow, so that a request does not
  // meet a connection that is being closed.
  curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, 50L);
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  if (!settings.ca_file.empty()) {
    curl_easy_setopt(easy, CURLOPT_CAINFO, settings.ca_file.c_str());
    curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
  }
  // An empty string also keeps the environment's proxy variables out: the configuration decides.
  curl_easy_setopt(easy, CURLOPT_PROXY, settings.proxy.c_str());
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(settings.timeout_ms));
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Transfer::on_write);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
  if (!posts_) return;
  curl_easy_setopt(easy, CURLOPT_POST, 1L);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, nullptr);  // the body comes from on_read
  curl_easy_setopt(easy, CURLOPT_READFUNCTION, &Transfer::on_read);
  curl_easy_setopt(easy, CURLOPT_READDATA, this);
  curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, &Transfer::on_seek);
  curl_easy_setopt(easy, CURLOPT_SEEKDATA, this);
}

void Transfer::prepare(HttpRequest& request, Headers headers, std::uint32_t timeout_ms,
                       std::uint64_t now_ns) {
  CHECK(place == Place::idle && request.post == posts_);
  CURL* const easy = easy_.get();
  headers_ = std::move(headers);
  body_.swap(request.body);
  answer_.clear();
  body_sent_ = 0;
  body_taken_ = false;
  too_long_ = false;
  started_ns_ = now_ns;
  curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  if (posts_)
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body_.size()));
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers_.get());
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(std::max(timeout_ms, 1u)));
  if (purpose != Purpose::token && purpose != Purpose::health) return;
  error_ = std::make_unique<char[]>(CURL_ERROR_SIZE);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error_.get());
}

std::size_t Transfer::on_write(char* data, std::size_t size, std::size_t count,
                               void* self) noexcept {
  auto& transfer = *static_cast<Transfer*>(self);
  const std::size_t octets = size * count;
  if (transfer.answer_.size() + octets > api::kMaxAnswerOctets) {
    transfer.too_long_ = true;
    return CURL_WRITEFUNC_ERROR;
  }
  if (transfer.answer_.empty()) transfer.answer_.reserve(octets + api::kAnswerPadding);
  transfer.answer_.append(data, octets);
  return octets;
}

std::size_t Transfer::on_read(char* out, std::size_t size, std::size_t count, void* self) noexcept {
  auto& transfer = *static_cast<Transfer*>(self);
  const std::string& body = transfer.body_;
  const std::size_t octets = std::min(size * count, body.size() - transfer.body_sent_);
  body.copy(out, octets, transfer.body_sent_);
  transfer.body_sent_ += octets;
  transfer.body_taken_ = true;
  return octets;
}

/// libcurl wants the body again when it repeats a request on a new connection by itself. It must
/// not: the service may have taken the first one, and a second push would go out.
int Transfer::on_seek(void* self, curl_off_t offset, int origin) noexcept {
  const auto& transfer = *static_cast<Transfer*>(self);
  const bool nothing_sent = !transfer.body_taken_ && offset == 0 && origin == SEEK_SET;
  return nothing_sent ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
}

FaultKind Transfer::classify(CURLcode code) const noexcept {
  if (too_long_) return FaultKind::malformed;
  // Exhaustive over what HTTP over TLS can end with; libcurl's enum has a hundred values and grows.
  if (code == CURLE_OK) return FaultKind::none;
  if (code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY)
    return FaultKind::resolve;
  if (code == CURLE_COULDNT_CONNECT || code == CURLE_PROXY) {
    long system_error = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_OS_ERRNO, &system_error);
    return system_error == ECONNREFUSED ? FaultKind::refused : FaultKind::unreachable;
  }
  if (code == CURLE_SSL_CONNECT_ERROR || code == CURLE_PEER_FAILED_VERIFICATION ||
      code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_CERTPROBLEM ||
      code == CURLE_SSL_CIPHER || code == CURLE_SSL_ISSUER_ERROR ||
      code == CURLE_SSL_INVALIDCERTSTATUS)
    return FaultKind::tls;
  if (code == CURLE_OPERATION_TIMEDOUT) {
    curl_off_t ready_us = 0;  // 0: the request never got a connection
    curl_easy_getinfo(easy_.get(), CURLINFO_PRETRANSFER_TIME_T, &ready_us);
    return ready_us == 0 ? FaultKind::unreachable : FaultKind::timeout;
  }
  if (code == CURLE_WEIRD_SERVER_REPLY || code == CURLE_UNSUPPORTED_PROTOCOL ||
      code == CURLE_BAD_CONTENT_ENCODING || code == CURLE_TOO_LARGE)
    return FaultKind::malformed;
  if (code == CURLE_URL_MALFORMAT) return FaultKind::unsendable;
  return FaultKind::cut;
}

CallOutcome Transfer::finish(CURLcode code, std::uint64_t now_ns) {
  CallOutcome outcome;
  outcome.fault = {.kind = classify(code), .http_status = 0, .of_token = purpose == Purpose::token};
  outcome.may_have_left = body_taken_;
  outcome.took_ns = now_ns - started_ns_;
  outcome.took_ms = static_cast<std::uint32_t>(outcome.took_ns / 1'000'000);
  if (outcome.fault.kind != FaultKind::none) return outcome;
  long status = 0;
  curl_off_t retry_after_s = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(easy_.get(), CURLINFO_RETRY_AFTER, &retry_after_s);
  outcome.http_status = static_cast<std::uint16_t>(status);
  if (retry_after_s > 0) {
    outcome.retry_after_ms =
        static_cast<std::uint32_t>(std::min(retry_after_s, kMaxRetryAfterS) * 1'000);
  }
  return outcome;
}

api::Body Transfer::answer() {
  const std::size_t size = answer_.size();
  answer_.reserve(size + api::kAnswerPadding);
  return {.data = answer_.data(), .size = size, .capacity = answer_.capacity()};
}

std::string Transfer::cause(const CallOutcome& outcome) const {
  if (error_ != nullptr && error_[0] != '\0') return error_.get();
  long system_error = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_OS_ERRNO, &system_error);
  if (outcome.fault.kind == FaultKind::none || system_error == 0) return {};
  return std::generic_category().message(static_cast<int>(system_error));
}

void Transfer::recycle() noexcept {
  CHECK(place == Place::idle);
  wipe_text(body_);
  // An answer may have been a token. Its memory is not kept: the next call may wait for minutes.
  wipe_text(answer_);
  answer_ = std::string();
  curl_easy_setopt(easy_.get(), CURLOPT_HTTPHEADER, nullptr);
  headers_.reset();
  if (error_ == nullptr) return;
  curl_easy_setopt(easy_.get(), CURLOPT_ERRORBUFFER, nullptr);
  error_.reset();
}

}  // namespace sallyport::verify
