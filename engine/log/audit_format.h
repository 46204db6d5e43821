#pragma once
// A decision as one line of text. Pure. The fields and their meaning are in docs/operations.md; all
// text of strangers (user, Calling-Station-Id, NAS) is escaped, so one record is one line, always.

#include <fmt/format.h>

#include "engine/log/text.h"
#include "engine/radius/audit.h"

namespace sallyport::log {

/// What the audit thread knows besides the record is only the time: `record.at_unix_ms` is set.
void append_audit_line(fmt::memory_buffer& out, LineStyle style,
                       const radius_door::AuditRecord& record);

/// What left for the client: "Access-Accept", …, or "none".
[[nodiscard]] std::string_view answer_name(const radius_door::AuditRecord& record) noexcept;

/// What the second factor came to: "approved", …, "none" when it was not asked or did not matter.
[[nodiscard]] std::string_view verdict_name(radius_door::Outcome outcome) noexcept;

/// "Access-Request" and so on; "other" for what this door does not carry.
[[nodiscard]] std::string_view code_name(std::uint8_t code) noexcept;

}  // namespace sallyport::log
