// Requests of one round without a password: CoA-Request and Disconnect-Request (RFC 5176), and
// Status-Server (RFC 5997).

#include "bench/load/workload/accounting.h"
#include "bench/load/workload/fast_random.h"
#include "bench/load/workload/request_source.h"
#include "bench/load/workload/request_template.h"
#include "bench/load/workload/user_fields.h"

namespace sallyport::lab {
namespace {

constexpr std::uint32_t kSessionTimeoutSeconds = 3'600;
constexpr std::string_view kFilter = "limited";

class DynamicAuthorization final : public RequestSource {
 public:
  DynamicAuthorization(const WorkloadSettings& settings, const radius::HopKey& key, UserFields user)
      : key_(key),
        seed_(settings.seed),
        user_(std::move(user)),
        template_(settings.method == Method::coa ? radius::Code::coa_request
                                                 : radius::Code::disconnect_request,
                  false) {
    user_.add_to(template_);
    session_id_ =
        template_.add(AccountingType::session_id, std::vector<std::uint8_t>(kSessionIdOctets, '0'));
    if (settings.method == Method::coa) {
      template_.add_number(AccountingType::session_timeout, kSessionTimeoutSeconds);
      template_.add(AccountingType::filter_id, as_octets(kFilter));
    }
    template_.add_nas_identifier();
  }
  [[nodiscard]] std::expected<void, std::string> finish(std::size_t request_octets) {
    return template_.pad(request_octets);
  }

  [[nodiscard]] std::size_t max_request_octets() const noexcept override {
    return template_.octets();
  }
  [[nodiscard]] bool one_round() const noexcept override { return true; }

  std::size_t write(const Session& session, std::uint8_t identifier,
                    MutableOctets out) noexcept override {
    RequestCopy request(template_, identifier, out);
    user_.fill(request, session);
    write_session_id(seed_, session.number, request.at(session_id_, kSessionIdOctets));
    return request.sign_computed(key_);
  }

 private:
  const radius::HopKey& key_;
  std::uint64_t seed_;
  UserFields user_;
  RequestTemplate template_;
  std::size_t session_id_ = 0;
};

class StatusServer final : public RequestSource {
 public:
  StatusServer(const WorkloadSettings& settings, const radius::HopKey& key)
      : key_(key), template_(radius::Code::status_server, true), random_(settings.seed) {
    template_.add_nas_identifier();
  }
  [[nodiscard]] std::expected<void, std::string> finish(std::size_t request_octets) {
    return template_.pad(request_octets);
  }

  [[nodiscard]] std::size_t max_request_octets() const noexcept override {
    return template_.octets();
  }
  [[nodiscard]] bool one_round() const noexcept override { return true; }

  std::size_t write(const Session&, std::uint8_t identifier, MutableOctets out) noexcept override {
    RequestCopy request(template_, identifier, out);
    request.set_authenticator({random_.next16()});
    return request.sign_access(key_);
  }

 private:
  const radius::HopKey& key_;
  RequestTemplate template_;
  FastRandom random_;
};

template <typename T>
MadeSource finished(std::unique_ptr<T> source, const WorkloadSettings& settings) {
  if (auto outcome = source->finish(settings.request_octets); !outcome)
    return std::unexpected(std::move(outcome.error()));
  return source;
}

}  // namespace

MadeSource make_order(const WorkloadSettings& settings, const radius::HopKey& key) {
  if (settings.method == Method::status_server)
    return finished(std::make_unique<StatusServer>(settings, key), settings);
  auto user = UserFields::make(settings);
  if (!user) return std::unexpected(std::move(user.error()));
  return finished(std::make_unique<DynamicAuthorization>(settings, key, std::move(*user)),
                  settings);
}

}  // namespace sallyport::lab
