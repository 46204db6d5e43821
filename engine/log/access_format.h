#pragma once
// A request of the HTTP door as one line of text. Pure. The fields and their meaning are in
// docs/operations.md; what visitors send is escaped, so one record is one line, always.

#include <fmt/format.h>

#include "engine/http/access_record.h"
#include "engine/log/text.h"

namespace sallyport::log {

void append_access_line(fmt::memory_buffer& out, LineStyle style,
                        const http_door::AccessRecord& record);

}  // namespace sallyport::log
