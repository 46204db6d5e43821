#pragma once
// Forward authentication: somebody else's proxy asks us about each request of its visitors and lets
// it pass or shows our answer. Pure: a request in, the original request and its visitor out; an
// admission in, the answer out. Any thread.
//
// Below config::Http::gate_path; what each proxy sends is its own custom:
//
//   auth/nginx      auth_request: X-Original-URL, X-Original-Method
//   auth/caddy      forward_auth: X-Forwarded-Method, -Proto, -Host, -Uri
//   auth/traefik    ForwardAuth:  the same
//   auth/haproxy    haproxy-auth-request: the same, set by the configuration
//   auth/envoy/…    ext_authz over HTTP: the original method and Host, its path behind the prefix
//
// and X-Forwarded-For (or Forwarded) with the visitor's address from all of them. Each endpoint
// reads its own fields only: the proxies pass on what the visitor sent, and a field that this one
// does not set would be his.

#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

#include "engine/http/admission.h"
#include "engine/http/own_pages.h"
#include "engine/http/visitor.h"
#include "protocol/http/client_kind.h"
#include "protocol/http/head.h"

namespace sallyport::http_door {

enum class AuthProxy : std::uint8_t { nginx, caddy, traefik, haproxy, envoy };

struct AuthEndpoint {
  AuthProxy proxy = AuthProxy::nginx;
  std::string_view rest;  ///< envoy: the original target, "/" if it was empty; a view of the target
};

/// The endpoint that `target` names. It is given as received, not in canonical form: ".." of an
/// original path behind envoy's prefix must not climb over it.
[[nodiscard]] std::optional<AuthEndpoint> find_auth_endpoint(std::string_view target,
                                                             std::string_view gate_path) noexcept;

/// What the proxy asks about. Views of the head and the endpoint.
struct OriginalRequest {
  std::string_view method;  ///< a token
  bool https = false;
  std::string_view authority;  ///< valid host[:port]
  std::string_view target;     ///< begins with "/"; visible ASCII, not canonical
  Visitor visitor;             ///< of the original; maybe not known(), but never the proxy itself
};

/// Why a question is not answered. All of them are a 403, the only refusal besides 401 that
/// nginx knows: whoever asked wrongly lets nobody in.
enum class AuthProblem : std::uint8_t {
  untrusted,   ///< the peer is not in trusted_proxies
  no_visitor,  ///< the proxy does not say whom it asks for; taken for the visitor himself, it would
               ///< pass wherever its own address does, and everybody with it
  no_method,   ///< the original method is missing, there twice, or not one
  no_url,      ///< the same of the original scheme, host or path
};
[[nodiscard]] const char* to_text(AuthProblem problem) noexcept;

/// `peer` and `tls` as for find_visitor().
[[nodiscard]] std::expected<OriginalRequest, AuthProblem> read_original(
    const AuthEndpoint& endpoint, const IpAddress& peer, bool tls, const http::RequestHead& head,
    const AddressSet& trusted) noexcept;

/// Turns the proxy's question into the request it is about, for the router: method, target,
/// authority and scheme; the fields stay. Views of head's target and authority die, those in
/// `original` among them.
void become_original(const OriginalRequest& original, http::RequestHead& head);

/// What was decided about it.
struct AuthDecision {
  Admission admission;
  http::ClientKind kind = http::ClientKind::page;  ///< of the question: it has the visitor's fields
  std::string_view whitelist;                      ///< name, if that let him in
  std::string_view gate_url;                       ///< append_gate_url(); empty: nowhere to go
};

/// The answer by the proxy's contract, whose content the visitor sees unless it is nginx or
/// HAProxy.
/// - passes: 200 with X-Sallyport-Admitted (open, whitelisted, granted), and X-Sallyport-Whitelist
///   or X-Sallyport-Grant-Until (seconds of Unix time) where they apply. Remote-User is always
///   there, empty without a grant's user: a proxy that copies it has then written over the
///   visitor's own, and Caddy 2.6 passes on its placeholder's name for a field that is not there.
/// - to the gate, a browser: a redirect (HAProxy's script hands its Location on); nginx knows none,
///   so it gets 401 with the Location to be taken by auth_request_set;
/// - to the gate, another: 401 in JSON, for gRPC too (Envoy translates it; 200 would let it pass);
/// - denied: 403.
void write_auth_answer(AuthProxy proxy, const OriginalRequest& original,
                       const AuthDecision& decision, OwnAnswer& answer);

/// 403 in JSON that says what the operator has to mend.
void write_auth_problem(AuthProblem problem, OwnAnswer& answer);

}  // namespace sallyport::http_door
