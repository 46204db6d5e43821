#include "engine/http/rewrite.h"

#include <algorithm>
#include <utility>

#include "protocol/ascii.h"
#include "protocol/check.h"
#include "protocol/http/field_text.h"

namespace sallyport::http_door {
namespace {

using Value = std::string_view RewriteValues::*;

constexpr std::pair<std::string_view, Value> kPlaceholders[] = {
    {"{visitor}", &RewriteValues::visitor},
    {"{host}", &RewriteValues::host},
    {"{uri}", &RewriteValues::uri},
    {"{user}", &RewriteValues::user},
};

/// Where programs make variables of names, most keep letters and digits and take '_' for the rest.
bool same_variable(std::string_view a, std::string_view b) noexcept {
  const auto octet = [](char c) { return is_letter_or_digit(c) ? to_lower(c) : '_'; };
  return std::ranges::equal(a, b, {}, octet, octet);
}

void append_without_controls(std::string_view value, std::string& out) {
  std::ranges::copy_if(value, std::back_inserter(out), [](char c) { return !is_control(c); });
}

std::string canonical_prefix(std::string_view text) {
  std::string result(text);
  if (result.empty()) return result;
  const auto parts = normalise_target(result);
  CHECK(parts.has_value() && parts->query.empty());
  if (result.ends_with('/')) result.pop_back();
  return result;
}

PathPrefix parsed(std::string_view text) {
  auto prefix = PathPrefix::parse(text);
  CHECK(prefix.has_value());
  return std::move(*prefix);
}

}  // namespace

TextTemplate::TextTemplate(std::string_view text) {
  Piece piece;
  while (!text.empty()) {
    const auto* const placeholder = std::ranges::find_if(
        kPlaceholders, [&](const auto& p) { return text.starts_with(p.first); });
    if (placeholder == std::end(kPlaceholders)) {
      piece.text += text[0];
      text.remove_prefix(1);
    } else {
      piece.value = placeholder->second;
      pieces_.push_back(std::exchange(piece, {}));
      text.remove_prefix(placeholder->first.size());
    }
  }
  if (!piece.text.empty()) pieces_.push_back(std::move(piece));
}

void TextTemplate::append(const RewriteValues& values, std::string& out) const {
  for (const Piece& piece : pieces_) {
    out += piece.text;
    if (piece.value != nullptr) append_without_controls(values.*piece.value, out);
  }
}

FieldPlan::FieldPlan(const std::vector<config::HeaderChange>& changes) {
  for (const config::HeaderChange& change : changes)
    changes_.push_back(
        {.kind = change.kind, .name = change.name, .value = TextTemplate(change.value)});
}

void FieldPlan::apply(const RewriteValues& values, http::Fields& fields,
                      std::string& scratch) const {
  for (const Change& change : changes_) {
    scratch.clear();
    change.value.append(values, scratch);
    switch (change.kind) {
      case config::HeaderChange::Kind::add: fields.add(change.name, scratch); break;
      case config::HeaderChange::Kind::set: fields.set(change.name, scratch); break;
      case config::HeaderChange::Kind::remove: fields.remove(change.name); break;
    }
  }
}

void FieldPlan::apply(const RewriteValues& values, http::RequestHead& head,
                      std::string& scratch) const {
  apply(values, head.fields, scratch);
  for (const Change& change : changes_) {
    if (!http::equal_ignoring_case(change.name, "host")) continue;
    head.fields.remove(http::FieldName::host);
    if (change.kind == config::HeaderChange::Kind::remove) continue;  // RFC 9112 §3.2: there is one
    head.authority.clear();
    change.value.append(values, head.authority);
  }
}

bool FieldPlan::writes(std::string_view name) const noexcept {
  return std::ranges::any_of(changes_, [name](const Change& change) {
    return http::equal_ignoring_case(change.name, name);
  });
}

bool FieldPlan::imitated_by(std::string_view name) const noexcept {
  return std::ranges::any_of(changes_, [name](const Change& change) {
    return same_variable(change.name, name) && !http::equal_ignoring_case(change.name, name);
  });
}

bool FieldPlan::writes_any(const http::Fields& fields) const noexcept {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (writes(fields[i].name)) return true;
  }
  return false;
}

Rewrite::Rewrite(const config::HttpRoute& route)
    : request_fields(route.request_headers),
      response_fields(route.response_headers),
      strip_(parsed(route.strip_prefix)),
      add_(canonical_prefix(route.add_prefix)),
      changes_target_(!route.strip_prefix.empty() || !add_.empty()) {
  if (!route.redirect.empty()) redirect.emplace(route.redirect);
}

void Rewrite::append_target(const TargetParts& parts, std::string& out) const {
  std::string_view path = parts.path;
  if (path != "*") {
    path.remove_prefix(strip_.match(path).value_or(0));
    out += add_;
    if (path.empty() && add_.empty()) path = "/";
  }
  out += path;
  out += parts.query;
}

}  // namespace sallyport::http_door
