#include "engine/http/visitor.h"

#include <array>
#include <span>

#include "protocol/http/field_text.h"
#include "protocol/http/forwarded.h"
#include "protocol/http/target.h"

namespace sallyport::http_door {
namespace {

/// Lines of one field. A proxy adds to the last line or adds one, so there are hardly more than
/// two.
constexpr std::size_t kMaxLines = 16;

/// What one field leads to.
struct Told {
  bool present = false;
  VisitorSource source = VisitorSource::peer;
  IpAddress address;
  http::Hop hop;  ///< what the outermost trusted proxy says of its visitor
};

Told walk(const http::Fields& fields, http::FieldName name, http::HopSyntax syntax,
          const AddressSet& trusted) noexcept {
  Told told;
  std::array<std::string_view, kMaxLines> lines;
  std::size_t count = 0;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const http::Field field = fields[i];
    if (field.id != name) continue;
    if (count == kMaxLines) return {true, VisitorSource::malformed, {}, {}};
    lines[count++] = field.value;
  }

  http::HopWalk hops(syntax, std::span(lines).first(count));
  while (const auto hop = hops.next()) {
    told.present = true;
    const auto address = hop->address();
    // "::" is no visitor's address, and "0.0.0.0" neither.
    if (!address || address->is_any()) return {true, VisitorSource::hidden, {}, {}};
    told.source = VisitorSource::proxies;
    told.address = *address;
    told.hop = *hop;
    if (!trusted.contains(*address)) return told;
  }
  if (hops.refused()) return {true, VisitorSource::malformed, {}, {}};
  return told;
}

/// The last element of a list field's last line: what the nearest proxy has put there.
std::string_view last_element(const http::Fields& fields, http::FieldName name) noexcept {
  std::string_view last;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const http::Field field = fields[i];
    if (field.id == name) last = field.value;
  }
  return http::trim(last.substr(last.rfind(',') + 1));
}

/// What the trusted proxies say of the connection that they were asked over.
void apply_connection(const http::Fields& fields, const http::Hop& hop, Visitor& visitor) noexcept {
  std::string_view proto = hop.proto;
  if (proto.empty()) proto = last_element(fields, http::FieldName::x_forwarded_proto);
  if (http::equal_ignoring_case(proto, "https") || http::equal_ignoring_case(proto, "wss")) {
    visitor.https = true;
  } else if (http::equal_ignoring_case(proto, "http") || http::equal_ignoring_case(proto, "ws")) {
    visitor.https = false;
  }
  std::string_view host = hop.host;
  if (host.empty()) host = last_element(fields, http::FieldName::x_forwarded_host);
  if (http::split_authority(host)) visitor.host = host;
}

}  // namespace

const char* to_text(VisitorSource source) noexcept {
  switch (source) {
    case VisitorSource::peer: return "peer";
    case VisitorSource::proxies: return "proxies";
    case VisitorSource::hidden: return "hidden";
    case VisitorSource::contradictory: return "contradictory";
    case VisitorSource::malformed: return "malformed";
  }
  return "";
}

Visitor find_visitor(const IpAddress& peer, bool tls, const http::RequestHead& head,
                     const AddressSet& trusted) noexcept {
  Visitor visitor{
      .address = peer, .source = VisitorSource::peer, .https = tls, .host = head.authority};
  if (!trusted.contains(peer)) return visitor;

  const Told list = walk(head.fields, http::FieldName::x_forwarded_for,
                         http::HopSyntax::x_forwarded_for, trusted);
  const Told forwarded =
      walk(head.fields, http::FieldName::forwarded, http::HopSyntax::forwarded, trusted);
  const Told* told = forwarded.present ? &forwarded : &list;
  if (list.present && forwarded.present && list.address != forwarded.address) {
    visitor.source = VisitorSource::contradictory;
  } else if (told->present) {
    visitor.source = told->source;
  }
  switch (visitor.source) {
    case VisitorSource::peer: break;
    case VisitorSource::proxies: visitor.address = told->address; break;
    case VisitorSource::hidden:
    case VisitorSource::contradictory:
    case VisitorSource::malformed: visitor.address = {}; return visitor;
  }
  apply_connection(head.fields, told->hop, visitor);
  return visitor;
}

}  // namespace sallyport::http_door
