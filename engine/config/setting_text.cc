// Settings as text: their types, bounds and values.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/config/duration.h"
#include "engine/config/rate.h"
#include "engine/config/settings.h"
#include "engine/config/size.h"

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
  std::string operator()(const Size& type) const {
    return fmt::format("size, {}{} to {}", type.zero_is_unlimited ? "0 or " : "",
                       size_text(type.min), size_text(type.max));
  }
  std::string operator()(const File& type) const {
    return type.kind == File::Kind::folder ? "path of a folder" : "path of a file";
  }
  std::string operator()(const TextList& type) const {
    return fmt::format("list of 1 to {} {}", type.max_count, type.what);
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
  std::string operator()(const RateLimit&) const { return "rate"; }
  std::string operator()(const SecretSource&) const { return "secret"; }
  std::string operator()(const KeysSource&) const { return "secret: one key or several"; }
};

template <class T>
std::string list_text(const std::vector<T>& values) {
  std::string out;
  for (const T& value : values) out += (out.empty() ? "" : ", ") + in_quotes(value.text());
  return out.empty() ? out : "[" + out + "]";
}

struct ValueText {
  Draft& draft;

  std::string operator()(const WholeNumber& type) const {
    const std::uint32_t value = type.field(draft);
    return type.zero_is_none && value == 0 ? std::string{} : std::to_string(value);
  }
  std::string operator()(const Size& type) const {
    const std::string text = size_text(type.get(draft));
    return text.find_first_not_of("0123456789") == std::string::npos ? text : in_quotes(text);
  }
  std::string operator()(const File& type) const { return in_quotes(type.field(draft)); }
  std::string operator()(const TextList& type) const {
    if (type.redacted && type.count(draft) > 0) return "set";
    std::string out;
    for (const std::string& text : type.get(draft))
      out += (out.empty() ? "" : ", ") + in_quotes(text);
    return out.empty() ? out : "[" + out + "]";
  }
  std::string operator()(const Switch& type) const { return type.field(draft) ? "true" : "false"; }
  std::string operator()(const Duration& type) const {
    const std::uint32_t value = type.field(draft);
    return type.zero_is_none && value == 0 ? std::string{} : in_quotes(duration_text(value));
  }
  std::string operator()(const Text& type) const {
    const std::string& text = type.field(draft);
    return type.redacted && !text.empty() ? "set" : in_quotes(text);
  }
  std::string operator()(const Choice& type) const {
    return in_quotes(type.words[type.get(draft)]);
  }
  std::string operator()(const HostPort& type) const {
    const std::string& host = type.host(draft);
    if (host.empty()) return {};
    return in_quotes(fmt::format(fmt::runtime(host.contains(':') ? "[{}]:{}" : "{}:{}"), host,
                                 type.port(draft)));
  }
  std::string operator()(const AnAddress& type) const {
    const auto& value = type.field(draft);
    return value ? in_quotes(value->text()) : std::string{};
  }
  std::string operator()(const AnEndpoint& type) const {
    const auto& value = type.field(draft);
    return value ? in_quotes(value->text()) : std::string{};
  }
  std::string operator()(const EndpointList& type) const { return list_text(type.field(draft)); }
  std::string operator()(const PrefixList& type) const { return list_text(type.field(draft)); }
  std::string operator()(const SecretSource& type) const {
    return type.field(draft).empty() ? "not set" : "set";
  }
  std::string operator()(const KeysSource& type) const {
    return type.field(draft).empty() ? "not set" : "set";
  }
  std::string operator()(const RateLimit& type) const {
    return in_quotes(rate_text(type.field(draft)));
  }
};

}  // namespace

std::string type_text(const Setting& setting) { return std::visit(TypeText{}, setting.type); }

std::string value_text(const Setting& setting, Draft& draft) {
  return std::visit(ValueText{draft}, setting.type);
}

std::string in_quotes(std::string_view text) {
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
