#pragma once
// Whether a page of the asked host itself has sent a request: what keeps other sites' pages from
// sending our forms in a visitor's name. Pure, no heap; any thread.

#include <string_view>

#include "protocol/http/head.h"

namespace sallyport::http {

/// By the first that is there: Sec-Fetch-Site (which no script can set), Origin, Referer. `https`
/// and `authority`: what was asked, as the visitor wrote it. Nothing there, or something twice, is
/// a no.
[[nodiscard]] bool is_same_origin(const RequestHead& head, bool https,
                                  std::string_view authority) noexcept;

}  // namespace sallyport::http
