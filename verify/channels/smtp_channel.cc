// Mail by SMTP (RFC 5321), by libcurl. Signing (DKIM) is the relay's.

#include <fmt/format.h>

#include "verify/channels/channel.h"
#include "verify/channels/curl_call.h"
#include "verify/channels/mail.h"
#include "verify/clock.h"

namespace sallyport::verify {
namespace {

class SmtpChannel final : public Channel {
 public:
  SmtpChannel(SmtpChannelSettings settings, std::uint32_t timeout_ms)
      : settings_(std::move(settings)), timeout_ms_(timeout_ms) {}

  std::expected<void, SendFailure> send(const Message& message, const MessageText& text,
                                        int stop) override {
    if (!reaches(message.to)) {
      return std::unexpected(SendFailure{.text = "the user has no mail address", .lasting = true});
    }
    SystemRandom random;
    const std::string octets = mail_octets(
        {.name = settings_.from_name, .mail = settings_.from_mail},
        {.name = message.to.name, .mail = message.to.mail}, text, unix_ms() / 1000, random);
    CurlCall call(url_, {.verify_certificate = verify(), .ca_file = settings_.ca_file}, timeout_ms_,
                  stop);
    curl_easy_setopt(call.handle(), CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(call.handle(), CURLOPT_USE_SSL, static_cast<long>(level()));
    curl_easy_setopt(call.handle(), CURLOPT_MAIL_FROM, settings_.from_mail.c_str());
    call.add_recipient(message.to.mail);
    if (!settings_.user.empty()) call.set_login(settings_.user, settings_.password);
    call.upload(octets);
    const std::string problem = call.run();
    if (problem.empty()) return {};
    // RFC 5321 §4.2.1: 5xx is for good. A login or a certificate does not mend itself, either.
    const long status = call.status();
    const bool lasting = status >= 500 || call.code() == CURLE_LOGIN_DENIED ||
                         call.code() == CURLE_PEER_FAILED_VERIFICATION;
    return std::unexpected(
        SendFailure{.text = status >= 400 ? fmt::format("the server answered {}", status) : problem,
                    .lasting = lasting});
  }

  bool reaches(const User& user) const override { return is_mail_address(user.mail); }

 private:
  [[nodiscard]] bool verify() const noexcept {
    return settings_.verify_certificate && settings_.security != SmtpSecurity::opportunistic;
  }
  [[nodiscard]] int level() const noexcept {
    switch (settings_.security) {
      case SmtpSecurity::starttls: return CURLUSESSL_ALL;
      case SmtpSecurity::tls: return CURLUSESSL_ALL;
      case SmtpSecurity::opportunistic: return CURLUSESSL_TRY;
      case SmtpSecurity::none: return CURLUSESSL_NONE;
    }
    return CURLUSESSL_ALL;
  }

  const SmtpChannelSettings settings_;
  const std::uint32_t timeout_ms_;
  const std::string url_ = fmt::format(
      "{}://{}:{}", settings_.security == SmtpSecurity::tls ? "smtps" : "smtp",
      settings_.host.find(':') == std::string::npos ? settings_.host : "[" + settings_.host + "]",
      settings_.port);
};

}  // namespace

MadeChannel make_smtp_channel(const SmtpChannelSettings& settings, std::uint32_t timeout_ms) {
  if (settings.host.empty()) return std::unexpected("it names no SMTP server");
  if (!is_mail_address(settings.from_mail)) {
    return std::unexpected("its sender is not a mail address");
  }
  return std::make_unique<SmtpChannel>(settings, timeout_ms);
}

}  // namespace sallyport::verify
