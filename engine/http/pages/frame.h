#pragma once
// What is around a page's content: head, title, logo, and at its foot languages and links.

#include <string_view>

#include "engine/http/pages/writer.h"

namespace sallyport::http_door {

[[nodiscard]] std::string_view page_name(verify::PageId page) noexcept;  ///< "register_otp"

void write_frame_top(Writer& to);
void write_frame_bottom(Writer& to);

}  // namespace sallyport::http_door
