// The phone page's half of the service: GET / and its files, the event stream that keeps open tabs
// current, and the answers. A form post works without JavaScript; the script posts the same form
// and asks for JSON.

#include <fmt/format.h>

#include "bench/simulators/clock.h"
#include "bench/simulators/notakey_service.h"
#include "bench/simulators/phone_page.h"
#include "bench/simulators/text.h"

namespace sallyport::lab {
namespace {

/// A burst of requests redraws the tabs twenty times a second, not thousands.
constexpr std::uint64_t kBroadcastPauseMs = 50;
constexpr std::size_t kMaxTabs = 32;

HttpReply page_reply(std::string_view content_type, std::string body) {
  return {.content_type = content_type,
          .headers = {{"content-security-policy",
                       "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
                       "connect-src 'self'; form-action 'self'; base-uri 'none'; "
                       "frame-ancestors 'none'"},
                      {"x-content-type-options", "nosniff"},
                      {"referrer-policy", "no-referrer"},
                      {"cache-control", "no-store"}},
          .body = std::move(body)};
}

std::string as_event(std::string_view lists) { return fmt::format("data: {}\n\n", lists); }

}  // namespace

void NotakeyService::on_phone(StreamKey key, const HttpRequest& request) {
  constexpr std::string_view kRequests = "/phone/requests/";
  const std::string_view path = request.path();
  if (path.starts_with(kRequests) && request.method == "POST")
    return on_phone_answer(key, request, path.substr(kRequests.size()));
  if (request.method != "GET") return deliver(key, error_reply(405, "only GET"));
  if (path == "/")
    return deliver(key,
                   page_reply("text/html; charset=utf-8", render_phone_page(store_, unix_ms())));
  if (path == "/phone/events") {
    if (tabs_.size() >= kMaxTabs) return deliver(key, error_reply(503, "too many open tabs"));
    tabs_.insert(key);
    HttpReply reply =
        page_reply("text/event-stream", as_event(render_phone_lists(store_, unix_ms())));
    reply.endless = true;
    return deliver(key, std::move(reply));
  }
  if (const PageFile* file = find_page_file(path))
    return deliver(key, page_reply(file->content_type, std::string(file->text)));
  deliver(key, error_reply(404, "no such page"));
}

void NotakeyService::on_phone_answer(StreamKey key, const HttpRequest& request,
                                     std::string_view uuid) {
  if (is_cross_site(request)) return deliver(key, error_reply(403, "cross-site request"));
  const auto verdict = form_field(request.body, "answer");
  if (verdict != "approve" && verdict != "deny")
    return deliver(key, error_reply(400, "answer is approve or deny"));
  const AuthRequest* asked = store_.find(uuid);
  if (asked == nullptr) return deliver(key, error_reply(404, "no such request"));
  const bool in_time = asked->state == RequestState::pending;
  if (in_time) answer(asked->number, verdict == "approve", AnsweredBy::phone);
  if (request.accept.starts_with("text/html")) {
    // Post, redirect, get: a reload must not answer again.
    return deliver(key, {.status = 303, .content_type = "", .headers = {{"location", "/"}}});
  }
  deliver(key, {.status = static_cast<std::uint16_t>(in_time ? 200 : 409),
                .body = fmt::format(R"({{"state":"{}"}})", to_text(asked->state))});
}

void NotakeyService::changed() {
  if (tabs_.empty() || std::exchange(broadcast_due_, true)) return;
  timers_.add(monotonic_ms() + kBroadcastPauseMs, {.kind = Timer::Kind::broadcast});
}

void NotakeyService::broadcast() {
  broadcast_due_ = false;
  const std::string event = as_event(render_phone_lists(store_, unix_ms()));
  for (const StreamKey& tab : tabs_) server_->append(tab, event);
}

}  // namespace sallyport::lab
