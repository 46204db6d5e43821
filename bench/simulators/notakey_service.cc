#include "bench/simulators/notakey_service.h"

#include <charconv>

#include <fmt/format.h>

#include "bench/simulators/clock.h"
#include "bench/simulators/text.h"

namespace sallyport::lab {
namespace {

constexpr std::uint64_t kDefaultTtlS = 300;
constexpr std::uint64_t kMaxTtlS = 24 * 3600;

ApiCall call_of(NotakeyEndpoint endpoint) {
  switch (endpoint) {
    case NotakeyEndpoint::token: return ApiCall::token;
    case NotakeyEndpoint::create: return ApiCall::create;
    case NotakeyEndpoint::poll: return ApiCall::poll;
    case NotakeyEndpoint::service:
    case NotakeyEndpoint::user:
    case NotakeyEndpoint::devices: return ApiCall::service;
  }
  return ApiCall::any;
}

const char* response_type(RequestState state) {
  switch (state) {
    case RequestState::approved: return "\"ApproveRequest\"";
    case RequestState::denied: return "\"DenyRequest\"";
    case RequestState::pending:
    case RequestState::expired: return "null";
  }
  return "null";
}

/// Basic credentials win over the body's, as clients send both.
bool good_credentials(const NotakeySettings& settings, const HttpRequest& request,
                      const BodyFields& fields) {
  if (settings.client_id.empty()) return true;
  std::string id(fields.get("client_id").value_or(""));
  std::string secret(fields.get("client_secret").value_or(""));
  constexpr std::string_view kBasic = "Basic ";
  if (request.authorization.starts_with(kBasic)) {
    const auto pair = base64_decode(std::string_view(request.authorization).substr(kBasic.size()));
    if (!pair || !pair->contains(':')) return false;
    id = pair->substr(0, pair->find(':'));
    secret = pair->substr(pair->find(':') + 1);
  }
  const bool good_id = equal_constant_time(as_octets(id), as_octets(settings.client_id));
  return equal_constant_time(as_octets(secret), as_octets(settings.client_secret)) && good_id;
}

std::expected<std::uint64_t, std::string> ttl_of(const BodyFields& fields) {
  const std::string_view text = fields.get("ttl_seconds").value_or("");
  if (text.empty()) return kDefaultTtlS * 1000;
  std::uint64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc{} || end != text.data() + text.size() || seconds == 0 ||
      seconds > kMaxTtlS)
    return std::unexpected("ttl_seconds is not a number of seconds");
  return seconds * 1000;
}

}  // namespace

HttpReply error_reply(std::uint16_t status, std::string_view text) {
  return {.status = status, .body = fmt::format(R"({{"errors":[{}]}})", json_quote(text))};
}

bool is_cross_site(const HttpRequest& request) {
  const std::string_view site = request.fetch_site;
  return !site.empty() && site != "same-origin" && site != "none";
}

NotakeyService::NotakeyService(NotakeySettings settings)
    : settings_(std::move(settings)),
      faults_(settings_.seed),
      tokens_(settings_.token_lifetime_ms) {
  for (const Fault& fault : settings_.faults) faults_.add(fault);
}

void NotakeyService::on_request(StreamKey key, HttpRequest&& request) {
  const std::string_view path = request.path();
  if (path.starts_with("/api/")) return on_api(key, request);
  if (path.starts_with("/lab/")) return on_lab(key, request);
  on_phone(key, request);
}

void NotakeyService::on_gone(StreamKey key) {
  const bool all = key.stream == kAllStreams;
  const StreamKey first = {key.connection, key.generation, all ? 0 : key.stream};
  const StreamKey last = {key.connection, key.generation, all ? INT32_MAX : key.stream};
  for (auto held = holds_.lower_bound(first); held != holds_.end() && held->first <= last;) {
    const auto waiting = holds_of_.find(held->second.number);
    if (waiting != holds_of_.end()) {
      std::erase(waiting->second, held->first);
      if (waiting->second.empty()) holds_of_.erase(waiting);
    }
    held = holds_.erase(held);
  }
  tabs_.erase(tabs_.lower_bound(first), tabs_.upper_bound(last));
}

