// Settings as text: their types, bounds and values.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/config/duration.h"
#include "engine/config/settings.h"

namespace sallyport::config {
namespace {

struct TypeText {
  std::string operator()(const WholeNumber& type) const {
    return fmt::format("whole number, {} to {}", type.min, type.max);
  }
  std::string operator()(const Switch&) const { return "true or false"; }
  std::string operator()(const Duration& type) const {
    return fmt::format("duration, {} to {}", duration_text(type.min_ms),
                       duration_text(type.max_ms));
  }
  std::string operator()(const Text& type) const {
    return fmt::format("text of at most {} octets", type.max_octets);
  }
  std::string operator()(const Choice& type) const {
    return fmt::format("one of \"{}\"", fmt::join(type.words, "\", \""));
  }
  std::string operator()(const HostPort&) const { return "host and port"; }
  std::string operator()(const AnAddress&) const { return "IP address"; }
  std::string operator()(const AnEndpoint&) const { return "IP address and port"; }
  std::string operator()(const EndpointList& type) const {
    return fmt::format("list of 1 to {} IP addresses with ports", type.max_count);
  }
  std::string operator()(const PrefixList&) const { return "list of IP addresses and prefixes"; }
  std::string operator()(const SecretSource&) const { return "secret"; }
};

template <class T>
std::string list_text(const std::vector<T>& values) {
  std::string out;
  for (const T& value : values) out += (out.empty() ? "" : ", ") + quoted(value.text());
  return "[" + out + "]";
}

struct ValueText {
  Draft& draft;

  std::string operator()(const WholeNumber& type) const {
    return std::to_string(type.field(draft));
  }
  std::string operator()(const Switch& type) const { return type.field(draft) ? "true" : "false"; }
  std::string operator()(const Duration& type) const {
    return quoted(duration_text(type.field(draft)));
  }
  std::string operator()(const Text& type) const { return quoted(type.field(draft)); }
  std::string operator()(const Choice& type) const { return quoted(type.words[type.get(draft)]); }
  std::string operator()(const HostPort& type) const {
    const std::string& host = type.host(draft);
    if (host.empty()) return {};
    return quoted(fmt::format(fmt::runtime(host.contains(':') ? "[{}]:{}" : "{}:{}"), host,
                              type.port(draft)));
  }
  std::string operator()(const AnAddress& type) const {
    const auto& value = type.field(draft);
    return value ? quoted(value->text()) : std::string{};
  }
  std::string operator()(const AnEndpoint& type) const {
    const auto& value = type.field(draft);
    return value ? quoted(value->text()) : std::string{};
  }
  std::string operator()(const EndpointList& type) const { return list_text(type.field(draft)); }
  std::string operator()(const PrefixList& type) const { return list_text(type.field(draft)); }
  std::string operator()(const SecretSource& type) const {
    return type.field(draft).empty() ? "not set" : "set";
  }
};

}  // namespace

std::string type_text(const Setting& setting) { return std::visit(TypeText{}, setting.type); }

std::string value_text(const Setting& setting, Draft& draft) {
  return std::visit(ValueText{draft}, setting.type);
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      (out += '\\') += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

}  // namespace sallyport::config
