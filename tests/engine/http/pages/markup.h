#pragma once
// As much of HTML as is needed to see that a page's markup is ours.

#include <string>
#include <string_view>
#include <vector>

namespace sallyport::http_door {

/// What is wrong with the page: an element that is not closed or not ours, an attribute without
/// quotes or twice, a stray "<" or "&", an id that is there twice, a label or description of
/// nothing. Empty: nothing.
[[nodiscard]] std::string markup_mistake(std::string_view page);

/// Each element of a name with all that is in it; they do not nest.
[[nodiscard]] std::vector<std::string> elements(std::string_view page, std::string_view name);

}  // namespace sallyport::http_door
