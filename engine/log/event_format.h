#pragma once
// An event of the HTTP door (grants, second factors, operators) as one line of the audit log. Pure.
// The fields are in docs/operations.md; all text is escaped, so one event is one line, always.

#include <fmt/format.h>

#include "engine/http/audit_event.h"
#include "engine/log/text.h"

namespace sallyport::log {

void append_event_line(fmt::memory_buffer& out, LineStyle style,
                       const http_door::AuditEvent& event);

}  // namespace sallyport::log
