#include "protocol/http/client_kind.h"

#include <algorithm>
#include <string_view>

#include "protocol/http/field_text.h"

namespace sallyport::http {
namespace {

/// The text up to `end`, taken off the front of `text` with it, and trimmed.
std::string_view take(std::string_view& text, char end) noexcept {
  const std::size_t at = std::min(text.find(end), text.size());
  const std::string_view front = trim(text.substr(0, at));
  text.remove_prefix(std::min(at + 1, text.size()));
  return front;
}

/// A weight (RFC 9110 §12.4.2) in thousandths; what is none counts as zero.
unsigned read_weight(std::string_view text) noexcept {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return 0;
  if (text.size() > 1 && text[1] != '.') return 0;
  unsigned weight = text[0] == '1' ? 1000 : 0;
  unsigned place = 100;
  for (const char c : text.substr(std::min<std::size_t>(2, text.size()))) {
    if (c < '0' || c > '9') return 0;
    weight += static_cast<unsigned>(c - '0') * place;
    place /= 10;
  }
  return std::min(weight, 1000U);
}

/// How much HTML and JSON are wanted by name; 0: not, or only by "*/*".
struct Wanted {
  unsigned html = 0;
  unsigned json = 0;
};

void read_accept(std::string_view value, Wanted& wanted) noexcept {
  while (!value.empty()) {
    std::string_view range = take(value, ',');
    const std::string_view type = take(range, ';');
    unsigned weight = 1000;
    while (!range.empty()) {
      const std::string_view parameter = take(range, ';');
      if (starts_ignoring_case(parameter, "q=")) weight = read_weight(parameter.substr(2));
    }
    const bool json =
        equal_ignoring_case(type, "application/json") ||
        (type.size() > 5 && equal_ignoring_case(type.substr(type.size() - 5), "+json"));
    if (equal_ignoring_case(type, "text/html") ||
        equal_ignoring_case(type, "application/xhtml+xml")) {
      wanted.html = std::max(wanted.html, weight);
    } else if (json) {
      wanted.json = std::max(wanted.json, weight);
    }
  }
}

/// "application/grpc", also with a suffix or parameter; but not gRPC-Web, whose clients read the
/// HTTP status.
bool is_grpc(std::string_view content_type) noexcept {
  constexpr std::string_view kType = "application/grpc";
  if (!starts_ignoring_case(content_type, kType)) return false;
  const std::string_view rest = content_type.substr(kType.size());
  return rest.empty() || rest.front() == '+' || rest.front() == ';' || rest.front() == ' ';
}

bool is_shown(std::string_view fetch_dest) noexcept {
  for (const std::string_view shown : {"document", "iframe", "frame"}) {
    if (equal_ignoring_case(fetch_dest, shown)) return true;
  }
  return false;
}

}  // namespace

ClientKind client_kind(const RequestHead& head) noexcept {
  const Fields& fields = head.fields;
  if (is_grpc(fields.find(FieldName::content_type).value_or(""))) return ClientKind::grpc;
  if (const auto mode = fields.find(FieldName::sec_fetch_mode)) {
    const bool shown = is_shown(fields.find(FieldName::sec_fetch_dest).value_or("document"));
    return equal_ignoring_case(*mode, "navigate") && shown ? ClientKind::page : ClientKind::api;
  }
  if (fields.find(FieldName::x_requested_with) || !head.protocol.empty()) return ClientKind::api;
  if (fields.find(FieldName::upgrade)) return ClientKind::api;

  Wanted wanted;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const Field field = fields[i];
    if (field.id == FieldName::accept) read_accept(field.value, wanted);
  }
  return wanted.html > 0 && wanted.html >= wanted.json ? ClientKind::page : ClientKind::api;
}

}  // namespace sallyport::http
