#include "verify/notakey_api.h"

#include "verify/template_text.h"

namespace sallyport::verify {

namespace api = ::sallyport::notakey;

namespace {

constexpr notakey::Fault kUnsendable{.kind = notakey::FaultKind::unsendable};

NotakeyApi::Outcome take(const api::Written& written, std::string& out) {
  if (!written) return std::unexpected(kUnsendable);
  out.assign(*written);
  return {};
}

}  // namespace

NotakeyApi::NotakeyApi(const NotakeySettings& settings)
    : settings_(settings),
      host_(api::parse_host(settings_.host)),
      version_(settings.v3 ? api::ApiVersion::v3 : api::ApiVersion::v2),
      buffer_(std::make_unique_for_overwrite<char[]>(api::kMaxRequestOctets)) {
  origin_ = host_ ? (host_->tls ? "https://" : "http://") + std::string(host_->authority)
                  : settings_.host;
}

NotakeyApi::~NotakeyApi() = default;

api::Service NotakeyApi::service_of_host() const noexcept {
  return {.host = *host_, .version = version_, .id = settings_.access_id};
}

std::span<char> NotakeyApi::buffer() const noexcept {
  return {buffer_.get(), api::kMaxRequestOctets};
}

NotakeyApi::Outcome NotakeyApi::token(HttpRequest& out) {
  if (!host_) return std::unexpected(kUnsendable);
  out.post = true;
  out.authorised = false;
  if (const Outcome url = take(api::token_url(*host_, buffer()), out.url); !url) return url;
  const auto written =
      api::token_body(settings_.client_id, as_text(settings_.client_secret.reveal()), buffer());
  const Outcome outcome = take(written, out.body);
  wipe({reinterpret_cast<std::uint8_t*>(buffer_.get()), written ? written->size() : 0});
  return outcome;
}

NotakeyApi::Outcome NotakeyApi::service(HttpRequest& out) {
  if (!host_) return std::unexpected(kUnsendable);
  out.post = false;
  out.authorised = settings_.v3;
  out.body.clear();
  return take(api::service_url(service_of_host(), buffer()), out.url);
}

NotakeyApi::Outcome NotakeyApi::create(const Question& question, std::uint32_t ttl_s,
                                       HttpRequest& out) {
  if (!host_) return std::unexpected(kUnsendable);
  out.post = true;
  out.authorised = settings_.v3;
  const std::string_view user = question.user.view();
  if (const Outcome url = take(api::create_url(service_of_host(), user, buffer()), out.url); !url)
    return url;
  const std::string action = render_template(settings_.action, question);
  const std::string description = render_template(
      question.number == 0 ? settings_.description : settings_.number_description, question);
  const api::Push push{.user = user,
                       .action = action,
                       .description = description,
                       .profile = settings_.profile,
                       .ttl_s = ttl_s};
  return take(api::create_body(version_, push, buffer()), out.body);
}

NotakeyApi::Outcome NotakeyApi::result(std::string_view uuid, HttpRequest& out) {
  if (!host_) return std::unexpected(kUnsendable);
  out.post = false;
  out.authorised = settings_.v3;
  out.body.clear();
  return take(api::result_url(service_of_host(), uuid, buffer()), out.url);
}

}  // namespace sallyport::verify
