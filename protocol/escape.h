#pragma once
// Text from anywhere, made safe for what we write. Pure; any thread.

#include <string>
#include <string_view>

namespace sallyport {

/// `text` for HTML: within elements and quoted attributes.
void append_html(std::string& out, std::string_view text);
/// `text` as a JSON string, quotes included. Octets that are no UTF-8 become "?".
void append_json(std::string& out, std::string_view text);

}  // namespace sallyport
