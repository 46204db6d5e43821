#include "engine/http/pages/content.h"

namespace sallyport::http_door {
namespace {

using verify::Factor;

void write_waiting(Writer& to, std::string_view page, Factor factor) {
  const std::string key(page);
  to.heading(page).matching_number(key + ".number");
  to.raw("<p class=\"waiting scripted\" role=\"status\" hidden><span class=\"pulse\"></span>");
  to.text(key + ".waiting").raw("</p>\n").countdown();
  // Without a script the page looks again by itself (frame.cc), or when it is asked to.
  to.raw("<noscript>\n<p class=\"hint\">").text(key + ".needs_script");
  to.raw("</p>\n<p><a class=\"primary\" href=\"").put(to.look.gate_path).raw("/visit\">");
  to.text(key + ".check").raw("</a></p>\n</noscript>\n");
  if (to.view.can_send_again) to.button_form("/again", "quiet", key + ".again");
  to.other_ways(factor);
}

void write_start_again(Writer& to, std::string_view css_class, std::string_view key) {
  to.raw("<p><a class=\"").raw(css_class).raw("\" href=\"").put(to.start_url()).raw("\">");
  to.text(key).raw("</a></p>\n");
}

}  // namespace

void write_link(Writer& to) { write_waiting(to, "link", Factor::link); }
void write_push(Writer& to) { write_waiting(to, "push", Factor::push); }

void write_done(Writer& to) {
  to.raw("<div class=\"outcome good\">").icon(Icon::done).raw("</div>\n").heading("done");
  const std::string_view url = to.return_url();
  to.raw("<p><a class=\"primary\" id=\"go\" href=\"").put(url.empty() ? "/" : url);
  if (is_web_url(to.view.pair_url)) to.raw("\" data-pair=\"").put(to.view.pair_url);
  to.raw("\">").text("done.go").raw("</a></p>\n<p class=\"quiet-line\"><a href=\"");
  to.put(to.look.gate_path).raw("/access\">").text("page.my_access").raw("</a></p>\n");
}

void write_ended(Writer& to) {
  to.raw("<div class=\"outcome bad\">").icon(Icon::refused).raw("</div>\n").heading("ended");
  write_start_again(to, "primary", "ended.go");
}

void write_message(Writer& to) {
  to.heading("message");
  write_start_again(to, "primary", "page.to_start");
}

}  // namespace sallyport::http_door
