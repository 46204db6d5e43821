// An audit line as the audit thread writes it.

#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "bench/micro/hot_function.h"
#include "engine/log/audit_format.h"
#include "engine/log/text.h"
#include "protocol/check.h"

namespace sallyport::micro {
namespace {

Calls json_line() {
  radius_door::AuditRecord record;
  record.at_unix_ms = 1'700'000'000'123;
  record.outcome = radius_door::Outcome::approved;
  record.downstream = radius_door::DownstreamSaid::accept;
  record.second_factor_asked = true;
  record.code = 1;
  record.identifier = 77;
  record.source = *Endpoint::parse("192.0.2.7:49152", 0);
  record.downstream_us = 1'234;
  record.verdict_us = 3'456'789;
  record.total_us = 3'458'100;
  record.user.assign(std::string_view("jdoe0001"));
  record.client.assign(std::string_view("office-vpn"));
  record.calling_station.assign(std::string_view("00-11-22-33-44-55"));
  record.nas.assign(std::string_view("gateway-1"));
  return [record, out = fmt::memory_buffer()](std::uint32_t calls) mutable {
    for (std::uint32_t i = 0; i < calls; ++i) {
      out.clear();
      log::append_audit_line(out, log::LineStyle::json, record);
      CHECK(out.size() > 300 && out[out.size() - 2] == '}');
    }
  };
}

}  // namespace

void add_audit(HotFunctions& all) {
  all.push_back({"audit/json_line", [] { return json_line(); }});
}

}  // namespace sallyport::micro
