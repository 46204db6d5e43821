#pragma once
// The pages that a visitor of the gate sees, in his language: HTML that works without a script and
// within a strict policy (no inline style or script), the same as JSON for our own script, and the
// files that the pages link. Immutable after make(); any thread.
//
// What their forms send, by POST below gate_path as application/x-www-form-urlencoded; all but
// /start and /pair also send form_token:
//   /start      user, rd
//   /captcha    answer, or proof (a decimal number), or renew=1: another picture
//   /factor     factor
//   /code       code: a token, an app's code or a recovery code
//   /again
//   /register   factor=otp|passkey: mails a link; or k and code; or k, credential, client_data,
//               attestation and name; both with current_code if the view asks for it
//   /approve    k, answer=yes|no
//   /passkey    credential, client_data, authenticator_data, signature, user_handle
//   /access     action=end-grant|end-session|remove-otp|remove-passkey|end-all|sign-out, id,
//               current_code
//   /pair       t; the script sends it without cookies from a page of the gate's other host name
// All of a passkey is base64url. The language switch asks the page again by GET with lang=de; the
// door keeps the choice in a cookie (kLanguageCookie).

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/config/gate.h"
#include "verify/gate/view.h"

namespace sallyport::http_door {

/// Holds the language a visitor has chosen. No secret, and needed for nothing else.
inline constexpr std::string_view kLanguageCookie = "sallyport_language";

/// A file that pages link as gate_path + path + "?v=" + hash: whoever asks with that hash may keep
/// it for ever.
struct PageAsset {
  std::string path;  ///< "/style.css", "/script.js", "/logo"
  std::string content_type;
  std::string hash;  ///< of the content; part of a URL
  std::string content;
};

class Pages {
 public:
  /// Reads the theme's files: blocks. An error is one line that says what to mend.
  /// `gate_path`: "/.sallyport".
  [[nodiscard]] static std::expected<Pages, std::string> make(const config::Gate& gate,
                                                              std::string_view gate_path);
  Pages(Pages&&) noexcept;
  Pages& operator=(Pages&&) noexcept;
  ~Pages();

  /// "en", "de", …: sorted.
  [[nodiscard]] const std::vector<std::string>& languages() const noexcept;
  /// One of languages(): the first that we have of `asked` (?lang=), of the cookie, of
  /// Accept-Language by its weights; else the default. Texts as they came; any may be empty.
  [[nodiscard]] std::string_view choose_language(std::string_view asked, std::string_view cookie,
                                                 std::string_view accept_language) const noexcept;

  /// Appends the page as HTML. `view.language`: one that we have not becomes the default. Its
  /// return URL and pair_url are only used when they are http or https.
  void render(const verify::View& view, std::string& out) const;
  /// Appends what a waiting script reads: {"page":"link","reload":false,"error":"denied",
  /// "message":"…","until":0,"now":0}. It loads /visit when `reload` is set or `page` another.
  void render_json(const verify::View& view, std::string& out) const;

  /// Appends the first page (PageId::start without error), made before: three copies and the
  /// escaped return URL (empty: none). The same as render() of such a View.
  void append_first_page(std::string_view language, std::string_view return_url,
                         std::string& out) const;

  /// style.css, script.js and the logo: the theme's, or ours.
  [[nodiscard]] const std::vector<PageAsset>& assets() const noexcept;
  [[nodiscard]] const PageAsset* find_asset(std::string_view path) const noexcept;  ///< or null

  /// The value of Content-Security-Policy for every page, whatever it shows. It allows the script
  /// to reach the names that pair an address.
  [[nodiscard]] const std::string& security_policy() const noexcept;

 private:
  struct Impl;
  explicit Pages(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

}  // namespace sallyport::http_door
