#include "engine/http/retry.h"

#include "protocol/check.h"

namespace sallyport::http_door {
namespace {

/// What a way to break off says by itself, whatever the request was.
struct Meaning {
  std::uint16_t status;
  std::string_view reason;
  bool server_failed;
  bool never_processed;  ///< the server has certainly done nothing
  bool worth_a_try;      ///< another try may well end better
};

Meaning meaning_of(Broken why) noexcept {
  switch (why) {
    case Broken::none: break;
    case Broken::refused: return {502, "upstream refused the connection", true, true, true};
    case Broken::connect_timeout:
      return {504, "upstream took too long to connect", true, true, true};
    case Broken::tls: return {502, "TLS with the upstream failed", true, true, true};
    // The usual race between a request and the end of an idle connection: nobody's fault.
    case Broken::stale: return {502, "upstream closed a kept connection", false, false, true};
    case Broken::reset: return {502, "upstream broke off", true, false, true};
    case Broken::not_processed: return {502, "upstream turned the request away", false, true, true};
    case Broken::bad_message:
      return {502, "upstream's answer is not valid HTTP", true, false, false};
    case Broken::timed_out: return {504, "upstream took too long to answer", true, false, false};
    case Broken::gone: return {0, "visitor went away", false, false, false};
  }
  CHECK(false && "a side that has not broken off");
  return {};
}

Next next_of(const Attempt& attempt, const Meaning& meaning) noexcept {
  if (!meaning.worth_a_try || attempt.body_gone || attempt.answer_begun) return Next::give_up;
  const bool safe = meaning.never_processed || !attempt.request_written ||
                    is_idempotent(attempt.method, attempt.method_text);
  if (!safe) return Next::give_up;
  if (attempt.why == Broken::stale && !attempt.fresh_tried) return Next::same_server;
  if (attempt.others_left && attempt.retries_left > 0) return Next::other_server;
  // A server that says goodbye on one connection takes the next (RFC 9113 §6.8).
  if (attempt.why == Broken::not_processed && !attempt.fresh_tried) return Next::same_server;
  return Next::give_up;
}

}  // namespace

RetryDecision decide_retry(const Attempt& attempt) noexcept {
  const Meaning meaning = meaning_of(attempt.why);
  return {.next = next_of(attempt, meaning),
          .status = meaning.status,
          .reason = meaning.reason,
          .server_failed = meaning.server_failed};
}

bool is_idempotent(http::Method method, std::string_view method_text) noexcept {
  switch (method) {
    case http::Method::get:
    case http::Method::head:
    case http::Method::put:
    case http::Method::delete_:
    case http::Method::options:
    case http::Method::trace: return true;
    case http::Method::post:
    case http::Method::patch:
    case http::Method::connect: return false;
    case http::Method::other:
      return method_text == "PROPFIND" || method_text == "REPORT" || method_text == "SEARCH";
  }
  return false;
}

}  // namespace sallyport::http_door
