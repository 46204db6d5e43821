#include "engine/admin/pages.h"

#include <array>
#include <functional>
#include <iterator>
#include <numeric>

#include <fmt/format.h>

#include "engine/admin/health_text.h"
#include "engine/admin/metric_table.h"
#include "engine/admin/prometheus.h"
#include "engine/log/text.h"

namespace sallyport::admin {
namespace {

using log::append;
using log::append_json_member;
using verify::Counter;

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kHtml = "text/html; charset=utf-8";

void append_number(fmt::memory_buffer& out, std::string_view key, std::uint64_t value) {
  const bool first = out[out.size() - 1] == '{';
  fmt::format_to(std::back_inserter(out), "{}\"{}\":{}", first ? "" : ",", key, value);
}

void append_health(fmt::memory_buffer& out, const verify::Health& health,
                   std::span<const Problem> problems) {
  out.push_back('{');
  append_json_member(out, "state", verify::to_text(health.state));
  append_json_member(out, "text", title_of(health));
  append_json_member(out, "detail", health.text);
  append_json_member(out, "look_at", words_for(health.state).look_at);
  if (health.checked_unix_ms != 0) {
    append(out, R"(,"checked":")");
    log::append_time(out, health.checked_unix_ms);
    out.push_back('"');
  }
  append_number(out, "next_check_ms", health.next_check_ms);
  append(out, R"(,"problems":[)");
  for (const Problem& problem : problems) {
    append(out, out[out.size() - 1] == '[' ? "{" : ",{");
    append_json_member(out, "text", problem.text);
    append_json_member(out, "look_at", problem.look_at);
    out.push_back('}');
  }
  append(out, "]}");
}

template <typename Metrics, std::size_t N>
std::uint64_t sum(std::span<const Metrics* const> all,
                  const std::array<Counter, N> Metrics::* group) {
  std::uint64_t total = 0;
  for (const Metrics* metrics : all)
    for (const Counter& counter : metrics->*group) total += counter.value();
  return total;
}

template <typename Metrics>
std::uint64_t sum(std::span<const Metrics* const> all, Counter Metrics::* member) {
  std::uint64_t total = 0;
  for (const Metrics* metrics : all) total += (metrics->*member).value();
  return total;
}

void append_counts(fmt::memory_buffer& out, const Snapshot& snapshot) {
  const auto shards = snapshot.shards;
  append_number(out, "requests", sum(shards, &RadiusMetrics::requests));
  append(out, R"(,"answers":{)");
  for (const AnswerCode& answer : kRadiusAnswers)
    append_number(out, answer.label, sum(shards, answer.member));
  append(out, R"(},"verdicts":{)");
  for (std::size_t i = 0; i < verify::kVerdicts; ++i) {
    std::uint64_t total = 0;
    for (const RadiusMetrics* shard : shards) total += shard->verdicts[i].value();
    append_number(out, verify::to_text(static_cast<verify::Verdict>(i)), total);
  }
  append(out, R"(},"pending":{)");
  append_number(out, "exchanges", sum(shards, &RadiusMetrics::exchanges));
  append_number(out, "awaiting_verdict", sum(shards, &RadiusMetrics::awaiting_verdict));
  if (!snapshot.verify_threads.empty())  // else nothing is asked of Notakey
    append_number(out, "verifications", sum(snapshot.verify_threads, &VerifyMetrics::pending));
  append(out, R"(},"dropped":{)");
  append_number(out, "datagrams", sum(shards, &RadiusMetrics::drops));
  append_number(out, "malformed_from_client", sum(shards, &RadiusMetrics::malformed_from_client));
  append_number(out, "malformed_from_downstream",
                sum(shards, &RadiusMetrics::malformed_from_downstream));
  append_number(out, "downstream_timeouts", sum(shards, &RadiusMetrics::downstream_timeouts));
  out.push_back('}');
}

void append_http(fmt::memory_buffer& out, const Snapshot& snapshot) {
  const auto shards = snapshot.http_shards;
  const auto count = [&](std::string_view key, Counter HttpMetrics::* member) {
    append_number(out, key, sum(shards, member));
  };
  append(out, R"(,"http":{)");
  count("requests", &HttpMetrics::requests);
  count("connections", &HttpMetrics::connections_open);
  append_number(out, "grants", snapshot.http_grants);
  append(out, R"(,"answers":{)");
  for (std::size_t i = 1; i < http_door::kAnswerClasses; ++i) {
    std::uint64_t total = 0;
    for (const HttpMetrics* shard : shards) total += shard->answers[i].value();
    append_number(out, fmt::format("{}xx", i), total);
  }
  append(out, R"(},"admissions":{)");
  for (std::size_t i = 0; i < http_door::kVerdicts; ++i) {
    std::uint64_t total = 0;
    for (const HttpMetrics* shard : shards) total += shard->admissions[i].value();
    append_number(out, to_text(static_cast<http_door::Verdict>(i)), total);
  }
  append(out, R"(},"errors":{)");
  count("bad_requests", &HttpMetrics::bad_requests);
  count("tls_failures", &HttpMetrics::tls_failures);
  count("timeouts", &HttpMetrics::timeouts);
  count("floods", &HttpMetrics::floods);
  count("upstream_failures", &HttpMetrics::upstream_failures);
  append(out, R"(},"upstreams":[)");
  for (const http_door::UpstreamState& each : snapshot.http_upstreams) {
    append(out, out[out.size() - 1] == '[' ? "{" : ",{");
    append_json_member(out, "pool", each.pool);
    append_json_member(out, "server", each.server);
    append_json_member(out, "state", each.drains ? "draining" : to_text(each.worst()));
    append_json_member(out, "reason", each.reason.text());
    out.push_back('}');
  }
  append(out, "]}");
}

void append_downstreams(fmt::memory_buffer& out,
                        std::span<const radius_door::DownstreamState> servers) {
  append(out, R"(,"downstreams":[)");
  for (const radius_door::DownstreamState& each : servers) {
    append(out, out[out.size() - 1] == '[' ? "{" : ",{");
    append_json_member(out, "pool", each.pool);
    append_json_member(out, "server", each.server);
    append_json_member(out, "address", each.address);
    append_json_member(out, "state", to_text(each.worst()));
    append_json_member(out, "reason", to_text(each.reason));
    append_number(out, "outstanding", each.outstanding);
    out.push_back('}');
  }
  out.push_back(']');
}

void append_gate(fmt::memory_buffer& out, const http_door::GateStatus& gate) {
  append(out, R"(,"gate":{)");
  append_number(out, "waiting", gate.desk.waiting);
  append_number(out, "held", gate.desk.held);
  append_number(out, "refused", gate.desk.refused + gate.desk.jobs_refused);
  append(out, R"(},"events":{)");
  for (const auto& [event, count] : gate.events) append_number(out, event, count);
  out.push_back('}');
}

void append_store(fmt::memory_buffer& out, const verify::StoreHealth& store) {
  append(out, R"(,"store":{)");
  append(out, store.ok ? R"("ok":true)" : R"("ok":false)");
  append_json_member(out, "detail", store.text);
  out.push_back('}');
}

void append_messages(fmt::memory_buffer& out, const http_door::MessageStatus& messages) {
  append(out, R"(,"messages":{)");
  append_number(out, "queued", messages.queued);
  for (const verify::ChannelCounts& channel : messages.channels) {
    fmt::memory_buffer name;  // an operator's text, as a key
    log::append_escaped(name, channel.name, log::Escape::json);
    append_number(out, fmt::to_string(name) + " sent", channel.sent);
    append_number(out, fmt::to_string(name) + " dropped", channel.dropped);
  }
  out.push_back('}');
}

void append_accounting(fmt::memory_buffer& out, const radius_door::SpoolMetrics& spool) {
  append(out, R"(,"accounting":{)");
  append_number(out, "stored", spool.stored.value());
  append_number(out, "delivered", spool.delivered.value());
  append_number(out, "waiting", spool.waiting.value());
  append_number(out, "oldest_s", spool.oldest_s.value());
  append_number(out, "refused", spool.refused.value() + spool.refused_full.value());
  append_number(out, "full", spool.full.value());
  append_number(out, "server_silent", spool.silent.value());
  out.push_back('}');
}

void append_coa(fmt::memory_buffer& out, const CoaMetrics& coa) {
  append(out, R"(,"coa":{)");
  append_number(out, "requests", coa.requests.value());
  append_number(out, "acks", coa.acks.value());
  append_number(out, "naks", coa.naks.value());
  append_number(out, "own_naks", coa.own_naks.value());
  append_number(out, "timeouts", coa.timeouts.value());
  append_number(out, "pending", coa.pending.value());
  std::uint64_t dropped = 0;
  for (const Counter& counter : coa.drops) dropped += counter.value();
  for (const Counter& counter : coa.malformed_from_asker) dropped += counter.value();
  for (const Counter& counter : coa.malformed_from_nas) dropped += counter.value();
  append_number(out, "dropped", dropped);
  out.push_back('}');
}

constexpr std::string_view kIndex =
    "<!DOCTYPE html>\n"
    "<html lang=\"en\"><head><meta charset=\"utf-8\"><title>sallyport</title></head>\n"
    "<body><h1>sallyport</h1>\n"
    "<ul>\n"
    "<li><a href=\"/health\">/health</a>: one of five states, 200 only when it is OK</li>\n"
    "<li><a href=\"/status\">/status</a>: version, addresses, counts, health</li>\n"
    "<li><a href=\"/metrics\">/metrics</a>: everything, for Prometheus</li>\n"
    "</ul></body></html>\n";

}  // namespace

std::string health_json(const verify::Health& health, std::span<const Problem> problems) {
  fmt::memory_buffer out;
  append_health(out, health, problems);
  out.push_back('\n');
  return fmt::to_string(out);
}

std::string status_json(const Snapshot& snapshot) {
  const Identity& identity = snapshot.identity;
  fmt::memory_buffer out;
  out.push_back('{');
  append_json_member(out, "version", identity.version);
  append(out, R"(,"started":")");
  log::append_time(out, identity.started_unix_ms);
  out.push_back('"');
  const std::uint64_t now = std::max(snapshot.now_unix_ms, identity.started_unix_ms);
  append_number(out, "uptime_s", (now - identity.started_unix_ms) / 1000);
  append(out, R"(,"health":)");
  append_health(out, snapshot.health, problems_of(snapshot.downstreams));
  append(out, R"(,"listening":[)");
  for (std::size_t i = 0; i < identity.listening.size(); ++i)
    fmt::format_to(std::back_inserter(out), "{}\"{}\"", i == 0 ? "" : ",", identity.listening[i]);
  out.push_back(']');
  const bool http = !snapshot.http_shards.empty();
  const bool radius = !snapshot.shards.empty() || !http;
  if (radius) append_json_member(out, "downstream", identity.downstream);
  if (!snapshot.downstreams.empty()) append_downstreams(out, snapshot.downstreams);
  append_number(out, "shards", std::max(snapshot.shards.size(), snapshot.http_shards.size()));
  if (radius) append_counts(out, snapshot);
  if (snapshot.spool != nullptr) append_accounting(out, *snapshot.spool);
  if (snapshot.coa != nullptr) append_coa(out, *snapshot.coa);
  if (http) append_http(out, snapshot);
  if (snapshot.gate) append_gate(out, *snapshot.gate);
  if (snapshot.store) append_store(out, *snapshot.store);
  if (snapshot.messages) append_messages(out, *snapshot.messages);
  append_number(out, "log_lines_lost", snapshot.log.lost_lines);
  append(out, "}\n");
  return fmt::to_string(out);
}

Page page_for(std::string_view path, const Snapshot& snapshot) {
  if (path == "/metrics")
    return {.content_type = kPrometheusContentType, .body = prometheus_text(snapshot)};
  if (path == "/health") {
    const bool well = snapshot.health.state == verify::HealthState::ok;
    return {.status = well ? 200u : 503u,
            .content_type = kJson,
            .body = health_json(snapshot.health, problems_of(snapshot.downstreams))};
  }
  if (path == "/status") return {.content_type = kJson, .body = status_json(snapshot)};
  if (path == "/") return {.content_type = kHtml, .body = std::string(kIndex)};
  return {
      .status = 404,
      .content_type = kHtml,
      .body = "<!DOCTYPE html><title>Not found</title><p>Nothing here. <a href=\"/\">Start</a>\n"};
}

}  // namespace sallyport::admin