void NotakeyService::on_time(std::uint64_t now_ms) {
  while (const auto timer = timers_.take_due(now_ms)) {
    switch (timer->kind) {
      case Timer::Kind::script:
        if (const AuthRequest* request = store_.at(timer->number))
          answer(timer->number, request->behaviour.action == Action::approve, AnsweredBy::script);
        break;
      case Timer::Kind::expiry: expire(timer->number); break;
      case Timer::Kind::hold_end:
        if (const auto held = holds_.find(timer->key); held != holds_.end()) {
          const Hold hold = held->second;
          on_gone(timer->key);
          if (const AuthRequest* request = store_.at(hold.number))
            deliver(timer->key, render(*request, 200, hold.twist), hold.twist);
        }
        break;
      case Timer::Kind::delayed:
        if (auto late = delayed_.extract(timer->number))
          server_->respond(late.mapped().key, std::move(late.mapped().reply));
        break;
      case Timer::Kind::broadcast: broadcast(); break;
    }
  }
}

void NotakeyService::on_api(StreamKey key, const HttpRequest& request) {
  const auto route = parse_notakey_route(request.method, request.path());
  if (!route) {
    ++counters_.not_found;
    return deliver(key, error_reply(404, "no such call"));
  }
  Twist twist;
  if (const auto fault = faults_.draw(call_of(route->endpoint))) {
    if (strike(key, request, *fault)) return;
    twist = {.kind = fault->kind, .delay_ms = fault->delay_ms};
  }
  if (route->endpoint == NotakeyEndpoint::token) return on_token(key, request, twist);
  if (route->v3 && !has_token(key, request)) return;
  if (!settings_.access_id.empty() && route->access_id != settings_.access_id)
    return deliver(key, error_reply(404, "no such service"), twist);
  switch (route->endpoint) {
    case NotakeyEndpoint::token: break;
    case NotakeyEndpoint::service:
      ++counters_.service_calls;
      deliver(
          key,
          {.body = fmt::format(R"({{"id":{},"display_name":{},"onboarding_requirements":[]}})",
                               json_quote(route->access_id), json_quote(settings_.display_name))},
          twist);
      break;
    case NotakeyEndpoint::create: on_create(key, *route, request, twist); break;
    case NotakeyEndpoint::poll: on_poll(key, *route, twist); break;
    case NotakeyEndpoint::user:
    case NotakeyEndpoint::devices: on_user(key, *route, twist); break;
  }
}

bool NotakeyService::strike(StreamKey key, const HttpRequest& request, const Fault& fault) {
  switch (fault.kind) {
    case FaultKind::status: {
      HttpReply reply = error_reply(fault.status, "scripted fault");
      if (fault.retry_after_s)
        reply.headers.emplace_back("retry-after", fmt::to_string(*fault.retry_after_s));
      deliver(key, std::move(reply));
      return true;
    }
    case FaultKind::cut: deliver(key, {.cut = Cut::before_answer}); return true;
    case FaultKind::hang: return true;
    case FaultKind::refuse_token:
      tokens_.revoke(request.authorization);
      ++counters_.refused_tokens;
      deliver(key, error_reply(fault.status, "the access token was revoked"));
      return true;
    case FaultKind::slow:
    case FaultKind::cut_after:
    case FaultKind::cut_middle:
    case FaultKind::bad_json:
    case FaultKind::wrong_uuid:
    case FaultKind::wrong_username:
    case FaultKind::unknown_response: return false;
  }
  return false;
}

bool NotakeyService::has_token(StreamKey key, const HttpRequest& request) {
  if (tokens_.accepts(request.authorization, monotonic_ms())) return true;
  ++counters_.refused_tokens;
  const bool none = request.authorization.empty();
  deliver(key, error_reply(none ? 401 : 403, none ? "no access token" : "bad access token"));
  return false;
}

