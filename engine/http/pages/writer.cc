#include "engine/http/pages/writer.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "protocol/escape.h"
#include "protocol/http/return_url.h"

namespace sallyport::http_door {

using verify::Factor;
using verify::GateError;

namespace {

/// Whether something was typed wrong. Else what was typed has nothing to do with it.
bool blames_input(GateError error) noexcept {
  return error == GateError::bad_user || error == GateError::bad_captcha ||
         error == GateError::bad_code || error == GateError::bad_form;
}

}  // namespace

bool is_web_url(std::string_view url) noexcept {
  // A browser drops tabs and line ends from URLs, and takes a backslash for a slash.
  if (std::ranges::any_of(url, [](char c) { return static_cast<unsigned char>(c) <= ' '; }) ||
      url.contains('\\')) {
    return false;
  }
  if (url.starts_with('/')) return !url.starts_with("//");
  return (url.starts_with("https://") && url.size() > 8) ||
         (url.starts_with("http://") && url.size() > 7);
}

std::string_view Writer::return_url() const noexcept {
  const std::string_view url = view.return_url;
  return is_web_url(url) || url == kReturnUrlMark ? url : std::string_view();
}

std::string Writer::start_url() const {
  std::string url = look.gate_path + "/";
  if (is_web_url(view.return_url)) {
    url += "?rd=";
    http::append_escaped(url, view.return_url);
  }
  return url;
}

Writer& Writer::raw(std::string_view markup) {
  out_ += markup;
  return *this;
}

Writer& Writer::put(std::string_view value) {
  append_html(out_, value);
  return *this;
}

Writer& Writer::icon(Icon icon) {
  return raw("<svg class=\"icon\" viewBox=\"0 0 24 24\" aria-hidden=\"true\">")
      .raw(icon_paths(icon))
      .raw("</svg>");
}

Writer& Writer::number(std::uint64_t value) {
  fmt::format_to(std::back_inserter(out_), "{}", value);
  return *this;
}

Writer& Writer::text(std::string_view key, Values values) {
  std::vector<TextValue> all(values);
  all.push_back({"issuer", look.issuer});
  scratch_.clear();
  texts.append(scratch_, key, all);
  return put(scratch_);
}

Writer& Writer::line(std::string_view element, std::string_view css_class, std::string_view key,
                     Values values) {
  raw("<").raw(element);
  if (!css_class.empty()) raw(" class=\"").raw(css_class).raw("\"");
  return raw(">").text(key, values).raw("</").raw(element).raw(">\n");
}

Writer& Writer::heading(std::string_view page) {
  raw("<h1>").text(fmt::format("{}.title", page)).raw("</h1>\n");
  error();
  return line("p", "lead", fmt::format("{}.text", page));
}

Writer& Writer::error() {
  if (view.error == GateError::none) return *this;
  return raw("<p class=\"error\" id=\"error\" role=\"alert\">")
      .icon(Icon::alert)
      .raw("<span>")
      .text(fmt::format("error.{}", verify::to_text(view.error)))
      .raw("</span></p>\n");
}

Writer& Writer::open_form(std::string_view path, std::string_view css_class) {
  raw("<form method=\"post\" action=\"").put(look.gate_path).raw(path).raw("\"");
  if (!css_class.empty()) raw(" class=\"").raw(css_class).raw("\"");
  raw(">\n");
  return view.form_token.empty() ? *this : hidden("form_token", view.form_token);
}

Writer& Writer::close_form() { return raw("</form>\n"); }

Writer& Writer::hidden(std::string_view name, std::string_view value) {
  return raw("<input type=\"hidden\" name=\"").raw(name).raw("\" value=\"").put(value).raw("\">\n");
}

Writer& Writer::button(std::string_view css_class, std::string_view key, std::string_view name,
                       std::string_view value) {
  raw("<button class=\"").raw(css_class).raw("\"");
  if (!name.empty()) raw(" name=\"").raw(name).raw("\" value=\"").put(value).raw("\"");
  return raw(">").text(key).raw("</button>\n");
}

Writer& Writer::button_form(std::string_view path, std::string_view css_class, std::string_view key,
                            std::string_view name, std::string_view value) {
  return open_form(path, "single").button(css_class, key, name, value).close_form();
}

Writer& Writer::field(const Field& field) {
  const bool blamed = field.blamed && blames_input(view.error);
  raw("<div class=\"field\">\n<label for=\"").raw(field.name).raw("\">").text(field.label);
  raw("</label>\n<input id=\"").raw(field.name).raw("\" name=\"").raw(field.name).raw("\" ");
  raw(field.attributes);
  if (!field.value.empty()) raw(" value=\"").put(field.value).raw("\"");
  if (blamed) raw(" aria-invalid=\"true\"");
  if (blamed || !field.hint.empty()) {
    raw(" aria-describedby=\"").raw(blamed ? "error" : "");
    if (!field.hint.empty()) raw(blamed ? " " : "").raw(field.name).raw("-hint");
    raw("\"");
  }
  raw(">\n");
  if (!field.hint.empty()) {
    raw(field.scripted_hint ? "<p class=\"hint scripted\" hidden id=\""
                            : "<p class=\"hint\" id=\"");
    raw(field.name).raw("-hint\">").text(field.hint).raw("</p>\n");
  }
  return raw("</div>\n");
}

Writer& Writer::code_field(std::string_view label, std::string_view hint, std::uint32_t digits) {
  const std::string attributes = fmt::format(
      "class=\"code\" inputmode=\"numeric\" autocomplete=\"one-time-code\" maxlength=\"64\" "
      "data-digits=\"{}\" required autofocus autocapitalize=\"off\" spellcheck=\"false\"",
      digits);
  return field({.name = "code",
                .label = label,
                .hint = hint,
                .attributes = attributes,
                .scripted_hint = true});
}

Writer& Writer::current_code_field(std::string_view id) {
  if (!view.asks_current_code) return *this;
  raw("<div class=\"field\">\n<label for=\"").raw(id).raw("\">").text("proof.code");
  raw("</label>\n<input id=\"").raw(id).raw("\" name=\"current_code\" autocomplete=\"off\" ");
  raw("autocapitalize=\"off\" spellcheck=\"false\" maxlength=\"64\" required ");
  raw("aria-describedby=\"").raw(id).raw("-hint\">\n<p class=\"hint\" id=\"").raw(id);
  return raw("-hint\">").text("proof.hint").raw("</p>\n</div>\n");
}

Writer& Writer::time(std::uint64_t unix_ms) {
  namespace chrono = std::chrono;
  // Beyond the calendar's years there is nothing to show.
  constexpr std::uint64_t kLast = 253'402'300'799'000;  // 9999-12-31T23:59:59Z
  const chrono::sys_time<chrono::milliseconds> at{chrono::milliseconds{std::min(unix_ms, kLast)}};
  const auto day = chrono::floor<chrono::days>(at);
  const chrono::year_month_day date{day};
  const chrono::hh_mm_ss clock{chrono::floor<chrono::seconds>(at - day)};
  const int year = static_cast<int>(date.year());
  const unsigned month = static_cast<unsigned>(date.month());
  const std::string month_key = fmt::format("time.month_{}", month);
  raw("<time datetime=\"")
      .raw(fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", year, month,
                       static_cast<unsigned>(date.day()), clock.hours().count(),
                       clock.minutes().count(), clock.seconds().count()))
      .raw("\">");
  return text("time.format", {{"day", std::to_string(static_cast<unsigned>(date.day()))},
                              {"month", texts.text(month_key)},
                              {"year", std::to_string(year)},
                              {"hour", fmt::format("{:02}", clock.hours().count())},
                              {"minute", fmt::format("{:02}", clock.minutes().count())}})
      .raw("</time>");
}

