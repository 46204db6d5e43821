#include "verify/channels/message_texts.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>

#include <fmt/format.h>

#include "verify/channels/builtin_texts.h"
#include "verify/file_text.h"

namespace sallyport::verify {
namespace {

constexpr std::array<std::string_view, 4> kKindNames = {"token", "link", "registration", "changed"};
constexpr std::array<std::string_view, 15> kKnown = {
    "user",     "name",   "issuer",      "imprint_url", "privacy_policy_url",
    "language", "code",   "spaced_code", "link",        "minutes",
    "address",  "device", "time",        "what",        "number"};

/// The four texts of a kind, before they are parsed.
struct Texts {
  std::optional<std::string> subject, text, html, brief;
};

/// Nothing: there is no such file.
std::expected<std::optional<std::string>, std::string> contents(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error) && !error) return std::nullopt;
  return read_file(path);
}

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

/// The links that the law asks for, where they are set.
std::string text_foot(const MessengerSettings& settings) {
  std::string foot;
  if (!settings.imprint_url.empty()) foot += "\n{imprint_url}";
  if (!settings.privacy_policy_url.empty()) foot += "\n{privacy_policy_url}";
  return foot.empty() ? foot : "\n-- " + foot + "\n";
}
std::string html_foot(const MessengerSettings& settings) {
  std::string foot;
  for (const auto& [url, name] : {std::pair(&settings.imprint_url, "imprint_url"),
                                  std::pair(&settings.privacy_policy_url, "privacy_policy_url")}) {
    if (!url->empty()) foot += fmt::format("<br><a href=\"{{{0}}}\">{{{0}}}</a>", name);
  }
  if (!foot.empty()) foot = "<p><small>" + foot.substr(4) + "</small></p>";
  return foot + std::string(builtin_html_foot());
}

Texts built_in(std::string_view language, MessageKind kind, const MessengerSettings& settings) {
  for (const BuiltinText& text : builtin_texts()) {
    if (text.language != language || text.kind != kind) continue;
    return {.subject = std::string(text.subject),
            .text = std::string(text.text) + text_foot(settings),
            .html = std::string(builtin_html_head()) + std::string(text.html) + html_foot(settings),
            .brief = std::string(text.brief)};
  }
  return {};
}

/// One part of a kind: the operator's file, else as built in.
std::expected<TextTemplate, std::string> part(const std::string& folder, std::string_view kind,
                                              std::string_view suffix,
                                              std::optional<std::string> fallback) {
  const std::string path = fmt::format("{}/{}.{}", folder, kind, suffix);
  auto own = folder.empty() ? std::nullopt : contents(path);
  if (!own) return std::unexpected(std::move(own.error()));
  if (*own) fallback = suffix == "html" || suffix == "text.txt" ? **own : trimmed(**own);
  if (!fallback) return std::unexpected(path + " is missing: this language is not built in");
  auto parsed = TextTemplate::parse(*fallback, kKnown);
  if (!parsed) return std::unexpected(path + " " + parsed.error());
  return parsed;
}

/// The languages: those built in, and the operator's folders.
std::expected<std::vector<std::string>, std::string> languages_in(const std::string& folder) {
  std::vector<std::string> all;
  for (const BuiltinText& text : builtin_texts()) {
    if (std::ranges::find(all, text.language) == all.end()) all.emplace_back(text.language);
  }
  if (folder.empty()) return all;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (!entry.is_directory() || name.starts_with('.')) continue;
    if (std::ranges::find(all, name) == all.end()) all.push_back(name);
  }
  if (error) return std::unexpected(fmt::format("cannot read {}: {}", folder, error.message()));
  return all;
}

std::string one_line(std::string text) {
  std::ranges::replace_if(text, [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return text;
}

}  // namespace

std::expected<MessageTexts, std::string> MessageTexts::make(const MessengerSettings& settings) {
  MessageTexts all;
  all.default_language_ = settings.default_language;
  all.issuer_ = settings.issuer;
  all.imprint_url_ = settings.imprint_url;
  all.privacy_policy_url_ = settings.privacy_policy_url;
  const auto languages = languages_in(settings.template_folder);
  if (!languages) return std::unexpected(languages.error());
  for (const std::string& language : *languages) {
    const std::string folder = settings.template_folder.empty()
                                   ? std::string()
                                   : settings.template_folder + "/" + language;
    ByKind& by_kind = all.languages_[language];
    for (std::size_t kind = 0; kind < kMessageKinds; ++kind) {
      Texts given = built_in(language, static_cast<MessageKind>(kind), settings);
      Templates& templates = by_kind[kind];
      const std::array<std::tuple<TextTemplate*, const char*, std::optional<std::string>*>, 4>
          parts{{{&templates.subject, "subject.txt", &given.subject},
                 {&templates.text, "text.txt", &given.text},
                 {&templates.html, "html", &given.html},
                 {&templates.brief, "short.txt", &given.brief}}};
      for (const auto& [into, suffix, fallback] : parts) {
        auto made = part(folder, kKindNames[kind], suffix, std::move(*fallback));
        if (!made) return std::unexpected(std::move(made.error()));
        *into = std::move(*made);
      }
    }
  }
  if (!all.has(all.default_language_)) {
    return std::unexpected(
        fmt::format("there are no messages in the default language {}", all.default_language_));
  }
  return all;
}

const MessageTexts::Language& MessageTexts::language_of(const Message& message) const {
  for (const std::string& wanted : {message.language, message.to.language}) {
    const auto found = languages_.find(wanted);
    if (found != languages_.end()) return *found;
  }
  return *languages_.find(default_language_);
}

MessageText MessageTexts::render(const Message& message) const {
  const auto& [language, by_kind] = language_of(message);
  const std::string& name = message.to.name.empty() ? message.to.id : message.to.name;
  std::vector<TemplateValue> values{
      {"user", message.to.id},       {"name", name},
      {"issuer", issuer_},           {"language", language},
      {"imprint_url", imprint_url_}, {"privacy_policy_url", privacy_policy_url_}};
  for (const auto& [key, value] : message.values) values.emplace_back(key, value);
  const Templates& templates = by_kind[static_cast<std::size_t>(message.kind)];
  return {.subject = one_line(templates.subject.render(values, Escape::header)),
          .text = templates.text.render(values, Escape::none),
          .html = templates.html.render(values, Escape::html),
          .brief = one_line(templates.brief.render(values, Escape::header))};
}

}  // namespace sallyport::verify
