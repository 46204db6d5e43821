#include "engine/log/audit_format.h"

#include <iterator>
#include <string>

#include "protocol/radius/codes.h"
#include "verify/verification.h"

namespace sallyport::log {
namespace {

using radius_door::AuditRecord;
using radius_door::DownstreamSaid;
using radius_door::Outcome;
using verify::Verdict;

/// The setting that let an answer out without the user's approval, or held it.
std::string_view setting_name(Outcome outcome) noexcept {
  switch (outcome) {
    case Outcome::unavailable_allowed: return "on_unavailable=allow";
    case Outcome::unavailable_silent: return "on_unavailable=silent";
    case Outcome::passed_through:
    case Outcome::approved:
    case Outcome::remembered:
    case Outcome::denied:
    case Outcome::expired:
    case Outcome::unknown_user:
    case Outcome::limited:
    case Outcome::unavailable_denied:
    case Outcome::downstream_timeout:
    case Outcome::exempted:
    case Outcome::policy_denied:
    case Outcome::abandoned:
    case Outcome::unserved:
    case Outcome::spooled:
    case Outcome::not_spooled:
    case Outcome::challenged:
    case Outcome::wrong_code: return "";
  }
  return "";
}

/// What of the configuration decided, if anything but the common rule did: "night",
/// "on_unavailable=allow", or both: "night: on_unavailable=allow".
std::string policy_text(const AuditRecord& record) {
  const std::string_view setting = setting_name(record.outcome);
  std::string text(record.policy.view());
  if (!text.empty() && !setting.empty()) text += ": ";
  return text += setting;
}

std::string_view passed_answer(DownstreamSaid said) noexcept {
  switch (said) {
    case DownstreamSaid::accept: return "Access-Accept";
    case DownstreamSaid::reject: return "Access-Reject";
    case DownstreamSaid::challenge: return "Access-Challenge";
    case DownstreamSaid::accounting_response: return "Accounting-Response";
    case DownstreamSaid::nothing: return "none";
    case DownstreamSaid::other: return "other";
  }
  return "other";
}

void append_number(fmt::memory_buffer& out, std::uint32_t number) {
  const fmt::format_int text(number);
  append(out, {text.data(), text.size()});
}

void append_milliseconds(fmt::memory_buffer& out, std::uint32_t us) {
  append_number(out, us / 1000);
  const std::uint32_t rest = us % 1000;
  const char digits[] = {'.', static_cast<char>('0' + rest / 100),
                         static_cast<char>('0' + rest / 10 % 10),
                         static_cast<char>('0' + rest % 10)};
  append(out, {digits, sizeof(digits)});
}

void append_json(fmt::memory_buffer& out, const AuditRecord& record) {
  append(out, R"({"time":")");
  append_time(out, record.at_unix_ms);
  append(out, R"(","level":"info","component":"audit","event":"decision")");
  append_json_member(out, "user", record.user.view());
  append_json_member(out, "client", record.client.view());
  append_json_member(out, "source", record.source.text());
  append_json_member(out, "calling_station", record.calling_station.view());
  append_json_member(out, "nas", record.nas.view());
  append_json_member(out, "code", code_name(record.code));
  append(out, R"(,"identifier":)");
  append_number(out, record.identifier);
  append_json_member(out, "downstream", radius_door::to_text(record.downstream));
  append(out,
         record.second_factor_asked ? R"(,"second_factor":true)" : R"(,"second_factor":false)");
  if (record.factor != verify::LoginFactor::push)
    append_json_member(out, "factor", to_text(record.factor));
  append_json_member(out, "verdict", verdict_name(record.outcome));
  append_json_member(out, "outcome", radius_door::to_text(record.outcome));
  append_json_member(out, "answer", answer_name(record));
  append(out, record.joined ? R"(,"joined":true)" : R"(,"joined":false)");
  append(out, R"(,"downstream_ms":)");
  append_milliseconds(out, record.downstream_us);
  append(out, R"(,"verdict_ms":)");
  append_milliseconds(out, record.verdict_us);
  append(out, R"(,"total_ms":)");
  append_milliseconds(out, record.total_us);
  if (!record.detail.empty()) append_json_member(out, "detail", record.detail.view());
  if (const std::string policy = policy_text(record); !policy.empty())
    append_json_member(out, "policy", policy);
  append(out, R"(,"shard":)");
  append_number(out, record.shard);
  append(out, "}\n");
}

void append_quoted(fmt::memory_buffer& out, std::string_view key, std::string_view text) {
  if (text.empty()) return;
  out.push_back(' ');
  append(out, key);
  append(out, "=\"");
  append_escaped(out, text, Escape::quoted);
  out.push_back('"');
}

void append_duration(fmt::memory_buffer& out, std::string_view key, std::uint32_t us) {
  out.push_back(' ');
  append(out, key);
  append_milliseconds(out, us);
  append(out, "ms");
}

void append_human(fmt::memory_buffer& out, LineStyle style, const AuditRecord& record) {
  append_time(out, record.at_unix_ms);
  append(out, style == LineStyle::coloured ? " \x1b[36mdecision\x1b[0m " : " decision ");
  fmt::format_to(std::back_inserter(out), "{} answer={}", radius_door::to_text(record.outcome),
                 answer_name(record));
  append_quoted(out, "user", record.user.view());
  append_quoted(out, "client", record.client.view());
  fmt::format_to(std::back_inserter(out), " source={}", record.source.text());
  append_quoted(out, "calling_station", record.calling_station.view());
  append_quoted(out, "nas", record.nas.view());
  fmt::format_to(std::back_inserter(out), " code={} identifier={} downstream={}",
                 code_name(record.code), record.identifier,
                 radius_door::to_text(record.downstream));
  if (record.factor != verify::LoginFactor::push) {
    append(out, " factor=");
    append(out, to_text(record.factor));
  }
  if (record.joined) append(out, " joined");
  append_quoted(out, "detail", record.detail.view());
  append_quoted(out, "policy", policy_text(record));
  append_duration(out, "downstream=", record.downstream_us);
  if (record.second_factor_asked) append_duration(out, "verdict=", record.verdict_us);
  append_duration(out, "total=", record.total_us);
  fmt::format_to(std::back_inserter(out), " shard={}\n", record.shard);
}

}  // namespace

void append_audit_line(fmt::memory_buffer& out, LineStyle style, const AuditRecord& record) {
  if (style == LineStyle::json)
    append_json(out, record);
  else
    append_human(out, style, record);
}

std::string_view answer_name(const AuditRecord& record) noexcept {
  switch (record.outcome) {
    case Outcome::passed_through: return passed_answer(record.downstream);
    case Outcome::approved:
    case Outcome::remembered:
    case Outcome::exempted:
    case Outcome::unavailable_allowed: return "Access-Accept";
    case Outcome::denied:
    case Outcome::expired:
    case Outcome::unknown_user:
    case Outcome::limited:
    case Outcome::policy_denied:
    case Outcome::unavailable_denied:
    case Outcome::unserved: return "Access-Reject";
    case Outcome::unavailable_silent:
    case Outcome::downstream_timeout:
    case Outcome::abandoned:
    case Outcome::not_spooled: return "none";
    case Outcome::spooled: return "Accounting-Response";
    case Outcome::challenged:
    case Outcome::wrong_code: return "Access-Challenge";
  }
  return "none";
}

std::string_view verdict_name(Outcome outcome) noexcept {
  switch (outcome) {
    case Outcome::approved:
    case Outcome::remembered: return verify::to_text(Verdict::approved);
    case Outcome::denied: return verify::to_text(Verdict::denied);
    case Outcome::expired: return verify::to_text(Verdict::expired);
    case Outcome::unknown_user: return verify::to_text(Verdict::unknown_user);
    case Outcome::limited: return verify::to_text(Verdict::limited);
    case Outcome::unavailable_denied:
    case Outcome::unavailable_allowed:
    case Outcome::unavailable_silent: return verify::to_text(Verdict::unavailable);
    case Outcome::passed_through:
    case Outcome::downstream_timeout:
    case Outcome::exempted:
    case Outcome::policy_denied:
    case Outcome::abandoned:
    case Outcome::unserved:
    case Outcome::spooled:
    case Outcome::not_spooled:
    case Outcome::challenged:
    case Outcome::wrong_code: return "none";
  }
  return "none";
}

std::string_view code_name(std::uint8_t code) noexcept {
  switch (static_cast<radius::Code>(code)) {
    case radius::Code::access_request: return "Access-Request";
    case radius::Code::access_accept: return "Access-Accept";
    case radius::Code::access_reject: return "Access-Reject";
    case radius::Code::accounting_request: return "Accounting-Request";
    case radius::Code::accounting_response: return "Accounting-Response";
    case radius::Code::access_challenge: return "Access-Challenge";
    case radius::Code::status_server: return "Status-Server";
    case radius::Code::disconnect_request: return "Disconnect-Request";
    case radius::Code::disconnect_ack: return "Disconnect-ACK";
    case radius::Code::disconnect_nak: return "Disconnect-NAK";
    case radius::Code::coa_request: return "CoA-Request";
    case radius::Code::coa_ack: return "CoA-ACK";
    case radius::Code::coa_nak: return "CoA-NAK";
    case radius::Code::protocol_error: return "Protocol-Error";
  }
  return "other";
}

}  // namespace sallyport::log
