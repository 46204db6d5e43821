#pragma once
// Line drawings for the pages, in the colour of the text around them. Decoration: the text says the
// same. Markup of ours.

#include <cstdint>
#include <string_view>

#include "verify/gate/view.h"

namespace sallyport::http_door {

enum class Icon : std::uint8_t { mail, app, link, phone, key, alert, done, refused };

/// What stands within its <svg class="icon" viewBox="0 0 24 24">.
[[nodiscard]] std::string_view icon_paths(Icon icon) noexcept;
[[nodiscard]] Icon icon_of(verify::Factor factor) noexcept;

}  // namespace sallyport::http_door
