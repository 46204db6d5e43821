#include "engine/config/doorman_template.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "engine/config/environment_text.h"
#include "verify/channels/channel.h"
#include "verify/channels/text_template.h"

namespace sallyport::config {
namespace {

struct Variable {
  std::string_view go;
  std::string_view ours;
};
constexpr std::array<Variable, 8> kVariables = {{{"message", "{text}"},
                                                 {"subject", "{subject}"},
                                                 {"body", "{body}"},
                                                 {"tomail", "{to_mail}"},
                                                 {"toname", "{to_name}"},
                                                 {"tomobile", "{to_mobile}"},
                                                 // doorman has no .to: what was meant is the mail.
                                                 {"to", "{to_mail}"},
                                                 {"token", "{code}"}}};

/// Caddy takes "\{" for "{".
std::string without_escapes(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape =
        text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == '{' || text[i + 1] == '}');
    if (!escape) out += text[i];
  }
  return out;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '-')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '-')) text.remove_suffix(1);
  return text;
}

/// {env.NAME} is filled in before the template is looked at.
std::string without_variables(std::string text) {
  for (auto at = text.find(kEnvironmentMark); at != std::string::npos;
       at = text.find(kEnvironmentMark)) {
    const auto end = text.find('}', at);
    if (end == std::string::npos) break;
    text.replace(at, end - at + 1, 1, 'x');  // not "x": GCC 12 warns of it (GCC bug 105651)
  }
  return text;
}

}  // namespace

std::expected<std::string, std::string> convert_go_template(std::string_view text,
                                                            const DoormanSender& from) {
  const std::string plain = without_escapes(text);
  std::string out;
  std::string_view rest = plain;
  for (auto at = rest.find("{{"); at != std::string_view::npos; at = rest.find("{{")) {
    const auto end = rest.find("}}", at);
    if (end == std::string_view::npos) return std::unexpected("it has a {{ without }}");
    out += rest.substr(0, at);
    const std::string_view action = trimmed(rest.substr(at + 2, end - at - 2));
    const auto known = std::ranges::find(
        kVariables, action.starts_with('.') ? action.substr(1) : std::string_view{}, &Variable::go);
    if (known != kVariables.end()) {
      out += known->ours;
    } else if (action == ".frommail" || action == ".fromname") {
      verify::append_escaped(out, action == ".frommail" ? from.mail : from.name,
                             verify::Escape::query);
    } else {
      return std::unexpected(
          "it does more than name message, subject, body, tomail, toname, tomobile, frommail and "
          "fromname");
    }
    rest.remove_prefix(end + 2);
  }
  out += rest;
  const auto parsed =
      verify::TextTemplate::parse(without_variables(out), verify::channel_placeholders());
  if (!parsed) return std::unexpected(fmt::format("it {}", parsed.error()));
  return out;
}

}  // namespace sallyport::config
