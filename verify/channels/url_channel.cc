// Messages by an HTTP request, as SMS services take them.

#include <fmt/format.h>

#include "verify/channels/channel.h"
#include "verify/channels/curl_call.h"

namespace sallyport::verify {
namespace {

struct HeaderTemplate {
  std::string name;
  TextTemplate value;
};

bool starts_as(std::string_view text, std::string_view type) noexcept {
  return text.starts_with(type) &&
         (text.size() == type.size() || text[type.size()] == ';' || text[type.size()] == ' ');
}

/// How the body is to be written.
Escape escape_for(std::string_view content_type) noexcept {
  if (starts_as(content_type, "application/json")) return Escape::json;
  if (starts_as(content_type, "application/x-www-form-urlencoded")) return Escape::query;
  if (starts_as(content_type, "text/html") || content_type.find("xml") != std::string_view::npos) {
    return Escape::html;
  }
  return Escape::none;
}

class UrlChannel final : public Channel {
 public:
  UrlChannel(UrlChannelSettings settings, std::uint32_t timeout_ms, std::string issuer,
             TextTemplate url, TextTemplate body, std::vector<HeaderTemplate> headers)
      : settings_(std::move(settings)),
        timeout_ms_(timeout_ms),
        issuer_(std::move(issuer)),
        url_(std::move(url)),
        body_(std::move(body)),
        headers_(std::move(headers)) {}

  std::expected<void, SendFailure> send(const Message& message, const MessageText& text,
                                        int stop) override {
    const std::vector<TemplateValue> values = channel_values(message, text, issuer_);
    if (names("to_mobile") && message.to.number().empty()) {
      return std::unexpected(SendFailure{.text = "the user has no number", .lasting = true});
    }
    if (names("to_mail") && message.to.mail.empty()) {
      return std::unexpected(SendFailure{.text = "the user has no mail address", .lasting = true});
    }
    CurlCall call(
        url_.render(values, Escape::query),
        {.verify_certificate = settings_.verify_certificate, .ca_file = settings_.ca_file},
        timeout_ms_, stop);
    CURL* const handle = call.handle();
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    if (!settings_.proxy.empty()) {
      curl_easy_setopt(handle, CURLOPT_PROXY, settings_.proxy.c_str());
    }
    const std::string body = body_.render(values, escape_for(settings_.content_type));
    if (!body_.empty()) {
      curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
      curl_easy_setopt(handle, CURLOPT_POSTFIELDS, body.data());
      call.add_header("Content-Type", settings_.content_type);
      call.add_header("Expect", "");
    }
    curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, settings_.method.c_str());
    for (const HeaderTemplate& header : headers_) {
      call.add_header(header.name, header.value.render(values, Escape::header));
    }
    if (!settings_.bearer.empty()) {
      call.add_secret_header("Authorization", "Bearer ", settings_.bearer);
    }
    if (!settings_.user.empty()) {
      curl_easy_setopt(handle, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
      call.set_login(settings_.user, settings_.password);
    }
    return judge(call, call.run());
  }

  bool reaches(const User& user) const override {
    return !(names("to_mobile") && user.number().empty()) &&
           !(names("to_mail") && user.mail.empty());
  }

 private:
  [[nodiscard]] bool names(std::string_view placeholder) const noexcept {
    return url_.names(placeholder) || body_.names(placeholder);
  }

  static std::expected<void, SendFailure> judge(const CurlCall& call, const std::string& problem) {
    if (!problem.empty()) {
      const bool lasting = call.code() == CURLE_PEER_FAILED_VERIFICATION ||
                           call.code() == CURLE_URL_MALFORMAT ||
                           call.code() == CURLE_UNSUPPORTED_PROTOCOL;
      return std::unexpected(SendFailure{.text = problem, .lasting = lasting});
    }
    const long status = call.status();
    if (status >= 200 && status < 300) return {};
    const bool again = status >= 500 || status == 408 || status == 429;
    return std::unexpected(
        SendFailure{.text = fmt::format("the server answered {}", status), .lasting = !again});
  }

  const UrlChannelSettings settings_;
  const std::uint32_t timeout_ms_;
  const std::string issuer_;
  const TextTemplate url_;
  const TextTemplate body_;
  const std::vector<HeaderTemplate> headers_;
};

}  // namespace

MadeChannel make_url_channel(const UrlChannelSettings& settings, std::uint32_t timeout_ms,
                             const std::string& issuer) {
  const auto known = channel_placeholders();
  if (!settings.url.starts_with("https://") && !settings.url.starts_with("http://")) {
    return std::unexpected("its url begins with https:// or http://");
  }
  auto url = TextTemplate::parse(settings.url, known);
  if (!url) return std::unexpected("its url " + url.error());
  auto body = TextTemplate::parse(settings.body, known);
  if (!body) return std::unexpected("its body " + body.error());
  std::vector<HeaderTemplate> headers;
  for (const auto& [name, text] : settings.headers) {
    auto value = TextTemplate::parse(text, known);
    if (!value) return std::unexpected(fmt::format("its header {} {}", name, value.error()));
    headers.push_back({.name = name, .value = std::move(*value)});
  }
  return std::make_unique<UrlChannel>(settings, timeout_ms, issuer, std::move(*url),
                                      std::move(*body), std::move(headers));
}

}  // namespace sallyport::verify
