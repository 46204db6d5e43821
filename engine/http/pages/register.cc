#include "engine/http/pages/content.h"
#include "verify/otp/qr_code.h"

namespace sallyport::http_door {
namespace {

constexpr std::uint32_t kAppDigits = 6;  // RFC 6238 as every app has it

}  // namespace

void write_register_sent(Writer& to) {
  to.raw("<div class=\"outcome\">").icon(Icon::mail).raw("</div>\n").heading("register_sent");
  to.raw("<p><a class=\"secondary\" href=\"").put(to.look.gate_path).raw("/visit\">");
  to.text("register_sent.back").raw("</a></p>\n");
}

void write_register_otp(Writer& to) {
  to.heading("register_otp").raw("<ol class=\"steps\">\n<li>\n");
  to.line("p", "", "register_otp.step_scan");
  const auto title = to.texts.text("register_otp.picture");
  if (const auto picture = verify::qr_svg(to.view.otpauth_url, title)) {
    to.raw("<div class=\"qr-frame\">").raw(*picture).raw("</div>\n");
  }
  if (to.view.otpauth_url.starts_with("otpauth://")) {
    to.raw("<p class=\"on-phone\"><a href=\"").put(to.view.otpauth_url).raw("\">");
    to.text("register_otp.open_app").raw("</a></p>\n");
  }
  to.line("p", "hint", "register_otp.or_type");
  to.raw("<p class=\"secret\"><code>").put(to.view.secret_text).raw("</code></p>\n</li>\n<li>\n");
  to.line("p", "", "register_otp.step_code");
  to.open_form("/register").hidden("k", to.view.registration);
  to.code_field("register_otp.code", {}, kAppDigits);
  to.current_code_field("current-code");
  to.button("primary", "register_otp.go").close_form().raw("</li>\n</ol>\n");
}

void write_register_passkey(Writer& to) {
  to.heading("register_passkey").open_form("/register", "ceremony");
  to.hidden("k", to.view.registration);
  for (const std::string_view name : {"credential", "client_data", "attestation"}) {
    to.hidden(name, "");
  }
  to.raw("<div class=\"scripted\" hidden>\n");
  to.field({.name = "name",
            .label = "register_passkey.name",
            .hint = "register_passkey.name_hint",
            .attributes = "autocomplete=\"off\" maxlength=\"64\"",
            .value = to.view.device,
            .blamed = false});
  to.current_code_field("current-code");
  to.raw("<button class=\"primary\" data-ceremony=\"create\" data-challenge=\"");
  to.put(to.view.challenge).raw("\" data-rp=\"").put(to.view.relying_party);
  to.raw("\" data-rp-name=\"").put(to.look.issuer);
  to.raw("\" data-user=\"").put(to.view.user_handle);
  to.raw("\" data-user-name=\"").put(to.view.user);
  to.raw("\" data-working=\"").text("register_passkey.working");
  to.raw("\" data-failed=\"").text("register_passkey.failed");
  to.raw("\" data-unsupported=\"").text("register_passkey.unsupported").raw("\">");
  to.text("register_passkey.go")
      .raw("</button>\n<p class=\"status\" role=\"status\"></p>\n</div>\n");
  to.close_form();
  to.raw("<noscript>").line("p", "notice", "register_passkey.needs_script").raw("</noscript>\n");
}

void write_recovery_codes(Writer& to) {
  to.heading("recovery_codes").raw("<ul class=\"codes\" aria-label=\"");
  to.text("recovery_codes.codes").raw("\">\n");
  for (const std::string& code : to.view.recovery_codes) {
    to.raw("<li><code>").put(code).raw("</code></li>\n");
  }
  to.raw("</ul>\n<div class=\"pair scripted\" hidden>\n");
  to.raw("<button class=\"secondary\" type=\"button\" id=\"copy\" data-copied=\"");
  to.text("recovery_codes.copied").raw("\">").text("recovery_codes.copy").raw("</button>\n");
  to.raw("<button class=\"secondary\" type=\"button\" id=\"print\">");
  to.text("recovery_codes.print").raw("</button>\n</div>\n");
  to.raw("<p class=\"status\" role=\"status\"></p>\n<p><a class=\"primary\" href=\"");
  to.put(to.look.gate_path).raw("/visit\">").text("recovery_codes.go").raw("</a></p>\n");
}

}  // namespace sallyport::http_door
