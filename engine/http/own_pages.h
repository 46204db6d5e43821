#pragma once
// The answers that are ours and no upstream's: errors, and what a visitor gets who is not let in
// (yet). Each in the form that its reader understands: a page, JSON, or gRPC's status. Pure; any
// thread; writes into the caller's head and body, whose memory is used again.

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/http/admission.h"
#include "protocol/escape.h"
#include "protocol/http/client_kind.h"
#include "protocol/http/head.h"

namespace sallyport::http_door {

/// The head and body of an answer of ours, with its length and framing; the caller leaves the body
/// away for HEAD, and adds Date, Server and what the status asks for (Allow, Retry-After).
struct OwnAnswer {
  http::ResponseHead head;
  std::string body;

  void reset() noexcept;
};

/// An error: 4xx or 5xx. `detail`: a sentence for the reader, from us and never from a request;
/// empty: what is usually meant by the status.
void write_error(std::uint16_t status, http::ClientKind kind, std::string_view detail,
                 OwnAnswer& answer);

/// A visitor who is not let in.
struct NotAdmitted {
  Verdict verdict = Verdict::gate;  ///< gate or denied
  http::ClientKind kind = http::ClientKind::page;
  http::Method method = http::Method::get;
  IpAddress visitor;          ///< "::": not known
  std::string_view host;      ///< that he asked, valid; empty: none
  std::string_view gate_url;  ///< where he can ask to be let in (append_gate_url()); empty: nowhere
};

/// denied: a 403. gate, by kind:
/// - page: a redirect to the gate, 302, or 303 for a method whose content it cannot take along;
///   without a gate a 401 that says how things stand;
/// - api: 401 in JSON, with the gate's URL for a program that can show it;
/// - grpc: status 16, UNAUTHENTICATED.
/// Each 401 has a WWW-Authenticate (RFC 9110 §15.5.2), of a scheme that no browser asks a password
/// for.
void write_not_admitted(const NotAdmitted& visitor, OwnAnswer& answer);

/// The value of WWW-Authenticate: Sallyport realm="example.net", gate="https://…".
void append_challenge(std::string& out, std::string_view host, std::string_view gate_url);

/// For every page of ours: no script at all, no frame around it, no guess at its type, no copy
/// kept. `style_hash`: of its style element, as CSP writes it, or empty.
void add_security_fields(http::Fields& fields, std::string_view style_hash);

}  // namespace sallyport::http_door
