#pragma once
// Fields of a visitor's that a server behind us would take for what we say of him. Pure; any
// thread.

#include <string_view>

#include "engine/http/rewrite.h"
#include "protocol/http/head.h"

namespace sallyport::http_door {

/// Whether a field of this name, which no code asks for (FieldName::other), must not reach a
/// server:
/// - programs that make variables of fields (CGI, RFC 3875 §4.1.18, and its many heirs) take
///   "X_Forwarded_For" for X-Forwarded-For, some "X.Forwarded.For", too. No name may be, so read,
///   one that we know or that `rules` write;
/// - Proxy becomes the variable by which those programs find their own proxy (CVE-2016-5385);
/// - HTTP2-Settings has a meaning beside an Upgrade to h2c alone, which is never passed on.
/// X-Forwarded- itself, which trusted proxies may say more of than we know, is not looked at.
[[nodiscard]] bool is_impostor(std::string_view name, const FieldPlan& rules);

/// Whether a trailer section of a visitor's names anything that his head could not have said: is an
/// impostor, begins with X-Forwarded-, or is what `rules` write (RFC 9110 §6.5.1).
[[nodiscard]] bool has_impostor(const http::Fields& trailers, const FieldPlan& rules);

}  // namespace sallyport::http_door
