#pragma once
// An answered CoA-Request or Disconnect-Request as one line of the audit log. Pure. The fields are
// in docs/coa.md; all text of strangers is escaped, so one record is one line, always.

#include <fmt/format.h>

#include "engine/log/text.h"
#include "engine/radius/coa/coa_record.h"

namespace sallyport::log {

/// `record.at_unix_ms` is set.
void append_coa_line(fmt::memory_buffer& out, LineStyle style,
                     const radius_door::CoaRecord& record);

}  // namespace sallyport::log
