#include "engine/log/access_format.h"

#include <iterator>
#include <string>
#include <string_view>

namespace sallyport::log {
namespace {

using http_door::AccessRecord;

std::string visitor_text(const AccessRecord& record) {
  return record.visitor.is_any() ? "unknown" : record.visitor.text();
}

std::string peer_text(const AccessRecord& record) {
  return record.peer.address.is_any() ? "unix" : record.peer.text();
}

std::string_view admission_text(const AccessRecord& record) noexcept {
  return record.admission ? http_door::to_text(*record.admission) : "none";
}

void append_json(fmt::memory_buffer& out, const AccessRecord& record) {
  append(out, R"({"time":")");
  append_time(out, record.at_unix_ms);
  append(out, R"(","level":"info","component":"access","event":"request")");
  append_json_member(out, "visitor", visitor_text(record));
  append_json_member(out, "peer", peer_text(record));
  append_json_member(out, "method", record.method.view());
  append_json_member(out, "host", record.host.view());
  append_json_member(out, "path", record.path.view());
  append_json_member(out, "version", record.http2 ? "2" : "1.1");
  append_json_member(out, "route", record.route.view());
  if (!record.server.empty()) {
    append_json_member(out, "pool", record.pool.view());
    append_json_member(out, "server", record.server.view());
  }
  if (!record.failure.empty()) append_json_member(out, "failure", record.failure);
  append_json_member(out, "admission", admission_text(record));
  if (!record.whitelist.empty()) append_json_member(out, "whitelist", record.whitelist.view());
  if (!record.user.empty()) append_json_member(out, "user", record.user.view());
  if (record.grant != 0) {
    fmt::format_to(std::back_inserter(out), R"(,"grant":{})", record.grant);
  }
  fmt::format_to(std::back_inserter(out), R"(,"status":{})", record.status);
  append_json_member(out, "outcome", http_door::to_text(record.end));
  fmt::format_to(std::back_inserter(out),
                 R"(,"request_octets":{},"response_octets":{},"total_ms":{},"shard":{})",
                 record.request_octets, record.response_octets, record.total_ms, record.shard);
  append(out, "}\n");
}

void append_quoted(fmt::memory_buffer& out, std::string_view key, std::string_view text) {
  if (text.empty()) return;
  fmt::format_to(std::back_inserter(out), " {}=\"", key);
  append_escaped(out, text, Escape::quoted);
  out.push_back('"');
}

void append_human(fmt::memory_buffer& out, LineStyle style, const AccessRecord& record) {
  append_time(out, record.at_unix_ms);
  append(out, style == LineStyle::coloured ? " \x1b[36mrequest\x1b[0m" : " request");
  fmt::format_to(std::back_inserter(out), " {} visitor={} peer={}", record.status,
                 visitor_text(record), peer_text(record));
  append_quoted(out, "method", record.method.view());
  append_quoted(out, "host", record.host.view());
  append_quoted(out, "path", record.path.view());
  append_quoted(out, "route", record.route.view());
  append_quoted(out, "pool", record.pool.view());
  append_quoted(out, "server", record.server.view());
  append_quoted(out, "failure", record.failure);
  fmt::format_to(std::back_inserter(out), " admission={}", admission_text(record));
  append_quoted(out, "whitelist", record.whitelist.view());
  append_quoted(out, "user", record.user.view());
  if (record.grant != 0) fmt::format_to(std::back_inserter(out), " grant={}", record.grant);
  fmt::format_to(std::back_inserter(out),
                 " outcome={} request_octets={} response_octets={} total={}ms shard={}\n",
                 http_door::to_text(record.end), record.request_octets, record.response_octets,
                 record.total_ms, record.shard);
}

}  // namespace

void append_access_line(fmt::memory_buffer& out, LineStyle style, const AccessRecord& record) {
  if (style == LineStyle::json) {
    append_json(out, record);
  } else {
    append_human(out, style, record);
  }
}

}  // namespace sallyport::log
