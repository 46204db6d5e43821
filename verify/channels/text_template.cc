#include "verify/channels/text_template.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "protocol/ascii.h"
#include "protocol/escape.h"
#include "protocol/http/return_url.h"

namespace sallyport::verify {
namespace {

bool is_name(std::string_view text) noexcept {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return is_lower(c) || c == '_'; });
}

void append_json(std::string& out, char c) {
  if (c == '"' || c == '\\') {
    out.push_back('\\');
    out.push_back(c);
  } else if (is_control(c)) {
    out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
  } else {
    out.push_back(c);
  }
}

}  // namespace

std::expected<TextTemplate, std::string> TextTemplate::parse(
    std::string_view text, std::span<const std::string_view> known) {
  TextTemplate out;
  std::string before;
  while (!text.empty()) {
    const std::size_t open = text.find('{');
    const std::size_t close = open == std::string_view::npos ? open : text.find('}', open);
    if (close == std::string_view::npos) break;
    const std::string_view name = text.substr(open + 1, close - open - 1);
    if (!is_name(name)) {
      before += text.substr(0, open + 1);
      text.remove_prefix(open + 1);
      continue;
    }
    if (std::ranges::find(known, name) == known.end()) {
      return std::unexpected(fmt::format("has the unknown placeholder {{{}}}; {{{}}} are known",
                                         name, fmt::join(known, "}, {")));
    }
    before += text.substr(0, open);
    out.parts_.push_back({.text = std::move(before), .placeholder = std::string(name)});
    before.clear();
    text.remove_prefix(close + 1);
  }
  before += text;
  if (!before.empty()) out.parts_.push_back({.text = std::move(before), .placeholder = {}});
  return out;
}

std::string TextTemplate::render(TemplateValues values, Escape escape) const {
  std::string out;
  for (const Part& part : parts_) {
    out += part.text;
    const auto value = std::ranges::find(values, part.placeholder, &TemplateValue::first);
    if (value != values.end()) append_escaped(out, value->second, escape);
  }
  return out;
}

bool TextTemplate::names(std::string_view placeholder) const noexcept {
  return std::ranges::find(parts_, placeholder, &Part::placeholder) != parts_.end();
}

void append_escaped(std::string& out, std::string_view value, Escape escape) {
  for (const char c : value) {
    switch (escape) {
      case Escape::none: out.push_back(c); break;
      case Escape::html: append_html(out, {&c, 1}); break;
      case Escape::query: http::append_escaped(out, {&c, 1}); break;
      case Escape::json: append_json(out, c); break;
      case Escape::header: out.push_back(is_control(c) ? ' ' : c); break;
    }
  }
}

}  // namespace sallyport::verify