void NotakeyService::on_token(StreamKey key, const HttpRequest& request, Twist twist) {
  const auto fields = BodyFields::parse(request.content_type, request.body);
  if (!fields) return deliver(key, error_reply(400, fields.error()), twist);
  if (fields->get("grant_type") != "client_credentials")
    return deliver(key, {.status = 400, .body = R"({"error":"unsupported_grant_type"})"}, twist);
  if (!good_credentials(settings_, request, *fields))
    return deliver(key, {.status = 401, .body = R"({"error":"invalid_client"})"}, twist);
  const std::string token = tokens_.issue(monotonic_ms());
  deliver(key,
          {.body = fmt::format(
               R"({{"access_token":"{}","token_type":"Bearer","expires_in":{},"scope":{},)"
               R"("created_at":{}}})",
               token, settings_.token_lifetime_ms / 1000,
               json_quote(fields->get("scope").value_or("urn:notakey:auth")), unix_ms() / 1000)},
          twist);
}

void NotakeyService::on_create(StreamKey key, const NotakeyRoute& route, const HttpRequest& request,
                               Twist twist) {
  const auto fields = BodyFields::parse(request.content_type, request.body);
  if (!fields) return deliver(key, error_reply(400, fields.error()), twist);
  const std::string user(route.v3 ? fields->get("username").value_or("") : route.user);
  const auto ttl_ms = ttl_of(*fields);
  if (user.empty()) return deliver(key, error_reply(422, "username is missing"), twist);
  if (!ttl_ms) return deliver(key, error_reply(422, ttl_ms.error()), twist);

  const Behaviour behaviour = settings_.users.behaviour_of(user);
  if (behaviour.action == Action::unknown || behaviour.action == Action::no_device) {
    ++counters_.refused_users;
    const char* why = behaviour.action == Action::unknown ? "user not found" : "user has no device";
    if (settings_.on_event)
      settings_.on_event({.kind = NotakeyEvent::Kind::user_refused,
                          .user = user,
                          .text = why,
                          .unix_ms = unix_ms()});
    return deliver(key, error_reply(404, why), twist);
  }
  // A profile keeps the texts on the server: the client sends none.
  const bool by_profile = fields->get("profile").has_value();
  const AuthRequest& created = store_.create(
      {.user = user,
       .action = std::string(fields->get("action").value_or(by_profile ? "Login" : "")),
       .description = std::string(fields->get("description").value_or("")),
       .ttl_ms = *ttl_ms,
       .behaviour = behaviour},
      unix_ms());
  const std::uint64_t now_ms = monotonic_ms();
  timers_.add(now_ms + *ttl_ms, {.kind = Timer::Kind::expiry, .number = created.number});
  tell(NotakeyEvent::Kind::push_shown, created);
  if (behaviour.action == Action::approve || behaviour.action == Action::deny)
    timers_.add(now_ms + behaviour.after_ms,
                {.kind = Timer::Kind::script, .number = created.number});
  changed();
  deliver(key, render(created, 201, twist), twist);
}

void NotakeyService::on_poll(StreamKey key, const NotakeyRoute& route, Twist twist) {
  ++counters_.polls;
  const AuthRequest* request = store_.find(route.uuid);
  if (request == nullptr) return deliver(key, error_reply(404, "no such request"), twist);
  store_.count_poll(request->number);
  expire(request->number);  // its timer may not have come yet
  const bool never = request->behaviour.action == Action::never;
  if (never || (request->state == RequestState::pending && settings_.hold_ms > 0))
    return hold(key, *request, twist);
  deliver(key, render(*request, 200, twist), twist);
}

void NotakeyService::on_user(StreamKey key, const NotakeyRoute& route, Twist twist) {
  const Action action = settings_.users.behaviour_of(route.user).action;
  if (action == Action::unknown) return deliver(key, error_reply(404, "user not found"), twist);
  if (route.endpoint == NotakeyEndpoint::devices) {
    const bool none = action == Action::no_device;
    constexpr std::string_view kDevice =
        R"([{"keyname":"lab","manufacturer":"sallyport","model":"lab","app_version":"1"}])";
    return deliver(key, {.body = std::string(none ? "[]" : kDevice)}, twist);
  }
  deliver(key,
          {.body = fmt::format(R"({{"keyname":{},"max_user_device_count":5}})",
                               json_quote(route.user))},
          twist);
}

