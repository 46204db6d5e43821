#include "engine/http/own_pages.h"

#include <array>
#include <span>

#include <openssl/base64.h>
#include <openssl/sha.h>

#include "protocol/http/address_text.h"
#include "protocol/http/status.h"

namespace sallyport::http_door {
namespace {

using http::ClientKind;

/// Self-contained: no font, picture or script is fetched, since whoever is not let in can fetch
/// none.
constexpr std::string_view kStyle =
    ":root{color-scheme:light dark;--ground:#f4f5f7;--card:#fff;--text:#1d2330;--quiet:#5b6475;"
    "--line:#dfe3ea;--accent:#2456c7}"
    "@media(prefers-color-scheme:dark){:root{--ground:#12151c;--card:#1b202b;--text:#e8ebf2;"
    "--quiet:#9aa4b8;--line:#2c3444;--accent:#8fb1ff}}"
    "*{box-sizing:border-box}"
    "body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1.5rem;"
    "background:var(--ground);color:var(--text);"
    "font:1rem/1.55 system-ui,-apple-system,\"Segoe UI\",Roboto,sans-serif}"
    "main{width:100%;max-width:32rem;background:var(--card);border:1px solid var(--line);"
    "border-radius:1rem;padding:clamp(1.5rem,5vw,2.5rem)}"
    "p{margin:.75rem 0;overflow-wrap:anywhere}"
    ".code{margin:0;color:var(--quiet);font-variant-numeric:tabular-nums;letter-spacing:.04em}"
    "h1{margin:.25rem 0 1rem;font-size:1.5rem;line-height:1.25}"
    "dl{display:grid;grid-template-columns:auto 1fr;gap:.35rem 1rem;margin:1.25rem 0 0;"
    "padding-top:1.25rem;border-top:1px solid var(--line)}"
    "dt{color:var(--quiet)}dd{margin:0;overflow-wrap:anywhere}"
    "a{color:var(--accent)}";

const std::string& style_hash() {
  static const std::string hash = [] {
    std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest;
    SHA256(reinterpret_cast<const std::uint8_t*>(kStyle.data()), kStyle.size(), digest.data());
    std::array<std::uint8_t, 45> base64;  // 44 octets and a terminator
    const std::size_t size = EVP_EncodeBlock(base64.data(), digest.data(), digest.size());
    return "'sha256-" + std::string(reinterpret_cast<const char*>(base64.data()), size) + "'";
  }();
  return hash;
}

/// What a status usually means, for people who do not know the numbers.
std::string_view explanation(std::uint16_t status) noexcept {
  struct Text {
    std::uint16_t status;
    std::string_view text;
  };
  static constexpr Text kTexts[] = {
      {400, "The request could not be understood."},
      {401, "Access to this service has to be confirmed first."},
      {403, "Access to this address is not allowed."},
      {404, "There is nothing at this address."},
      {405, "This address does not take such a request."},
      {408, "The request took too long to arrive."},
      {411, "The request does not say how long its content is."},
      {413, "What was sent is larger than this service takes."},
      {414, "The address of the request is too long."},
      {417, "The request expects what this service does not do."},
      {421, "This server does not serve the name that was asked for."},
      {429, "Too many requests in a short time. Please wait a little."},
      {431, "The request's header is larger than this service takes."},
      {500, "Something went wrong on our side."},
      {501, "This server cannot do what was asked for."},
      {502, "The service behind this server gave no valid answer."},
      {503, "The service is not available at the moment. Please try again soon."},
      {504, "The service behind this server took too long to answer."},
      {505, "This version of HTTP is not served here."},
  };
  for (const Text& text : kTexts) {
    if (text.status == status) return text.text;
  }
  return status < 500 ? "The request could not be served."
                      : "The request could not be served at the moment.";
}

std::string_view phrase(std::uint16_t status) noexcept {
  const std::string_view registered = http::reason_phrase(status);
  return registered.empty() ? "Error" : registered;
}

/// gRPC's statuses for those of HTTP (grpc/doc/http-grpc-status-mapping.md).
std::string_view grpc_status(std::uint16_t status) noexcept {
  switch (status) {
    case 400: return "13";  // INTERNAL
    case 401: return "16";  // UNAUTHENTICATED
    case 403: return "7";   // PERMISSION_DENIED
    case 404: return "12";  // UNIMPLEMENTED
    case 429:
    case 502:
    case 503:
    case 504: return "14";  // UNAVAILABLE
    default: return "2";    // UNKNOWN
  }
}

/// A line of the list below a page's text.
struct Detail {
  std::string_view name;
  std::string_view value;
};

void write_page(std::uint16_t status, std::string_view title, std::string_view text,
                std::span<const Detail> details, OwnAnswer& answer) {
  std::string& body = answer.body;
  body +=
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"robots\" content=\"noindex\">\n<title>";
  append_html(body, title);
  body += "</title>\n<style>";
  body += kStyle;
  body += "</style>\n</head>\n<body>\n<main>\n<p class=\"code\">";
  body += std::to_string(status);
  body += "</p>\n<h1>";
  append_html(body, title);
  body += "</h1>\n<p>";
  append_html(body, text);
  body += "</p>\n";
  if (!details.empty()) body += "<dl>\n";
  for (const Detail& detail : details) {
    body += "<dt>";
    append_html(body, detail.name);
    body += "</dt><dd>";
    append_html(body, detail.value);
    body += "</dd>\n";
  }
  if (!details.empty()) body += "</dl>\n";
  body += "</main>\n</body>\n</html>\n";
  answer.head.fields.add("Content-Type", "text/html; charset=utf-8");
  add_security_fields(answer.head.fields, style_hash());
}

/// {"status":…,"error":"…","message":"…", and `more`, which begins with a comma, }.
void write_json(std::uint16_t status, std::string_view error, std::string_view message,
                std::string_view more, OwnAnswer& answer) {
  std::string& body = answer.body;
  body += "{\"status\":";
  body += std::to_string(status);
  body += ",\"error\":";
  append_json(body, error);
  body += ",\"message\":";
  append_json(body, message);
  body += more;
  body += "}\n";
  answer.head.fields.add("Content-Type", "application/json");
  add_security_fields(answer.head.fields, {});
}

/// Trailers-Only: the status stands in the head of a 200 without content.
void write_grpc(std::uint16_t status, std::string_view message, OwnAnswer& answer) {
  answer.head.status = 200;
  answer.head.fields.add("Content-Type", "application/grpc");
  answer.head.fields.add("Cache-Control", "no-store");
  answer.head.fields.add("grpc-status", grpc_status(status));
  answer.head.fields.add("grpc-message", message);
}

void finish(OwnAnswer& answer) {
  answer.head.framing = answer.body.empty() ? http::Framing::none : http::Framing::length;
  answer.head.content_length = answer.body.size();
}

void write_redirect(const NotAdmitted& visitor, OwnAnswer& answer) {
  const bool safe = visitor.method == http::Method::get || visitor.method == http::Method::head;
  answer.head.status = safe ? 302 : 303;
  answer.head.fields.add("Location", visitor.gate_url);
  answer.head.fields.add("Content-Type", "text/html; charset=utf-8");
  add_security_fields(answer.head.fields, {});
  answer.body += "<!doctype html>\n<title>Confirm access</title>\n<a href=\"";
  append_html(answer.body, visitor.gate_url);
  answer.body += "\">Confirm access</a>\n";
}

void write_gate_page(const NotAdmitted& visitor, OwnAnswer& answer) {
  AddressBuffer buffer;
  const std::string_view address = visitor.visitor.text(buffer);
  const Detail details[] = {{"Your address", address}, {"Service", visitor.host}};
  write_page(401, "Your address is not let in yet",
             "This service lets in known addresses only. Ask whoever runs it to let yours in, or "
             "come back from a network that is.",
             std::span(details).first(visitor.host.empty() ? 1 : 2), answer);
}

void write_gate_json(const NotAdmitted& visitor, OwnAnswer& answer) {
  std::string more;
  if (visitor.visitor != IpAddress{}) {
    AddressBuffer buffer;
    more += ",\"address\":";
    append_json(more, visitor.visitor.text(buffer));
  }
  if (!visitor.gate_url.empty()) {
    more += ",\"gate\":";
    append_json(more, visitor.gate_url);
  }
  write_json(401, "second_factor_required", "This address is not let in yet.", more, answer);
}

}  // namespace

void OwnAnswer::reset() noexcept {
  head.reset();
  body.clear();
}

void write_error(std::uint16_t status, ClientKind kind, std::string_view detail,
                 OwnAnswer& answer) {
  answer.reset();
  answer.head.status = status;
  const std::string_view text = detail.empty() ? explanation(status) : detail;
  switch (kind) {
    case ClientKind::page: write_page(status, phrase(status), text, {}, answer); break;
    case ClientKind::api: write_json(status, phrase(status), text, {}, answer); break;
    case ClientKind::grpc: write_grpc(status, text, answer); break;
  }
  finish(answer);
}

void write_not_admitted(const NotAdmitted& visitor, OwnAnswer& answer) {
  if (visitor.verdict != Verdict::gate) {
    write_error(403, visitor.kind, {}, answer);
    return;
  }
  answer.reset();
  if (visitor.kind == ClientKind::page && !visitor.gate_url.empty()) {
    write_redirect(visitor, answer);
    finish(answer);
    return;
  }
  answer.head.status = 401;
  switch (visitor.kind) {
    case ClientKind::page: write_gate_page(visitor, answer); break;
    case ClientKind::api: write_gate_json(visitor, answer); break;
    case ClientKind::grpc: write_grpc(401, "This address is not let in yet.", answer); break;
  }
  if (answer.head.status == 401) {
    std::string challenge;
    append_challenge(challenge, visitor.host, visitor.gate_url);
    answer.head.fields.add("WWW-Authenticate", challenge);
  }
  finish(answer);
}

void append_challenge(std::string& out, std::string_view host, std::string_view gate_url) {
  // Neither a valid host nor an escaped URL can hold a quote or a backslash.
  out += "Sallyport realm=\"";
  out += host;
  out += '"';
  if (gate_url.empty()) return;
  out += ", gate=\"";
  out += gate_url;
  out += '"';
}

void add_security_fields(http::Fields& fields, std::string_view style_hash) {
  std::string policy = "default-src 'none'; style-src ";
  policy += style_hash.empty() ? "'none'" : style_hash;
  policy += "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
  fields.add("Cache-Control", "no-store");
  fields.add("Content-Security-Policy", policy);
  fields.add("X-Frame-Options", "DENY");
  fields.add("X-Content-Type-Options", "nosniff");
  fields.add("Referrer-Policy", "no-referrer");
}

}  // namespace sallyport::http_door
