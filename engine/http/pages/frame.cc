#include "engine/http/pages/frame.h"

#include <fmt/format.h>

namespace sallyport::http_door {
namespace {

using verify::PageId;

/// How the page is asked for again by GET, in another language.
struct Address {
  std::string_view path;  ///< empty: it cannot be, it is shown once
  std::string_view name;  ///< of what it needs in the query; empty: nothing
  std::string_view value;
};

Address address_of(const Writer& to) {
  const verify::View& view = to.view;
  switch (view.page) {
    case PageId::start:
    case PageId::message: return {"/", "rd", to.return_url()};
    case PageId::captcha:
    case PageId::choose:
    case PageId::token:
    case PageId::otp:
    case PageId::link:
    case PageId::push:
    case PageId::passkey:
    case PageId::register_sent:
    case PageId::ended: return {"/visit", {}, {}};
    case PageId::register_otp:
    case PageId::register_passkey: return {"/register", "k", view.registration};
    case PageId::approve: return {"/approve", "k", view.approval};
    case PageId::access: return {"/access", {}, {}};
    case PageId::pair: return {"/pair", "t", view.pair_token};
    case PageId::recovery_codes:
    case PageId::approved:
    case PageId::refused:
    case PageId::done: return {};
  }
  return {};
}

/// Pages on the way in, which are about one user.
bool shows_user(PageId page) noexcept {
  switch (page) {
    case PageId::captcha:
    case PageId::choose:
    case PageId::token:
    case PageId::otp:
    case PageId::link:
    case PageId::push:
    case PageId::passkey:
    case PageId::register_sent: return true;
    case PageId::start:
    case PageId::register_otp:
    case PageId::register_passkey:
    case PageId::recovery_codes:
    case PageId::approve:
    case PageId::approved:
    case PageId::refused:
    case PageId::done:
    case PageId::ended:
    case PageId::access:
    case PageId::pair:
    case PageId::message: return false;
  }
  return false;
}

/// What the page does by itself, if anything.
void write_refresh(Writer& to) {
  const PageId page = to.view.page;
  if (page == PageId::done) {
    // The script first lets in the device's other address, where there is one, and goes on then.
    const std::string_view url = to.return_url();
    const bool pairs = is_web_url(to.view.pair_url);
    to.raw(pairs ? "<noscript>" : "").raw("<meta http-equiv=\"refresh\" content=\"0;url=");
    to.put(url.empty() ? "/" : url).raw("\">").raw(pairs ? "</noscript>\n" : "\n");
  } else if (page == PageId::link || page == PageId::push) {
    to.raw("<noscript><meta http-equiv=\"refresh\" content=\"10\"></noscript>\n");
  }
}

void write_languages(Writer& to) {
  const Address address = address_of(to);
  if (address.path.empty() || to.look.catalogues.size() < 2) return;
  to.raw("<form method=\"get\" class=\"languages\" action=\"").put(to.look.gate_path);
  to.raw(address.path).raw("\" aria-label=\"").text("page.languages").raw("\">\n");
  if (!address.name.empty()) to.hidden(address.name, address.value);
  for (const Catalogue& catalogue : to.look.catalogues) {
    to.raw("<button name=\"lang\" value=\"").put(catalogue.language()).raw("\" lang=\"");
    to.put(catalogue.language()).raw("\"");
    if (&catalogue == &to.texts) to.raw(" aria-current=\"true\"");
    to.raw(">").put(catalogue.text("language.name")).raw("</button>\n");
  }
  to.close_form();
}

void write_foot_link(Writer& to, std::string_view url, std::string_view key) {
  if (url.empty()) return;
  to.raw("<a href=\"").put(url).raw("\">").text(key).raw("</a>\n");
}

}  // namespace

std::string_view page_name(PageId page) noexcept {
  switch (page) {
    case PageId::start: return "start";
    case PageId::captcha: return "captcha";
    case PageId::choose: return "choose";
    case PageId::token: return "token";
    case PageId::otp: return "otp";
    case PageId::link: return "link";
    case PageId::push: return "push";
    case PageId::passkey: return "passkey";
    case PageId::register_sent: return "register_sent";
    case PageId::register_otp: return "register_otp";
    case PageId::register_passkey: return "register_passkey";
    case PageId::recovery_codes: return "recovery_codes";
    case PageId::approve: return "approve";
    case PageId::approved: return "approved";
    case PageId::refused: return "refused";
    case PageId::done: return "done";
    case PageId::ended: return "ended";
    case PageId::access: return "access";
    case PageId::pair: return "pair";
    case PageId::message: return "message";
  }
  return {};
}

void write_frame_top(Writer& to) {
  const std::string_view name = page_name(to.view.page);
  const bool error = to.view.error != verify::GateError::none;
  to.raw("<!doctype html>\n<html lang=\"").put(to.texts.language()).raw("\" dir=\"");
  to.text("language.direction").raw("\">\n<head>\n<meta charset=\"utf-8\">\n<title>");
  to.text(error ? "page.title_with_error" : "page.title",
          {{"page", to.texts.text(fmt::format("{}.title", name))}});
  to.raw(
      "</title>\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"robots\" content=\"noindex\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n");
  write_refresh(to);
  to.raw("<link rel=\"stylesheet\" href=\"").put(to.look.style_url);
  to.raw("\">\n<link rel=\"icon\" href=\"").put(to.look.logo_url);
  to.raw("\">\n<script src=\"").put(to.look.script_url).raw("\" defer></script>\n</head>\n");
  to.raw("<body data-page=\"").raw(name).raw("\" data-gate=\"").put(to.look.gate_path);
  to.raw("\">\n<header>\n<img src=\"").put(to.look.logo_url).raw("\" alt=\"\">\n<span>");
  to.put(to.look.title).raw("</span>\n</header>\n<main");
  to.raw(to.view.page == PageId::access ? " class=\"wide\">\n" : ">\n");
  if (!shows_user(to.view.page) || to.view.user.empty()) return;
  to.raw("<p class=\"who\"><span>").text("page.user").raw(" <b>").put(to.view.user);
  to.raw("</b></span> <a href=\"").put(to.start_url()).raw("\">").text("page.not_you");
  to.raw("</a></p>\n");
}

void write_frame_bottom(Writer& to) {
  to.raw("</main>\n<footer>\n");
  write_languages(to);
  if (!to.look.imprint_url.empty() || !to.look.privacy_policy_url.empty()) {
    to.raw("<p class=\"links\">\n");
    write_foot_link(to, to.look.imprint_url, "page.imprint");
    write_foot_link(to, to.look.privacy_policy_url, "page.privacy_policy");
    to.raw("</p>\n");
  }
  to.raw("</footer>\n</body>\n</html>\n");
}

}  // namespace sallyport::http_door
