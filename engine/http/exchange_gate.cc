// The gate's pages: what the shard has by itself, and what it asks the gate's threads.

#include <algorithm>
#include <utility>

#include "engine/http/balancer.h"
#include "engine/http/door.h"
#include "engine/http/exchange.h"
#include "engine/http/gate/desk.h"
#include "engine/http/gate/gate_path.h"
#include "engine/http/gate/reply.h"
#include "engine/http/router_target.h"
#include "engine/limits.h"
#include "protocol/http/client_kind.h"
#include "protocol/http/form.h"
#include "protocol/http/return_url.h"
#include "protocol/http/same_origin.h"

namespace sallyport::http_door {
namespace {

std::string_view query_of(std::string_view target) noexcept {
  const std::size_t mark = target.find('?');
  return mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
}

/// Visible ASCII of it, so that it may stand in a page and in the store.
std::string plain_user_agent(const http::RequestHead& head) {
  std::string text(head.fields.find(http::FieldName::user_agent).value_or(""));
  text.resize(std::min(text.size(), limits::kGateUserAgentOctets));
  std::ranges::replace_if(text, [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return text;
}

/// Our script asks for JSON and takes nothing else; a browser that shows a page names HTML.
bool wants_json(const http::RequestHead& head) {
  const auto accept = head.fields.find(http::FieldName::accept).value_or("");
  return accept.contains("application/json") && !accept.contains("text/html");
}

}  // namespace

/// Whether the configuration names this host: a route does, or the gate is there. Nobody is sent to
/// others or back to them, and a link in a message would lead to a name that is anybody's.
bool Exchange::is_ours(std::string_view authority, const HostName& host) const noexcept {
  if (settings_->router.names_host(host)) return true;
  return settings_->gate != nullptr &&
         std::ranges::find(settings_->gate->hosts, authority) != settings_->gate->hosts.end();
}

void Exchange::serve_gate(std::string_view path) {
  const GateFront& front = *settings_->gate;
  path.remove_prefix(front.gate_path.size());
  if (path.empty()) path = "/";
  const bool reads = request_.method == http::Method::get || request_.method == http::Method::head;
  own_.reset();
  if (const PageAsset* const asset = front.pages.find_asset(path)) {
    if (!reads) return gate_wrong_method("GET, HEAD");
    write_asset(*asset, query_of(target_), request_.fields.find("if-none-match").value_or(""),
                own_);
    return send_own();
  }
  if (!is_ours(request_.authority, host_)) return answer_page(421, {});
  const auto found = find_gate_path(path);
  if (!found) return gate_message(404, verify::GateError::not_found);
  const GatePath& known = kGatePaths[*found];
  if (reads ? !known.get : !known.post || request_.method != http::Method::post) {
    return gate_wrong_method(known.get && known.post ? "GET, HEAD, POST"
                             : known.get             ? "GET, HEAD"
                                                     : "POST");
  }
  // There would be no address to open.
  if (visitor_.is_any()) return answer_page(403, "The address that you come from is not known.");
  if (reads && path == "/" && serve_first_page()) return;
  auto query = http::read_form(query_of(target_));
  if (!query) return gate_message(400, verify::GateError::bad_form);
  errand_ = std::make_unique<GateErrand>();
  errand_->front = settings_->gate;
  verify::GateRequest& request = errand_->request;
  request.post = !reads;
  request.path = path;
  request.query = std::move(*query);
  if (reads || request_done_) return ask_gate();
  gather_form();
}

bool Exchange::serve_first_page() {
  const GateFront& front = *settings_->gate;
  const std::string_view query = query_of(target_);
  std::string back = http::query_value(query, "rd").value_or("");
  const RouteSettings* const route = believed_route(back);
  if (route == nullptr) back.clear();
  const Visitor visitor{.address = visitor_, .https = visitor_https_, .host = host_.text()};
  // As it will be judged where he goes from here: else he would be sent to and fro.
  const bool passes = admission_to(route == nullptr ? Access() : route->access, visitor).passes();
  const bool session =
      !find_cookie(request_.fields, cookie_name(verify::GateCookie::Name::session, front.cookies))
           .empty();
  if (passes && !back.empty()) {
    own_.head.fields.add("Location", back);
    add_gate_fields(front, own_.head.fields);
    answer(303, {}, {});
    return true;
  }
  if (session && passes) {
    own_.head.fields.add("Location", front.gate_path + "/access");
    add_gate_fields(front, own_.head.fields);
    answer(303, {}, {});
    return true;
  }
  if (session && front.renew_silently) return false;  // the gate knows more of him
  own_.head.status = 200;
  own_.head.fields.add("Content-Type", "text/html; charset=utf-8");
  add_gate_fields(front, own_.head.fields);
  const std::string asked = http::query_value(query, "lang").value_or("");
  const std::string_view language = gate_language(asked);
  if (language == asked) {
    own_.head.fields.add("Set-Cookie", set_language_cookie(language, front.cookies));
  }
  front.pages.append_first_page(language, back, own_.body);
  send_own();
  return true;
}

std::string_view Exchange::gate_language(std::string_view asked) const {
  return settings_->gate->pages.choose_language(
      asked, find_cookie(request_.fields, kLanguageCookie),
      request_.fields.find("accept-language").value_or(""));
}

/// The route that a return URL leads to, if its host is ours; null: it is not believed.
const RouteSettings* Exchange::believed_route(std::string_view url) const {
  const auto read = http::read_return_url(url);
  if (!read) return nullptr;
  const auto host = HostName::parse(read->authority);
  if (!host || !is_ours(read->authority, *host)) return nullptr;
  http::RequestHead asked;
  asked.method = http::Method::get;
  asked.method_text = "GET";
  std::string target(read->target);
  const auto parts = normalise_target(target);
  if (!parts) return nullptr;
  const auto route = settings_->router.find(*host, parts->path, asked);
  return route ? &settings_->routes[*route] : nullptr;
}

// --- The form --------------------------------------------------------------------------------

void Exchange::gather_form() {
  if (request_.content_length.value_or(0) > limits::kGateFormOctets) {
    return gate_message(413, verify::GateError::bad_form);
  }
  if (!http::is_form_type(request_.fields.find(http::FieldName::content_type).value_or(""))) {
    return gate_message(415, verify::GateError::bad_form);
  }
  step(ExchangeState::gathering);
}

void Exchange::gather(ring::Slice slice) {
  if (request_octets_ <= limits::kGateFormOctets) {
    errand_->form += as_text(door_.buffers().octets(slice));
    return door_.buffers().release(slice);
  }
  door_.buffers().release(slice);
  client_->discard_request();
  gate_message(413, verify::GateError::bad_form);
}

// --- The question ----------------------------------------------------------------------------

void Exchange::ask_gate() {
  verify::GateRequest& request = errand_->request;
  if (request.post) {
    auto form = http::read_form(errand_->form);
    errand_->form.clear();
    if (!form) return gate_message(400, verify::GateError::bad_form);
    request.form = std::move(*form);
    request.same_origin = http::is_same_origin(request_, visitor_https_, request_.authority);
  }
  using Name = verify::GateCookie::Name;
  const GateFront& front = *errand_->front;
  const auto cookie = [&](Name name) {
    return std::string(find_cookie(request_.fields, cookie_name(name, front.cookies))
                           .substr(0, limits::kGateCookieOctets));
  };
  request.visit_cookie = cookie(Name::visit);
  request.session_cookie = cookie(Name::session);
  request.visitor = visitor_;
  request.https = visitor_https_;
  request.host = request_.authority;
  request.script = wants_json(request_);
  request.user_agent = plain_user_agent(request_);
  request.language = gate_language(http::form_value(request.query, "lang"));
  request.now_ms = door_.unix_ms();
  // In the query as it came: what others write there has not escaped its plus signs.
  std::string back = request.post ? std::string(http::form_value(request.form, "rd"))
                                  : http::query_value(query_of(target_), "rd").value_or("");
  request.factors = front.factors;
  request.access_ms = front.access_ms;
  if (const RouteSettings* const route = believed_route(back)) {
    if (!route->config.factors.empty()) request.factors = route->config.factors;
    if (route->config.access_duration_ms > 0) {
      request.access_ms = route->config.access_duration_ms;
    }
    request.return_url = std::move(back);
  }
  errand_->ticket = {.exchange = index_, .generation = generation_, .shard = door_.shard()};
  if (door_.desk() == nullptr || !door_.desk()->ask(errand_)) {
    return gate_message(503, verify::GateError::busy);
  }
  step(ExchangeState::asking);
  door_.set_timer(*this, door_.now_ms() + limits::kGatePatienceMs);
}

void Exchange::gate_answered(std::unique_ptr<GateErrand> errand) {
  if (!awaits(errand->ticket)) return;
  std::swap(own_, errand->answer);
  send_own();
}

bool Exchange::awaits(const GateTicket& ticket) const noexcept {
  return state_ == ExchangeState::asking && ticket.exchange == index_ &&
         ticket.generation == generation_;
}

/// He has gone, or the gate takes too long.
void Exchange::let_gate_go() noexcept {
  if (state_ != ExchangeState::asking) return;
  door_.desk()->release({.exchange = index_, .generation = generation_, .shard = door_.shard()});
}

// --- Pages that need no gate -----------------------------------------------------------------

void Exchange::gate_message(std::uint16_t status, verify::GateError error) {
  errand_.reset();
  verify::View view;
  view.page = verify::PageId::message;
  view.error = error;
  view.language = gate_language({});
  own_.reset();
  if (status == 503) own_.head.fields.add("Retry-After", "2");
  write_view(*settings_->gate, view, status, wants_json(request_), own_);
  send_own();
}

void Exchange::gate_wrong_method(std::string_view allowed) {
  own_.reset();
  write_error(405, http::client_kind(request_), {}, own_);
  own_.head.fields.add("Allow", allowed);
  send_own();
}

}  // namespace sallyport::http_door
