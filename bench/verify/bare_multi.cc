#include "bench/verify/bare_multi.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bench/simulators/clock.h"
#include "bench/verify/pool_question.h"
#include "protocol/check.h"

namespace sallyport::lab {

struct BareMulti::Call {
  CURL* easy = nullptr;
  bool polls = false;
  std::string url;
  std::string body;
  std::string answer;
};

BareMulti::BareMulti(std::string origin, std::string ca_file)
    : origin_(std::move(origin)),
      ca_file_(std::move(ca_file)),
      multi_(curl_multi_init()),
      headers_(curl_slist_append(nullptr, "Accept: application/json")),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  curl_slist_append(headers_, "Content-Type: application/json");
  curl_slist_append(headers_, "Expect:");
  CHECK(multi_ != nullptr && epoll_ >= 0);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &BareMulti::on_socket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &BareMulti::on_timer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_MULTIPLEX));
  curl_multi_setopt(multi_, CURLMOPT_MAX_CONCURRENT_STREAMS, 100L);
}

BareMulti::~BareMulti() {
  for (Call* const call : calls_) {
    curl_multi_remove_handle(multi_, call->easy);
    curl_easy_cleanup(call->easy);
    delete call;
  }
  curl_multi_cleanup(multi_);
  curl_slist_free_all(headers_);
  ::close(epoll_);
}

BareMulti::Call& BareMulti::new_call() {
  auto* const call = new Call;
  calls_.push_back(call);
  CURL* const easy = call->easy = curl_easy_init();
  CHECK(easy != nullptr);
  curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
  curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file_.c_str());
  curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers_);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &BareMulti::on_write);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
  return *call;
}

std::size_t BareMulti::on_write(char* data, std::size_t size, std::size_t count, void* self) {
  static_cast<Call*>(self)->answer.append(data, size * count);
  return size * count;
}

int BareMulti::on_socket(CURL*, curl_socket_t socket, int what, void* self, void* known) {
  auto& bare = *static_cast<BareMulti*>(self);
  if (what == CURL_POLL_REMOVE) {
    ::epoll_ctl(bare.epoll_, EPOLL_CTL_DEL, socket, nullptr);
    return 0;
  }
  epoll_event event{};
  event.events =
      ((what & CURL_POLL_IN) != 0 ? EPOLLIN : 0U) | ((what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0U);
  event.data.fd = socket;
  ::epoll_ctl(bare.epoll_, known == nullptr ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, socket, &event);
  if (known == nullptr) curl_multi_assign(bare.multi_, socket, &bare);
  return 0;
}

int BareMulti::on_timer(CURLM*, long timeout_ms, void* self) {
  static_cast<BareMulti*>(self)->timer_ms_ =
      timeout_ms < 0 ? UINT64_MAX : monotonic_ms() + static_cast<std::uint64_t>(timeout_ms);
  return 0;
}

void BareMulti::create(Call& call) {
  call.polls = false;
  call.answer.clear();
  call.url = fmt::format("{}/api/v2/application/{}/application_user/user{:06}/auth_request",
                         origin_, kBenchAccessId, next_++);
  call.body = fmt::format(R"({{"action":"{}","description":"{}","ttl_seconds":{}}})", kBenchAction,
                          kBenchDescription, kBenchTtlMs / 1'000);
  curl_easy_setopt(call.easy, CURLOPT_URL, call.url.c_str());
  curl_easy_setopt(call.easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(call.body.size()));
  curl_easy_setopt(call.easy, CURLOPT_POSTFIELDS, call.body.data());
  curl_multi_add_handle(multi_, call.easy);
}

void BareMulti::poll(Call& call, std::string_view uuid) {
  call.polls = true;
  call.url = fmt::format("{}/api/v2/application/{}/auth_request/{}", origin_, kBenchAccessId, uuid);
  call.answer.clear();
  curl_easy_setopt(call.easy, CURLOPT_URL, call.url.c_str());
  curl_easy_setopt(call.easy, CURLOPT_HTTPGET, 1L);
  curl_multi_add_handle(multi_, call.easy);
}

void BareMulti::act(curl_socket_t socket, int events) {
  int running = 0;
  if (curl_multi_socket_action(multi_, socket, events, &running) != CURLM_OK)
    error_ = "libcurl lost its event state";
}

void BareMulti::wait() {
  const std::uint64_t now_ms = monotonic_ms();
  const int timeout_ms =
      timer_ms_ <= now_ms ? 0
                          : static_cast<int>(std::min<std::uint64_t>(timer_ms_ - now_ms, 10'000));
  std::array<epoll_event, 256> events;
  const int count = ::epoll_wait(epoll_, events.data(), events.size(), timeout_ms);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    act(event.data.fd, ((event.events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
                           ((event.events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
                           ((event.events & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0));
  }
  if (timer_ms_ <= monotonic_ms()) {
    timer_ms_ = UINT64_MAX;
    act(CURL_SOCKET_TIMEOUT, 0);
  }
}

void BareMulti::harvest() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    const CURLcode code = message->data.result;
    char* owner = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &owner);
    auto& call = *reinterpret_cast<Call*>(owner);
    curl_multi_remove_handle(multi_, call.easy);
    finished(call, code);
  }
}

void BareMulti::finished(Call& call, CURLcode code) {
  long status = 0;
  curl_easy_getinfo(call.easy, CURLINFO_RESPONSE_CODE, &status);
  ++transfers_;
  if (code != CURLE_OK || status < 200 || status > 299) {
    error_ = fmt::format("a call ended with {}, HTTP {}", curl_easy_strerror(code), status);
    return;
  }
  if (call.polls && call.answer.contains("\"ApproveRequest\"")) {
    --running_;
    if (left_to_begin_ == 0) return;
    --left_to_begin_;
    ++running_;
    return create(call);
  }
  constexpr std::string_view kBefore = "\"uuid\":\"";
  const std::string_view answer = call.answer;
  const std::size_t at = answer.find(kBefore);
  if (at == std::string_view::npos) {
    error_ = "an answer has no uuid";
    return;
  }
  const std::string_view rest = answer.substr(at + kBefore.size());
  poll(call, rest.substr(0, rest.find('"')));
}

std::expected<std::uint64_t, std::string> BareMulti::run(std::uint64_t verifications,
                                                         std::uint32_t concurrency) {
  transfers_ = 0;
  left_to_begin_ = verifications;
  while (calls_.size() < concurrency) new_call();
  for (Call* const call : calls_) {
    if (left_to_begin_ == 0) break;
    --left_to_begin_;
    ++running_;
    create(*call);
  }
  while (running_ > 0 && error_.empty()) {
    wait();
    harvest();
  }
  if (!error_.empty()) return std::unexpected(error_);
  return transfers_;
}

}  // namespace sallyport::lab