void NotakeyService::hold(StreamKey key, const AuthRequest& request, Twist twist) {
  holds_.insert_or_assign(key, Hold{.number = request.number, .twist = twist});
  holds_of_[request.number].push_back(key);
  counters_.most_held = std::max(counters_.most_held, holds_.size());
  if (request.behaviour.action != Action::never)
    timers_.add(monotonic_ms() + settings_.hold_ms, {.kind = Timer::Kind::hold_end, .key = key});
}

void NotakeyService::answer(std::uint32_t number, bool approve, AnsweredBy by) {
  if (!store_.answer(number, approve, by, unix_ms())) return;
  tell(approve ? NotakeyEvent::Kind::approved : NotakeyEvent::Kind::denied, *store_.at(number));
  finished(number);
}

void NotakeyService::expire(std::uint32_t number) {
  if (!store_.expire(number, unix_ms())) {
    // The two clocks need not agree to the millisecond: a timer that comes early is set again.
    const AuthRequest* request = store_.at(number);
    if (request != nullptr && request->state == RequestState::pending &&
        request->expires_unix_ms <= unix_ms() + 50)
      timers_.add(monotonic_ms() + 50, {.kind = Timer::Kind::expiry, .number = number});
    return;
  }
  tell(NotakeyEvent::Kind::expired, *store_.at(number));
  finished(number);
}

void NotakeyService::finished(std::uint32_t number) {
  changed();
  const AuthRequest& request = *store_.at(number);
  if (request.behaviour.action == Action::never) return;
  auto waiting = holds_of_.extract(number);
  if (!waiting) return;
  for (const StreamKey& key : waiting.mapped()) {
    const auto held = holds_.extract(key);
    deliver(key, render(request, 200, held.mapped().twist), held.mapped().twist);
  }
}

HttpReply NotakeyService::render(const AuthRequest& request, std::uint16_t status,
                                 Twist twist) const {
  const bool strange = twist.kind == FaultKind::unknown_response;
  const Uuid uuid = twist.kind == FaultKind::wrong_uuid ? Uuid::random() : request.uuid;
  const std::string user =
      twist.kind == FaultKind::wrong_username ? request.user + "-another" : request.user;
  const std::string name = json_quote(user);
  std::string body =
      fmt::format(R"({{"uuid":"{}","username":{},"action":{},"description":{},"created_at":"{}",)",
                  uuid.view(), name, json_quote(request.action), json_quote(request.description),
                  iso8601(request.created_unix_ms));
  body += fmt::format(R"("expires_at":"{}","expired":{},"response_type":{})",
                      iso8601(request.expires_unix_ms), unix_ms() >= request.expires_unix_ms,
                      strange ? "\"MaybeRequest\"" : response_type(request.state));
  if (request.state == RequestState::approved) {
    body += fmt::format(R"(,"user_id":"{}","full_name":{},"email":{},"main_phone_number":null,)",
                        request.uuid.view(), name, json_quote(user + "@example.org"));
    body += R"("groups":["lab","VPN users"],"keytoken":null,"response_payload":null)";
  }
  return {.status = status, .body = body + "}"};
}

void NotakeyService::deliver(StreamKey key, HttpReply&& reply, Twist twist) {
  if (twist.kind == FaultKind::cut_after) reply.cut = Cut::before_answer;
  if (twist.kind == FaultKind::cut_middle) reply.cut = Cut::in_body;
  if (twist.kind == FaultKind::bad_json) reply.body.resize(reply.body.size() / 2);
  if (twist.kind == FaultKind::slow) {
    timers_.add(monotonic_ms() + twist.delay_ms,
                {.kind = Timer::Kind::delayed, .number = next_delayed_});
    delayed_.emplace(next_delayed_++, Delayed{.key = key, .reply = std::move(reply)});
    return;
  }
  server_->respond(key, std::move(reply));
}

void NotakeyService::tell(NotakeyEvent::Kind kind, const AuthRequest& request) {
  if (!settings_.on_event) return;
  const std::uint64_t end = request.finished_unix_ms;
  settings_.on_event({.kind = kind,
                      .user = request.user,
                      .uuid = std::string(request.uuid.view()),
                      .text = request.description,
                      .unix_ms = end == 0 ? request.created_unix_ms : end,
                      .waited_ms = end == 0 ? 0 : end - request.created_unix_ms});
}

}  // namespace sallyport::lab
