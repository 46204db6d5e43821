#include "engine/http/pages/pages.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "engine/http/pages/content.h"
#include "engine/http/pages/frame.h"
#include "engine/http/pages/theme.h"
#include "protocol/escape.h"
#include "protocol/http/languages.h"
#include "protocol/http/return_url.h"

namespace sallyport::http_door {
namespace {

using verify::PageId;
using verify::View;

void write_content(Writer& to) {
  switch (to.view.page) {
    case PageId::start: return write_start(to);
    case PageId::captcha: return write_captcha(to);
    case PageId::choose: return write_choose(to);
    case PageId::token: return write_token(to);
    case PageId::otp: return write_otp(to);
    case PageId::link: return write_link(to);
    case PageId::push: return write_push(to);
    case PageId::passkey: return write_passkey(to);
    case PageId::register_sent: return write_register_sent(to);
    case PageId::register_otp: return write_register_otp(to);
    case PageId::register_passkey: return write_register_passkey(to);
    case PageId::recovery_codes: return write_recovery_codes(to);
    case PageId::approve: return write_approve(to);
    case PageId::approved: return write_approved(to);
    case PageId::refused: return write_refused(to);
    case PageId::done: return write_done(to);
    case PageId::ended: return write_ended(to);
    case PageId::access: return write_access(to);
    case PageId::pair: return write_pair(to);
    case PageId::message: return write_message(to);
  }
}

/// The first page in one language: what is around the two places of the return URL.
using FirstPage = std::array<std::string, 3>;

FirstPage split_first_page(std::string_view page) {
  FirstPage parts;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::size_t end = std::min(page.find(kReturnUrlMark), page.size());
    parts[i] = page.substr(0, end);
    page.remove_prefix(std::min(end + kReturnUrlMark.size(), page.size()));
  }
  return parts;
}

/// "https://v6.example.net" of a URL that begins with it; empty: none.
std::string origin_of(std::string_view url) {
  const auto read = http::read_whole_url(url);
  if (!read) return {};
  return fmt::format("{}://{}", read->https ? "https" : "http", read->authority);
}

std::string make_policy(const verify::GateSettings& settings) {
  std::string policy =
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'";
  for (const std::string& url : {settings.pair_v4_url, settings.pair_v6_url}) {
    const std::string origin = origin_of(url);
    if (!origin.empty()) policy += " " + origin;
  }
  policy += "; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
  return policy;
}

}  // namespace

struct Pages::Impl {
  Look look;
  std::vector<std::string> languages;
  std::size_t default_language = 0;
  std::vector<FirstPage> first_pages;  ///< by language
  std::vector<PageAsset> assets;
  std::string policy;

  [[nodiscard]] std::size_t index_of(std::string_view language) const noexcept {
    const auto found = std::ranges::find(languages, language);
    return found == languages.end() ? default_language
                                    : static_cast<std::size_t>(found - languages.begin());
  }

  void render(const View& view, std::string& out) const {
    Writer to(look, look.catalogues[index_of(view.language)], view, out);
    write_frame_top(to);
    write_content(to);
    write_frame_bottom(to);
  }
};

Pages::Pages(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Pages::Pages(Pages&&) noexcept = default;
Pages& Pages::operator=(Pages&&) noexcept = default;
Pages::~Pages() = default;

std::expected<Pages, std::string> Pages::make(const config::Gate& gate,
                                              std::string_view gate_path) {
  const config::GateTheme& theme = gate.theme;
  auto impl = std::make_unique<Impl>();
  auto catalogues = load_catalogues(theme.folder);
  if (!catalogues) return std::unexpected(catalogues.error());
  auto assets = make_assets(theme);
  if (!assets) return std::unexpected(assets.error());
  impl->assets = std::move(*assets);

  Look& look = impl->look;
  look.catalogues = std::move(*catalogues);
  look.gate_path = gate_path;
  look.issuer = gate.settings.issuer;
  look.title = theme.title.empty() ? look.issuer : theme.title;
  look.token_digits = gate.settings.token_digits;
  if (is_web_url(theme.imprint_url)) look.imprint_url = theme.imprint_url;
  if (is_web_url(theme.privacy_policy_url)) look.privacy_policy_url = theme.privacy_policy_url;
  const auto url = [&](std::size_t at) {
    return fmt::format("{}{}?v={}", gate_path, impl->assets[at].path, impl->assets[at].hash);
  };
  look.style_url = url(0);
  look.script_url = url(1);
  look.logo_url = url(2);

  for (const Catalogue& catalogue : look.catalogues) {
    impl->languages.push_back(catalogue.language());
  }
  const auto chosen = std::ranges::find(impl->languages, theme.default_language);
  if (chosen == impl->languages.end()) {
    return std::unexpected(
        fmt::format("there is no catalogue for the language \"{}\"", theme.default_language));
  }
  impl->default_language = static_cast<std::size_t>(chosen - impl->languages.begin());
  impl->policy = make_policy(gate.settings);
  for (const std::string& language : impl->languages) {
    std::string page;
    verify::View view;
    view.language = language;
    view.return_url = kReturnUrlMark;
    impl->render(view, page);
    impl->first_pages.push_back(split_first_page(page));
  }
  return Pages(std::move(impl));
}

const std::vector<std::string>& Pages::languages() const noexcept { return impl_->languages; }

std::string_view Pages::choose_language(std::string_view asked, std::string_view cookie,
                                        std::string_view accept_language) const noexcept {
  const std::vector<std::string>& ours = impl_->languages;
  std::string_view chosen = http::named_language(asked, ours);
  if (chosen.empty()) chosen = http::named_language(cookie, ours);
  if (chosen.empty()) chosen = http::accepted_language(accept_language, ours);
  return chosen.empty() ? ours[impl_->default_language] : chosen;
}

void Pages::render(const View& view, std::string& out) const { impl_->render(view, out); }

void Pages::render_json(const View& view, std::string& out) const {
  const Catalogue& texts = impl_->look.catalogues[impl_->index_of(view.language)];
  out += "{\"page\":";
  append_json(out, page_name(view.page));
  out += view.reload ? ",\"reload\":true,\"error\":" : ",\"reload\":false,\"error\":";
  append_json(out, verify::to_text(view.error));
  out += ",\"message\":";
  std::string message;
  if (view.error != verify::GateError::none) {
    texts.append(message, fmt::format("error.{}", verify::to_text(view.error)));
  }
  append_json(out, message);
  fmt::format_to(std::back_inserter(out), ",\"until\":{},\"now\":{}}}\n", view.until_ms,
                 view.now_ms);
}

void Pages::append_first_page(std::string_view language, std::string_view return_url,
                              std::string& out) const {
  const FirstPage& parts = impl_->first_pages[impl_->index_of(language)];
  const std::string_view url = is_web_url(return_url) ? return_url : std::string_view();
  out += parts[0];
  append_html(out, url);
  out += parts[1];
  append_html(out, url);
  out += parts[2];
}

const std::vector<PageAsset>& Pages::assets() const noexcept { return impl_->assets; }

const PageAsset* Pages::find_asset(std::string_view path) const noexcept {
  const auto found = std::ranges::find(impl_->assets, path, &PageAsset::path);
  return found == impl_->assets.end() ? nullptr : &*found;
}

const std::string& Pages::security_policy() const noexcept { return impl_->policy; }

}  // namespace sallyport::http_door
