#include "engine/log/event_format.h"

#include <iterator>
#include <string>
#include <string_view>

namespace sallyport::log {
namespace {

using http_door::AuditEvent;

void append_text(fmt::memory_buffer& out, LineStyle style, std::string_view key,
                 std::string_view text) {
  if (text.empty()) return;
  if (style == LineStyle::json) return append_json_member(out, key, text);
  fmt::format_to(std::back_inserter(out), " {}=\"", key);
  append_escaped(out, text, Escape::quoted);
  out.push_back('"');
}

}  // namespace

void append_event_line(fmt::memory_buffer& out, LineStyle style, const AuditEvent& event) {
  const bool json = style == LineStyle::json;
  if (json) append(out, R"({"time":")");
  append_time(out, event.at_unix_ms);
  if (json) {
    append(out, R"(","level":"info","component":"audit")");
    append_json_member(out, "event", event.event);
  } else {
    append(out, style == LineStyle::coloured ? " \x1b[36m" : " ");
    append_escaped(out, event.event, Escape::quoted);
    if (style == LineStyle::coloured) append(out, "\x1b[0m");
  }
  if (event.grant != 0) {
    fmt::format_to(std::back_inserter(out), fmt::runtime(json ? ",\"grant\":{}" : " grant={}"),
                   event.grant);
  }
  append_text(out, style, "user", event.user);
  append_text(out, style, "address", event.address.is_any() ? "" : event.address.text());
  append_text(out, style, "by", event.by);
  if (event.until_ms != 0) {
    fmt::memory_buffer until;
    append_time(until, event.until_ms);
    append_text(out, style, "until", {until.data(), until.size()});
  }
  append_text(out, style, "who", event.who);
  append_text(out, style, "detail", event.detail);
  append(out, json ? "}\n" : "\n");
}

}  // namespace sallyport::log
