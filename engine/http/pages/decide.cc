#include "engine/http/pages/content.h"

namespace sallyport::http_door {
namespace {

void write_fact(Writer& to, std::string_view key, std::string_view value) {
  if (value.empty()) return;
  to.raw("<div><dt>").text(key).raw("</dt><dd>").put(value).raw("</dd></div>\n");
}

}  // namespace

void write_approve(Writer& to) {
  to.heading("approve").raw("<dl class=\"facts\">\n");
  write_fact(to, "approve.user", to.view.user);
  write_fact(to, "approve.device", to.view.device);
  write_fact(to, "approve.address", to.view.address);
  if (to.view.at_ms != 0) {
    to.raw("<div><dt>").text("approve.at").raw("</dt><dd>").time(to.view.at_ms);
    to.raw("</dd></div>\n");
  }
  to.raw("</dl>\n").matching_number("approve.number_hint");
  to.open_form("/approve", "verdict").hidden("k", to.view.approval);
  to.button("primary", "approve.yes", "answer", "yes");
  to.button("primary refuse", "approve.no", "answer", "no").close_form();
  to.line("p", "hint centred", "approve.nothing_yet");
}

void write_approved(Writer& to) {
  to.raw("<div class=\"outcome good\">").icon(Icon::done).raw("</div>\n").heading("approved");
}

void write_refused(Writer& to) {
  to.raw("<div class=\"outcome bad\">").icon(Icon::refused).raw("</div>\n").heading("refused");
}

void write_pair(Writer& to) {
  to.heading("pair").raw("<dl class=\"facts\">\n");
  write_fact(to, "pair.address", to.view.address);
  to.raw("</dl>\n").open_form("/pair").hidden("t", to.view.pair_token);
  to.button("primary", "pair.go").close_form();
}

}  // namespace sallyport::http_door
