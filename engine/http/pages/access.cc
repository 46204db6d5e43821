#include <algorithm>

#include <fmt/format.h>

#include "engine/http/pages/content.h"

namespace sallyport::http_door {
namespace {

using verify::AccessLine;

void open_section(Writer& to, std::string_view key) {
  to.raw("<section>\n<h2>").text(key).raw("</h2>\n");
}

/// A form of one button that says, to who cannot see the line it stands in, what it is about.
void write_action(Writer& to, std::string_view action, std::string_view id, std::string_view key,
                  std::string_view about) {
  to.open_form("/access", "single").hidden("action", action);
  if (!id.empty()) to.hidden("id", id);
  to.raw("<button class=\"secondary small\">").text(key).raw("<span class=\"unseen\">: ");
  to.put(about).raw("</span></button>\n").close_form();
}

/// How it was confirmed; a name of no factor is the name itself ("operator" has a text, too).
void write_by(Writer& to, std::string_view by) {
  if (verify::read_factor(by) || by == "operator") {
    to.text(fmt::format("factor.{}", by));
  } else {
    to.put(by);
  }
}

/// Removing a factor may take a code, which is asked for where the button is opened.
void write_removal(Writer& to, std::string_view action, std::string_view id, std::string_view key,
                   std::string_view about, std::size_t place) {
  if (!to.view.asks_current_code) return write_action(to, action, id, key, about);
  to.raw("<details>\n<summary>").text(key).raw("<span class=\"unseen\">: ").put(about);
  to.raw("</span></summary>\n").open_form("/access").hidden("action", action);
  if (!id.empty()) to.hidden("id", id);
  to.current_code_field(fmt::format("current-code-{}", place));
  to.button("secondary small danger", key).close_form().raw("</details>\n");
}

void write_line(Writer& to, const AccessLine& line, bool grant) {
  const std::string& name = grant ? line.address : line.device;
  to.raw("<li>\n<div>\n<p class=\"name\"><b>").put(name).raw("</b>");
  if (line.this_one) {
    to.raw(" <span class=\"badge\">").text(grant ? "access.this_address" : "access.this_session");
    to.raw("</span>");
  }
  to.raw("</p>\n<p class=\"hint\">");
  if (!line.by.empty()) {
    to.text("access.grant_by").raw(": ");
    write_by(to, line.by);
    to.raw("<br>");
  }
  if (grant) {
    to.text("access.until").raw(" ").time(line.until_ms);
  } else {
    to.text("access.since").raw(" ").time(line.since_ms);
  }
  to.raw("</p>\n</div>\n");
  write_action(to, grant ? "end-grant" : "end-session", line.id,
               grant ? "access.end_grant" : "access.end_session", name);
  to.raw("</li>\n");
}

void write_lines(Writer& to, const std::vector<AccessLine>& lines, bool grants) {
  open_section(to, grants ? "access.grants" : "access.sessions");
  if (lines.empty()) {
    to.line("p", "hint", grants ? "access.no_grants" : "access.no_sessions");
  } else {
    to.raw("<ul class=\"lines\">\n");
    for (const AccessLine& line : lines) write_line(to, line, grants);
    to.raw("</ul>\n");
  }
  to.raw("</section>\n");
}

void write_other_address(Writer& to) {
  if (!is_web_url(to.view.pair_url)) return;
  open_section(to, "access.other_address");
  to.line("p", "hint", "access.other_address_text");
  to.raw("<p><a class=\"secondary\" id=\"pair\" href=\"").put(to.view.pair_url);
  to.raw("\" data-working=\"").text("access.pairing");
  to.raw("\" data-failed=\"").text("access.pair_failed").raw("\">").text("access.pair");
  to.raw("</a></p>\n<p class=\"status\" role=\"status\"></p>\n</section>\n");
}

void write_app(Writer& to) {
  to.raw("<li>\n<div>\n<p class=\"name\"><b>")
      .text("access.otp")
      .raw("</b></p>\n<p class=\"hint\">");
  to.text(to.view.has_otp ? "access.otp_on" : "access.otp_off");
  if (to.view.has_otp) {
    to.raw(" ").text("access.recovery_left", {{"count", std::to_string(to.view.recovery_left)}});
  }
  to.raw("</p>\n</div>\n<div class=\"actions\">\n");
  if (to.view.can_register_otp) {
    to.button_form("/register", "secondary small",
                   to.view.has_otp ? "access.otp_renew" : "access.otp_setup", "factor", "otp");
  }
  if (to.view.has_otp) {
    write_removal(to, "remove-otp", {}, "access.otp_remove", to.texts.text("access.otp"), 0);
  }
  to.raw("</div>\n</li>\n");
}

void write_passkeys(Writer& to) {
  for (std::size_t i = 0; i < to.view.passkeys.size(); ++i) {
    const verify::PasskeyLine& passkey = to.view.passkeys[i];
    to.raw("<li>\n<div>\n<p class=\"name\"><b>").put(passkey.name).raw("</b></p>\n");
    to.raw("<p class=\"hint\">").text("factor.passkey").raw(", ").text("access.since").raw(" ");
    to.time(passkey.since_ms).raw("</p>\n</div>\n");
    write_removal(to, "remove-passkey", passkey.id, "access.passkey_remove", passkey.name, i + 1);
    to.raw("</li>\n");
  }
  if (!to.view.can_register_passkey) return;
  to.raw("<li>\n<div>\n<p class=\"name\"><b>").text("access.passkeys").raw("</b></p>\n");
  if (to.view.passkeys.empty()) to.line("p", "hint", "access.no_passkeys");
  to.raw("</div>\n");
  to.button_form("/register", "secondary small", "access.passkey_add", "factor", "passkey");
  to.raw("</li>\n");
}

}  // namespace

void write_access(Writer& to) {
  to.heading("access");
  write_lines(to, to.view.grants, true);
  write_other_address(to);
  write_lines(to, to.view.sessions, false);

  open_section(to, "access.factors");
  to.raw("<ul class=\"lines\">\n");
  if (to.view.has_otp || to.view.can_register_otp) write_app(to);
  write_passkeys(to);
  to.raw("</ul>\n</section>\n");

  open_section(to, "access.leave");
  to.line("p", "hint", "access.leave_text").raw("<div class=\"pair\">\n");
  to.button_form("/access", "secondary", "access.sign_out", "action", "sign-out");
  to.button_form("/access", "secondary danger", "access.end_all", "action", "end-all");
  to.raw("</div>\n</section>\n");
}

}  // namespace sallyport::http_door
