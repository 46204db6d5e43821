#include "engine/http/pages/content.h"

namespace sallyport::http_door {
namespace {

using verify::Factor;

constexpr std::uint32_t kAppDigits = 6;  // RFC 6238 as every app has it

/// A factor that the visitor may not have yet: by a message he can get one.
void write_offer(Writer& to, std::string_view page, std::string_view factor) {
  const std::string key(page);
  to.raw("<section class=\"more offer\">\n<h2>").text(key + ".register").raw("</h2>\n");
  to.line("p", "", key + ".register_text");
  to.button_form("/register", "secondary", key + ".register_go", "factor", factor);
  to.raw("</section>\n");
}

}  // namespace

void write_start(Writer& to) {
  to.heading("start").open_form("/start");
  to.hidden("rd", to.return_url());
  to.field({.name = "user",
            .label = "start.user",
            .hint = {},
            .attributes = "autocomplete=\"username\" autocapitalize=\"none\" spellcheck=\"false\" "
                          "maxlength=\"253\" required autofocus",
            .value = to.view.user});
  to.button("primary", "start.go").close_form();
}

void write_captcha(Writer& to) {
  to.heading("captcha").open_form("/captcha");
  to.raw("<img class=\"captcha\" width=\"250\" height=\"50\" alt=\"").text("captcha.picture");
  to.raw("\" src=\"").put(to.look.gate_path).put(to.view.captcha_image).raw("\">\n");
  to.field({.name = "answer",
            .label = "captcha.answer",
            .hint = "captcha.hint",
            .attributes = "autocomplete=\"off\" autocapitalize=\"none\" spellcheck=\"false\" "
                          "maxlength=\"16\" required autofocus"});
  to.button("primary", "captcha.go").close_form();
  to.button_form("/captcha", "quiet", "captcha.renew", "renew", "1");
  if (to.view.proof_challenge.empty()) return;

  to.raw("<section class=\"more\" aria-labelledby=\"puzzle\">\n<h2 id=\"puzzle\">");
  to.text("captcha.other").raw("</h2>\n").line("p", "", "captcha.other_text");
  to.open_form("/captcha", "proof").hidden("proof", "");
  to.raw("<div class=\"scripted\" hidden>\n<button class=\"secondary\" data-challenge=\"");
  to.put(to.view.proof_challenge).raw("\" data-bits=\"").number(to.view.proof_bits);
  to.raw("\" data-working=\"").text("captcha.proving");
  to.raw("\" data-proved=\"").text("captcha.proved").raw("\">").text("captcha.prove");
  to.raw("</button>\n<p class=\"status\" role=\"status\"></p>\n</div>\n").close_form();
  to.raw("<noscript>").line("p", "hint", "captcha.needs_script").raw("</noscript>\n</section>\n");
}

void write_choose(Writer& to) { to.heading("choose").factor_buttons("factors", nullptr); }

void write_token(Writer& to) {
  to.heading("token").open_form("/code");
  to.code_field("token.code", "token.hint", to.look.token_digits);
  to.countdown().button("primary", "token.go").close_form();
  if (to.view.can_send_again) to.button_form("/again", "quiet", "token.again");
  to.other_ways(Factor::token);
}

void write_otp(Writer& to) {
  to.heading("otp").open_form("/code");
  to.code_field("otp.code", "otp.hint", kAppDigits);
  to.button("primary", "otp.go").close_form();

  to.raw("<details class=\"more\">\n<summary>").text("otp.recovery").raw("</summary>\n");
  to.open_form("/code").raw("<div class=\"field\">\n<label for=\"recovery\">");
  to.text("otp.recovery_code")
      .raw("</label>\n<input id=\"recovery\" name=\"code\" class=\"code\" ");
  to.raw(
      "autocomplete=\"off\" autocapitalize=\"off\" spellcheck=\"false\" maxlength=\"64\" "
      "required aria-describedby=\"recovery-hint\">\n<p class=\"hint\" id=\"recovery-hint\">");
  to.text("otp.recovery_hint").raw("</p>\n</div>\n");
  to.button("secondary", "otp.recovery_go").close_form().raw("</details>\n");

  if (to.view.can_register_otp) write_offer(to, "otp", "otp");
  to.other_ways(Factor::otp);
}

void write_passkey(Writer& to) {
  to.heading("passkey").open_form("/passkey", "ceremony");
  for (const std::string_view name :
       {"credential", "client_data", "authenticator_data", "signature", "user_handle"}) {
    to.hidden(name, "");
  }
  to.raw(
      "<div class=\"scripted\" hidden>\n<button class=\"primary\" data-ceremony=\"get\" "
      "data-challenge=\"");
  to.put(to.view.challenge).raw("\" data-rp=\"").put(to.view.relying_party);
  to.raw("\" data-working=\"").text("passkey.working");
  to.raw("\" data-failed=\"").text("passkey.failed");
  to.raw("\" data-unsupported=\"").text("passkey.unsupported").raw("\">").text("passkey.go");
  to.raw("</button>\n<p class=\"status\" role=\"status\"></p>\n</div>\n").close_form();
  to.raw("<noscript>").line("p", "notice", "passkey.needs_script").raw("</noscript>\n");
  if (to.view.can_register_passkey) write_offer(to, "passkey", "passkey");
  to.other_ways(Factor::passkey);
}

}  // namespace sallyport::http_door
