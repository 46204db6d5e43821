#include "engine/log/coa_format.h"

#include <iterator>
#include <string_view>

#include "engine/log/audit_format.h"
#include "protocol/radius/codes.h"

namespace sallyport::log {
namespace {

using radius_door::CoaRecord;

std::uint8_t answer_code(const CoaRecord& record) noexcept {
  using radius::Code;
  const bool coa = static_cast<Code>(record.code) == Code::coa_request;
  const Code code = record.ack ? (coa ? Code::coa_ack : Code::disconnect_ack)
                               : (coa ? Code::coa_nak : Code::disconnect_nak);
  return static_cast<std::uint8_t>(code);
}

void append_text(fmt::memory_buffer& out, LineStyle style, std::string_view key,
                 std::string_view text) {
  if (style == LineStyle::json) return append_json_member(out, key, text);
  if (text.empty()) return;
  fmt::format_to(std::back_inserter(out), " {}=\"", key);
  append_escaped(out, text, Escape::quoted);
  out.push_back('"');
}

/// A number, or a word of ours.
template <typename Value>
void append_bare(fmt::memory_buffer& out, LineStyle style, std::string_view key, Value value) {
  fmt::format_to(std::back_inserter(out),
                 fmt::runtime(style == LineStyle::json ? ",\"{}\":{}" : " {}={}"), key, value);
}

}  // namespace

void append_coa_line(fmt::memory_buffer& out, LineStyle style, const CoaRecord& record) {
  const bool json = style == LineStyle::json;
  if (json) append(out, R"({"time":")");
  append_time(out, record.at_unix_ms);
  if (json) {
    append(out, R"(","level":"info","component":"audit","event":"dynamic_authorization")");
  } else {
    append(out, style == LineStyle::coloured ? " \x1b[36mdynamic_authorization\x1b[0m"
                                             : " dynamic_authorization");
  }
  append_text(out, style, "outcome", radius_door::to_text(record.outcome));
  append_text(out, style, "code", code_name(record.code));
  append_text(out, style, "answer", code_name(answer_code(record)));
  if (record.error_cause != 0) append_bare(out, style, "error_cause", record.error_cause);
  append_text(out, style, "asker", record.asker.view());
  append_text(out, style, "source", record.source.text());
  append_bare(out, style, "identifier", record.identifier);
  append_text(out, style, "nas", record.nas.view());
  append_text(out, style, "nas_address",
              record.nas_address.port == 0 ? "" : record.nas_address.text());
  append_text(out, style, "user", record.user.view());
  append_text(out, style, "session", record.session.view());
  append_bare(out, style, "total_ms",
              fmt::format("{}.{:03}", record.total_us / 1000, record.total_us % 1000));
  append(out, json ? "}\n" : "\n");
}

}  // namespace sallyport::log
