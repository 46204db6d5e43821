#pragma once
// What kind of program asks, so that who is not let in gets an answer that it understands: a
// program that waits for JSON can do nothing with a login page. Pure, no heap; any thread.

#include <cstdint>

#include "protocol/http/head.h"

namespace sallyport::http {

enum class ClientKind : std::uint8_t {
  page,  ///< a browser that is about to show what it gets: a page, or a redirect to one
  api,   ///< scripts within pages, pictures, WebSockets, and programs: 401 in JSON
  grpc,  ///< gRPC: grpc-status in the head (Trailers-Only)
};

/// By the first that says something: Content-Type (application/grpc); Sec-Fetch-Mode and
/// Sec-Fetch-Dest, which scripts cannot forge; X-Requested-With; an upgrade; and then whether
/// Accept asks for HTML by name and not for JSON more. Sec-Fetch-* comes over TLS only, so a
/// browser over plain HTTP is known by its Accept. Who says nothing is a program.
[[nodiscard]] ClientKind client_kind(const RequestHead& head) noexcept;

}  // namespace sallyport::http
