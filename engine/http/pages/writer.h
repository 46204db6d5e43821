#pragma once
// Writes a page: what every page's content is made of. Whatever comes in as a value is escaped
// here; only raw() takes markup, and only ours. Lives while one page is written.

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "engine/http/pages/catalogue.h"
#include "engine/http/pages/icons.h"
#include "verify/gate/view.h"

namespace sallyport::http_door {

/// What is the same on all pages.
struct Look {
  std::string gate_path;  ///< "/.sallyport"
  std::string issuer;
  std::string title;
  std::string style_url;
  std::string script_url;
  std::string logo_url;
  std::string imprint_url;         ///< http or https, or empty
  std::string privacy_policy_url;  ///< the same
  std::uint32_t token_digits = 6;
  std::vector<Catalogue> catalogues;
};

/// Takes the place of the return URL in the first page, which is made before (Pages).
inline constexpr std::string_view kReturnUrlMark = "\x01";

/// Whether a browser may be sent there: http, https, or a path of the same host.
[[nodiscard]] bool is_web_url(std::string_view url) noexcept;

class Writer {
 public:
  Writer(const Look& its_look, const Catalogue& its_texts, const verify::View& its_view,
         std::string& out)
      : look(its_look), texts(its_texts), view(its_view), out_(out) {}

  using Values = std::initializer_list<TextValue>;

  Writer& raw(std::string_view markup);
  Writer& put(std::string_view value);  ///< escaped
  Writer& icon(Icon icon);
  Writer& number(std::uint64_t value);
  /// A text of the catalogue, escaped with its values; {issuer} is always there.
  Writer& text(std::string_view key, Values values = {});
  /// <element class="…">text</element>
  Writer& line(std::string_view element, std::string_view css_class, std::string_view key,
               Values values = {});
  /// The page's <h1>, and the lines below it: "PAGE.title", "PAGE.text".
  Writer& heading(std::string_view page);
  /// What `view.error` says, in a form that is read aloud at once.
  Writer& error();

  Writer& open_form(std::string_view path, std::string_view css_class = {});
  Writer& close_form();
  Writer& hidden(std::string_view name, std::string_view value);
  /// "primary", "secondary" or "quiet"; `name` empty: no value is sent.
  Writer& button(std::string_view css_class, std::string_view key, std::string_view name = {},
                 std::string_view value = {});
  /// A form that is one button.
  Writer& button_form(std::string_view path, std::string_view css_class, std::string_view key,
                      std::string_view name = {}, std::string_view value = {});
  /// A label, its field, and what helps to fill it in ("PAGE.hint"). `attributes`: markup.
  struct Field {
    std::string_view name;
    std::string_view label;      ///< key
    std::string_view hint = {};  ///< key, or empty
    std::string_view attributes = {};
    std::string_view value = {};
    bool blamed = true;          ///< `view.error` is about it
    bool scripted_hint = false;  ///< the hint tells what the script does
  };
  Writer& field(const Field& field);
  /// One for the digits of a code; sends the form by itself at the last one.
  Writer& code_field(std::string_view label, std::string_view hint, std::uint32_t digits);

  /// A code of what he has already, where changing factors asks for one; else nothing. `id`: of the
  /// field on this page.
  Writer& current_code_field(std::string_view id);

  /// In UTC; the script makes it the visitor's own time.
  Writer& time(std::uint64_t unix_ms);
  /// What is left until view.until_ms; nothing without.
  Writer& countdown();
  /// The two digits, large; nothing without.
  Writer& matching_number(std::string_view key);
  /// "Another way": the other factors of the view.
  Writer& other_ways(verify::Factor present);
  /// Each as a large button.
  Writer& factor_buttons(std::string_view css_class, const verify::Factor* present);

  /// view.return_url if it may be followed, else empty.
  [[nodiscard]] std::string_view return_url() const noexcept;
  /// The first page, which brings back to the same URL.
  [[nodiscard]] std::string start_url() const;

  const Look& look;
  const Catalogue& texts;
  const verify::View& view;

 private:
  std::string& out_;
  std::string scratch_;
};

}  // namespace sallyport::http_door
