// What tests ask of the simulator and set in it, under /lab/. JSON in, JSON out.
//   GET    /lab/stats                counts since the start, and what is held now
//   GET    /lab/requests[?user=NAME] every request and what became of it
//   DELETE /lab/requests             forgets them and their counts
//   GET, POST, DELETE /lab/faults    lists, adds one, removes all; DELETE /lab/faults/ID: one
//   POST   /lab/users                {"alice":"deny:1s","default":"ask"}: from now on
//   DELETE /lab/tokens               every access token is revoked

#include <charconv>

#include <fmt/format.h>

#include "bench/simulators/clock.h"
#include "bench/simulators/notakey_service.h"
#include "bench/simulators/text.h"

namespace sallyport::lab {

void NotakeyService::on_lab(StreamKey key, const HttpRequest& request) {
  const std::string_view path = request.path();
  const bool get = request.method == "GET";
  if (!get && is_cross_site(request)) return deliver(key, error_reply(403, "cross-site request"));
  if (path == "/lab/stats" && get) return deliver(key, {.body = stats_json()});
  if (path == "/lab/requests" && get) {
    const std::string_view target = request.target;
    const std::size_t mark = target.find('?');
    return deliver(
        key,
        {.body = requests_json(mark == std::string_view::npos ? "" : target.substr(mark + 1))});
  }
  if (path == "/lab/requests" && request.method == "DELETE") {
    store_.clear();
    counters_ = {};
    changed();
    return deliver(key, {.body = "{}"});
  }
  if (path == "/lab/faults" || path.starts_with("/lab/faults/")) return on_lab_faults(key, request);
  if (path == "/lab/users" && request.method == "POST") return on_lab_users(key, request);
  if (path == "/lab/tokens" && request.method == "DELETE") {
    tokens_.revoke_all();
    return deliver(key, {.body = "{}"});
  }
  deliver(key, error_reply(404, "no such page of the lab"));
}

void NotakeyService::on_lab_faults(StreamKey key, const HttpRequest& request) {
  constexpr std::string_view kFolder = "/lab/faults/";
  const std::string_view path = request.path();
  if (path.starts_with(kFolder) && request.method == "DELETE") {
    const std::string_view text = path.substr(kFolder.size());
    std::uint32_t id = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
    const bool known =
        error == std::errc{} && end == text.data() + text.size() && faults_.remove(id);
    return deliver(key, known ? HttpReply{.body = "{}"} : error_reply(404, "no such fault"));
  }
  if (path.starts_with(kFolder)) return deliver(key, error_reply(405, "only DELETE"));
  if (request.method == "DELETE") {
    faults_.clear();
    return deliver(key, {.body = "{}"});
  }
  if (request.method == "POST") {
    const auto fault = parse_fault_json(request.body);
    if (!fault) return deliver(key, error_reply(400, fault.error()));
    return deliver(key,
                   {.status = 201, .body = fmt::format(R"({{"id":{}}})", faults_.add(*fault))});
  }
  deliver(key, {.body = faults_.json()});
}

void NotakeyService::on_lab_users(StreamKey key, const HttpRequest& request) {
  const auto fields = BodyFields::parse("application/json", request.body);
  if (!fields) return deliver(key, error_reply(400, fields.error()));
  UserScript users = settings_.users;
  for (const auto& [name, text] : fields->all()) {
    const auto behaviour = parse_behaviour(text);
    if (!behaviour) return deliver(key, error_reply(400, behaviour.error()));
    if (name == "default") {
      users.set_default(*behaviour);
    } else if (const auto added = users.add(fmt::format("{}={}", name, text)); !added) {
      return deliver(key, error_reply(400, added.error()));
    }
  }
  settings_.users = std::move(users);
  deliver(key, {.body = "{}"});
}

std::string NotakeyService::stats_json() const {
  const HttpServerStats& http = server_->stats();
  std::string creates;
  std::uint64_t total = 0;
  for (const auto& [user, count] : store_.creates_per_user()) {
    creates += fmt::format("{}{}:{}", creates.empty() ? "" : ",", json_quote(user), count);
    total += count;
  }
  std::string out = fmt::format(
      R"({{"creates":{},"creates_per_user":{{{}}},"polls":{},"tokens":{},"service_calls":{},)",
      total, creates, counters_.polls, tokens_.issued(), counters_.service_calls);
  out += fmt::format(
      R"("refused_tokens":{},"refused_users":{},"not_found":{},"pending":{},"held":{},)",
      counters_.refused_tokens, counters_.refused_users, counters_.not_found, store_.pending(),
      holds_.size());
  out += fmt::format(R"("most_held":{},"connections":{{"accepted":{},"open":{},"http2":{}}},)",
                     counters_.most_held, http.connections_accepted, http.connections_open,
                     http.http2_connections);
  return out + fmt::format(R"("http2_streams":{},"http1_requests":{}}})", http.http2_streams,
                           http.http1_requests);
}

std::string NotakeyService::requests_json(std::string_view query) const {
  const auto user = form_field(query, "user");
  std::string out = "[";
  for (const AuthRequest& request : store_.all()) {
    if (user && request.user != *user) continue;
    if (out.size() > 1) out += ',';
    out += fmt::format(R"({{"uuid":"{}","username":{},"action":{},"description":{},"state":"{}",)",
                       request.uuid.view(), json_quote(request.user), json_quote(request.action),
                       json_quote(request.description), to_text(request.state));
    out +=
        fmt::format(R"("answered_by":"{}","polls":{},"created_unix_ms":{},"expires_unix_ms":{},)",
                    to_text(request.answered_by), request.polls, request.created_unix_ms,
                    request.expires_unix_ms);
    out += fmt::format(R"("finished_unix_ms":{}}})", request.finished_unix_ms);
  }
  return out + "]";
}

}  // namespace sallyport::lab
