#include "tests/engine/http/pages/markup.h"

#include <algorithm>
#include <set>
#include <sstream>

namespace sallyport::http_door {
namespace {

constexpr std::string_view kVoid[] = {"meta", "link", "img", "input", "br", "rect"};
constexpr std::string_view kKnown[] = {
    "html",    "head", "title", "body",  "header",  "main",   "footer", "section", "div",
    "p",       "span", "b",     "small", "strong",  "code",   "h1",     "h2",      "ul",
    "ol",      "li",   "dl",    "dt",    "dd",      "form",   "label",  "button",  "a",
    "details", "time", "svg",   "path",  "summary", "circle", "script", "noscript"};

bool is_name(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == ':';
}

template <typename Range>
bool has(const Range& range, std::string_view name) {
  return std::ranges::find(range, name) != std::end(range);
}

/// Reads a page from the front and remembers what it has met.
class Reader {
 public:
  explicit Reader(std::string_view page) : rest_(page) {}

  std::string read() {
    constexpr std::string_view kDoctype = "<!doctype html>\n";
    if (!rest_.starts_with(kDoctype)) return "no doctype";
    rest_.remove_prefix(kDoctype.size());
    while (!rest_.empty() && mistake_.empty()) {
      if (rest_.front() == '<') {
        tag();
      } else {
        text(rest_.substr(0, rest_.find('<')), true);
      }
    }
    if (mistake_.empty() && !open_.empty()) fail("not closed: " + open_.back());
    for (const std::string& id : wanted_) {
      if (mistake_.empty() && !ids_.contains(id)) fail("nothing has the id " + id);
    }
    return mistake_;
  }

 private:
  void fail(std::string what) { mistake_ = std::move(what); }

  /// Every "&" begins a reference of those that we write.
  void text(std::string_view value, bool consume) {
    for (std::size_t at = value.find('&'); at != value.npos; at = value.find('&', at + 1)) {
      const std::string_view from = value.substr(at);
      const auto begins = [&](std::string_view known) { return from.starts_with(known); };
      if (std::ranges::none_of(
              std::initializer_list<std::string_view>{"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"},
              begins)) {
        return fail("stray &: " + std::string(from.substr(0, 20)));
      }
    }
    if (consume) rest_.remove_prefix(value.size());
  }

  std::string name() {
    const auto end = std::ranges::find_if_not(rest_, is_name);
    std::string found(rest_.begin(), end);
    rest_.remove_prefix(found.size());
    return found;
  }

  void tag() {
    const std::string_view whole = rest_.substr(0, 40);
    rest_.remove_prefix(1);
    if (rest_.starts_with('/')) {
      rest_.remove_prefix(1);
      const std::string closed = name();
      if (open_.empty() || open_.back() != closed) return fail("closed: " + std::string(whole));
      open_.pop_back();
    } else {
      const std::string opened = name();
      if (!has(kVoid, opened) && !has(kKnown, opened))
        return fail("stray <: " + std::string(whole));
      bool closed = has(kVoid, opened);
      attributes(closed);
      if (!closed) open_.push_back(opened);
    }
    if (!mistake_.empty()) return;
    if (!rest_.starts_with('>')) return fail("not ended: " + std::string(whole));
    rest_.remove_prefix(1);
  }

  void attributes(bool& closed) {
    std::set<std::string> names;
    while (mistake_.empty() && rest_.starts_with(' ')) {
      rest_.remove_prefix(1);
      // SVG writes some with capitals: viewBox, crispEdges stand in values or here.
      const auto end = rest_.find_first_of("= >/");
      const std::string attribute(rest_.substr(0, end));
      rest_.remove_prefix(std::min(end, rest_.size()));
      if (attribute.empty() || !names.insert(attribute).second) {
        return fail("attribute: " + attribute);
      }
      if (attribute.starts_with("on")) return fail("handler: " + attribute);
      if (rest_.starts_with('=')) value(attribute);
    }
    if (rest_.starts_with('/')) {
      closed = true;
      rest_.remove_prefix(1);
    }
  }

  void value(const std::string& attribute) {
    if (!rest_.starts_with("=\"")) return fail("no quote: " + attribute);
    rest_.remove_prefix(2);
    const std::size_t end = rest_.find('"');
    if (end == rest_.npos) return fail("no end of quote: " + attribute);
    const std::string found(rest_.substr(0, end));
    text(found, false);
    if (found.contains('<')) return fail("< in " + attribute);
    if (attribute == "id" && !ids_.insert(found).second) return fail("id twice: " + found);
    if (attribute == "for" || attribute == "aria-describedby" || attribute == "aria-labelledby") {
      std::istringstream all(found);
      for (std::string id; all >> id;) wanted_.insert(id);
    }
    rest_.remove_prefix(end + 1);
  }

  std::string_view rest_;
  std::vector<std::string> open_;
  std::set<std::string> ids_;
  std::set<std::string> wanted_;
  std::string mistake_;
};

}  // namespace

std::string markup_mistake(std::string_view page) { return Reader(page).read(); }

std::vector<std::string> elements(std::string_view page, std::string_view name) {
  const std::string open = "<" + std::string(name) + " ";
  const std::string close = "</" + std::string(name) + ">";
  std::vector<std::string> found;
  for (std::size_t at = page.find(open); at != page.npos; at = page.find(open, at + 1)) {
    found.emplace_back(page.substr(at, page.find(close, at) - at));
  }
  return found;
}

}  // namespace sallyport::http_door
