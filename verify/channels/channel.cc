#include "verify/channels/channel.h"

#include <array>

namespace sallyport::verify {
namespace {

constexpr std::array<std::string_view, 11> kPlaceholders = {
    "text",    "subject",   "body",    "code",   "link",    "user",
    "to_mail", "to_mobile", "to_name", "issuer", "language"};

std::string_view value_of(const Message& message, std::string_view key) {
  for (const auto& [name, value] : message.values) {
    if (name == key) return value;
  }
  return {};
}

}  // namespace

std::span<const std::string_view> channel_placeholders() noexcept { return kPlaceholders; }

std::vector<TemplateValue> channel_values(const Message& message, const MessageText& text,
                                          const std::string& issuer) {
  return {{"text", text.brief},
          {"subject", text.subject},
          {"body", text.text},
          {"code", value_of(message, "code")},
          {"link", value_of(message, "link")},
          {"user", message.to.id},
          {"to_mail", message.to.mail},
          {"to_mobile", message.to.number()},
          {"to_name", message.to.name},
          {"issuer", issuer},
          {"language", message.language}};
}

MadeChannel make_channel(const ChannelSettings& settings, const std::string& issuer) {
  switch (settings.kind) {
    case ChannelSettings::Kind::smtp: return make_smtp_channel(settings.smtp, settings.timeout_ms);
    case ChannelSettings::Kind::url:
      return make_url_channel(settings.url, settings.timeout_ms, issuer);
    case ChannelSettings::Kind::command:
      return make_command_channel(settings.command, settings.timeout_ms, issuer);
  }
  return std::unexpected("a channel is of no kind");
}

}  // namespace sallyport::verify
