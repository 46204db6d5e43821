#include "engine/http/gate/reply.h"

#include <algorithm>
#include <string>

#include "protocol/http/return_url.h"

namespace sallyport::http_door {
namespace {

constexpr std::string_view kHtml = "text/html; charset=utf-8";
constexpr std::string_view kJson = "application/json";

void redirect(const GateFront& front, std::string_view location, OwnAnswer& answer) {
  answer.head.status = 303;
  std::string url;
  if (location.starts_with('/')) url = front.gate_path;
  url += location;
  answer.head.fields.add("Location", url);
  add_gate_fields(front, answer.head.fields);
}

}  // namespace

void add_gate_fields(const GateFront& front, http::Fields& fields) {
  fields.add("Cache-Control", "no-store");
  fields.add("Content-Security-Policy", front.pages.security_policy());
  fields.add("X-Frame-Options", "DENY");
  fields.add("X-Content-Type-Options", "nosniff");
  fields.add("Referrer-Policy", "same-origin");
  fields.add("Cross-Origin-Opener-Policy", "same-origin");
}

void write_view(const GateFront& front, const verify::View& view, std::uint16_t status, bool script,
                OwnAnswer& answer) {
  answer.head.status = status;
  answer.head.fields.add("Content-Type", script ? kJson : kHtml);
  add_gate_fields(front, answer.head.fields);
  if (script) {
    front.pages.render_json(view, answer.body);
  } else {
    front.pages.render(view, answer.body);
  }
}

void write_reply(GateErrand& errand) {
  using Kind = verify::GateReply::Kind;
  const GateFront& front = *errand.front;
  const verify::GateReply& reply = errand.reply;
  OwnAnswer& answer = errand.answer;
  answer.reset();
  switch (reply.kind) {
    case Kind::page:
      write_view(front, reply.view, reply.status, errand.request.script, answer);
      break;
    case Kind::redirect: redirect(front, reply.location, answer); break;
    case Kind::octets:
      answer.head.status = reply.status;
      answer.head.fields.add("Content-Type", reply.content_type);
      add_gate_fields(front, answer.head.fields);
      answer.body = reply.octets;
      break;
    case Kind::hold:
      if (errand.request.script) {
        write_view(front, reply.view, 200, true, answer);
      } else {
        redirect(front, "/visit", answer);  // whoever has no script has a page that asks again
      }
      break;
  }
  for (const verify::GateCookie& cookie : reply.cookies) {
    answer.head.fields.add("Set-Cookie", set_cookie(cookie, front.cookies));
  }
  const auto chosen = std::ranges::find(errand.request.query, "lang",
                                        [](const auto& field) { return field.first; });
  if (chosen != errand.request.query.end() && chosen->second == errand.request.language) {
    answer.head.fields.add("Set-Cookie",
                           set_language_cookie(errand.request.language, front.cookies));
  }
  if (reply.retry_after_s > 0) {
    answer.head.fields.add("Retry-After", std::to_string(reply.retry_after_s));
  }
}

void write_asset(const PageAsset& asset, std::string_view query, std::string_view known,
                 OwnAnswer& answer) {
  const std::string tag = '"' + asset.hash + '"';
  const bool pinned = http::query_value(query, "v") == asset.hash;
  answer.head.fields.add("ETag", tag);
  answer.head.fields.add("Cache-Control",
                         pinned ? "public, max-age=31536000, immutable" : "no-cache");
  answer.head.fields.add("X-Content-Type-Options", "nosniff");
  // An SVG that is opened by itself is a page: it may do nothing.
  answer.head.fields.add("Content-Security-Policy", "default-src 'none'; sandbox");
  // A list, perhaps with weak tags; ours contains nothing that could be a part of another's.
  if (known.contains(tag) || known == "*") {
    answer.head.status = 304;
    return;
  }
  answer.head.status = 200;
  answer.head.fields.add("Content-Type", asset.content_type);
  answer.body = asset.content;
}

}  // namespace sallyport::http_door