Writer& Writer::countdown() {
  if (view.until_ms == 0) return *this;
  raw("<div class=\"countdown\" data-until=\"").number(view.until_ms);
  raw("\" data-begun=\"").number(view.begun_ms).raw("\" data-now=\"").number(view.now_ms);
  raw("\" data-left=\"").text("time.left").raw("\" data-soon=\"").text("time.left_soon");
  raw("\" data-over=\"").text("time.over").raw("\">\n");
  raw("<p class=\"left\" role=\"timer\">").text("time.until").raw(" ").time(view.until_ms);
  return raw("</p>\n<p class=\"unseen\" aria-live=\"polite\"></p>\n</div>\n");
}

Writer& Writer::matching_number(std::string_view key) {
  if (view.number.empty()) return *this;
  return raw("<p class=\"match\"><span>")
      .text(key)
      .raw("</span> <strong>")
      .put(view.number)
      .raw("</strong></p>\n");
}

Writer& Writer::factor_buttons(std::string_view css_class, const Factor* present) {
  open_form("/factor", css_class);
  for (const Factor factor : view.factors) {
    if (present != nullptr && *present == factor) continue;
    const std::string_view name = verify::to_text(factor);
    raw("<button name=\"factor\" value=\"").raw(name).raw("\">").icon(icon_of(factor));
    raw("<span><b>").text(fmt::format("factor.{}", name)).raw("</b><small>");
    text(fmt::format("factor.{}_hint", name)).raw("</small></span></button>\n");
  }
  return close_form();
}

Writer& Writer::other_ways(Factor present) {
  const auto other = [&](Factor factor) { return factor != present; };
  if (std::ranges::none_of(view.factors, other)) return *this;
  raw("<section class=\"more\" aria-labelledby=\"other-ways\">\n");
  raw("<h2 id=\"other-ways\">").text("factor.other_ways").raw("</h2>\n");
  return factor_buttons("factors small", &present).raw("</section>\n");
}

}  // namespace sallyport::http_door
