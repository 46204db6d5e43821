#include "tests/engine/http/pages/sample_views.h"

#include <string>

#include "protocol/check.h"

namespace sallyport::http_door {

using verify::Factor;
using verify::PageId;
using verify::View;

View sample_view(PageId page, std::string_view language) {
  View view;
  view.page = page;
  view.language = language;
  view.form_token = page == PageId::start ? "" : "Zm9ybS10b2tlbg";
  view.user = page == PageId::start ? "" : "alice";
  view.return_url = "https://app.example.net/reports?year=2026&month=11";
  view.factors = {Factor::token, Factor::otp, Factor::link, Factor::push, Factor::passkey};
  view.now_ms = kSampleNow;
  view.begun_ms = kSampleNow - 12'000;
  view.until_ms = kSampleNow + 288'000;
  view.can_register_otp = true;
  view.can_register_passkey = true;
  view.can_send_again = true;
  view.captcha_image = "/captcha.png?n=1";
  view.proof_challenge = "00112233445566778899aabbccddeeff";
  view.proof_bits = 14;
  view.secret_text = "JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP";
  view.otpauth_url =
      "otpauth://totp/Example:alice?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Example";
  view.registration = "cmVnaXN0cmF0aW9u";
  view.recovery_codes = {"7KQM-2XRV-9D", "H4TN-8WPC-3F", "P6YJ-5BKD-7M", "Q2RX-4VGH-8T",
                         "M9CW-6NFJ-2K", "T3DH-7PQR-5X", "V8KB-9MYC-4J", "X5GT-3HWN-6P"};
  view.approval = "YXBwcm92YWw";
  view.address = "2001:db8:85a3::8a2e:370:7334";
  view.device = "Firefox on Linux";
  view.at_ms = kSampleNow - 12'000;
  view.number = page == PageId::link || page == PageId::push || page == PageId::approve ? "47" : "";
  view.grants = {{.id = "17",
                  .address = "203.0.113.42",
                  .device = "",
                  .by = "push",
                  .since_ms = kSampleNow - 3'600'000,
                  .until_ms = kSampleNow + 32'400'000,
                  .this_one = true},
                 {.id = "12",
                  .address = "2001:db8:85a3::8a2e:370:7334",
                  .device = "",
                  .by = "operator",
                  .since_ms = kSampleNow - 86'400'000,
                  .until_ms = kSampleNow + 7'200'000}};
  view.sessions = {{.id = "a1",
                    .address = "",
                    .device = "Firefox on Linux",
                    .by = "push",
                    .since_ms = kSampleNow - 3'600'000,
                    .until_ms = kSampleNow + 2'588'400'000,
                    .this_one = true},
                   {.id = "b2",
                    .address = "",
                    .device = "Safari on iPhone",
                    .by = "otp",
                    .since_ms = kSampleNow - 604'800'000,
                    .until_ms = kSampleNow + 1'987'200'000}};
  view.passkeys = {{.id = "pk", .name = "Laptop", .since_ms = kSampleNow - 864'000'000}};
  view.has_otp = true;
  view.recovery_left = 7;
  view.asks_current_code = page == PageId::access;
  view.pair_url = page == PageId::access ? "https://v6.example.net/.sallyport/pair?t=dG9rZW4" : "";
  view.pair_token = "dG9rZW4";
  view.challenge = "Y2hhbGxlbmdlLWNoYWxsZW5nZQ";
  view.relying_party = "localhost";
  view.user_handle = "dXNlci1oYW5kbGU";
  if (page == PageId::ended) view.error = verify::GateError::denied;
  if (page == PageId::message) view.error = verify::GateError::no_visit;
  return view;
}

View hostile_view(PageId page, std::string_view text) {
  View view = sample_view(page, "en");
  for (std::string* field :
       {&view.form_token, &view.user, &view.return_url, &view.captcha_image, &view.proof_challenge,
        &view.secret_text, &view.otpauth_url, &view.registration, &view.approval, &view.address,
        &view.device, &view.number, &view.pair_url, &view.pair_token, &view.challenge,
        &view.relying_party, &view.user_handle}) {
    *field = text;
  }
  const std::string all(text);
  view.recovery_codes = {all};
  verify::AccessLine line;
  for (std::string* field : {&line.id, &line.address, &line.device, &line.by}) *field = text;
  view.grants = {line};
  view.sessions = {line};
  view.passkeys = {{.id = all, .name = all}};
  return view;
}

config::Gate sample_gate() {
  config::Gate gate;
  gate.settings.issuer = "Example";
  gate.settings.pair_v4_url = "https://v4.example.net/.sallyport";
  gate.settings.pair_v6_url = "https://v6.example.net/.sallyport";
  gate.theme.imprint_url = "https://example.net/imprint";
  gate.theme.privacy_policy_url = "https://example.net/privacy";
  return gate;
}

Pages sample_pages() {
  auto pages = Pages::make(sample_gate(), "/.sallyport");
  CHECK(pages.has_value());
  return std::move(*pages);
}

}  // namespace sallyport::http_door
