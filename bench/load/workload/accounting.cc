#include "bench/load/workload/accounting.h"

#include <algorithm>

#include "bench/load/workload/request_source.h"
#include "bench/load/workload/request_template.h"
#include "bench/load/workload/user_fields.h"

namespace sallyport::lab {
namespace {

constexpr std::uint32_t kStart = 1;  // Acct-Status-Type, RFC 2866 §5.1
constexpr std::uint32_t kStop = 2;
constexpr std::uint32_t kInterimUpdate = 3;
constexpr std::uint32_t kAuthenticatedByRadius = 1;  // Acct-Authentic, RFC 2866 §5.6
constexpr std::uint32_t kUserRequest = 1;            // Acct-Terminate-Cause, RFC 2866 §5.10
/// What a session uses up from one request to the next.
constexpr std::uint32_t kSeconds = 300;
constexpr std::uint32_t kInputOctets = 1'250'000;
constexpr std::uint32_t kOutputOctets = 12'500'000;
constexpr std::uint32_t kMeanPacketOctets = 1'000;

constexpr std::uint32_t kFramedNetwork = 10U << 24;

/// Start has no counts (RFC 2866 §5.3 to §5.9), the others have.
class AccountingTemplate {
 public:
  AccountingTemplate(bool counts, UserFields user)
      : user_(std::move(user)), request_(radius::Code::accounting_request, false) {
    using Type = AccountingType;
    user_.add_to(request_);
    status_ = request_.add_number(Type::status_type, kStart);
    session_id_ = request_.add(Type::session_id, std::vector<std::uint8_t>(kSessionIdOctets, '0'));
    request_.add_number(Type::authentic, kAuthenticatedByRadius);
    framed_address_ = request_.add_number(Type::framed_ip_address, kFramedNetwork);
    if (counts) {
      time_ = request_.add_number(Type::session_time, 0);
      input_ = request_.add_number(Type::input_octets, 0);
      output_ = request_.add_number(Type::output_octets, 0);
      input_packets_ = request_.add_number(Type::input_packets, 0);
      output_packets_ = request_.add_number(Type::output_packets, 0);
    }
    request_.add_nas_identifier();
  }
  [[nodiscard]] std::expected<void, std::string> pad(std::size_t octets) {
    return request_.pad(octets);
  }
  [[nodiscard]] std::size_t octets() const { return request_.octets(); }

  [[nodiscard]] std::size_t write(const Session& session, std::uint64_t seed, std::uint32_t status,
                                  std::uint8_t identifier, const radius::HopKey& key,
                                  MutableOctets out) const {
    RequestCopy request(request_, identifier, out);
    user_.fill(request, session);
    request.put_number(status_, status);
    write_session_id(seed, session.number, request.at(session_id_, kSessionIdOctets));
    request.put_number(framed_address_,
                       kFramedNetwork | static_cast<std::uint32_t>(session.number & 0xffffff));
    if (time_ != 0) put_counts(request, session.round);
    if (status == kStop) {
      request.append(AccountingType::terminate_cause,
                     std::array<std::uint8_t, 4>{0, 0, 0, kUserRequest});
    }
    return request.sign_computed(key);
  }

 private:
  void put_counts(RequestCopy& request, std::uint32_t round) const {
    request.put_number(time_, round * kSeconds);
    request.put_number(input_, round * kInputOctets);
    request.put_number(output_, round * kOutputOctets);
    request.put_number(input_packets_, round * (kInputOctets / kMeanPacketOctets));
    request.put_number(output_packets_, round * (kOutputOctets / kMeanPacketOctets));
  }

  UserFields user_;
  RequestTemplate request_;
  std::size_t status_ = 0;
  std::size_t session_id_ = 0;
  std::size_t framed_address_ = 0;
  std::size_t time_ = 0;  ///< 0: without counts
  std::size_t input_ = 0;
  std::size_t output_ = 0;
  std::size_t input_packets_ = 0;
  std::size_t output_packets_ = 0;
};

class Accounting final : public RequestSource {
 public:
  Accounting(const WorkloadSettings& settings, const radius::HopKey& key, const UserFields& user)
      : key_(key),
        seed_(settings.seed),
        last_round_(settings.interims + 1U),
        start_(false, user),
        later_(true, user) {}
  /// Start has exactly so many octets, later requests at least.
  [[nodiscard]] std::expected<void, std::string> finish(std::size_t request_octets) {
    if (auto padded = start_.pad(request_octets); !padded) return padded;
    return later_.pad(request_octets <= later_.octets() ? 0 : request_octets);
  }

  [[nodiscard]] std::size_t max_request_octets() const noexcept override {
    constexpr std::size_t kTerminateCause = 6;
    return std::max(start_.octets(), later_.octets() + kTerminateCause);
  }
  [[nodiscard]] bool one_round() const noexcept override { return false; }

  std::size_t write(const Session& session, std::uint8_t identifier,
                    MutableOctets out) noexcept override {
    if (session.round == 0) return start_.write(session, seed_, kStart, identifier, key_, out);
    const std::uint32_t status = session.round == last_round_ ? kStop : kInterimUpdate;
    return later_.write(session, seed_, status, identifier, key_, out);
  }

  Judgement conclude(Session& session, const Answer& answer) noexcept override {
    return session.round < last_round_ ? Judgement::next : answer.by_code;
  }

 private:
  const radius::HopKey& key_;
  std::uint64_t seed_;
  std::uint32_t last_round_;
  AccountingTemplate start_;
  AccountingTemplate later_;
};

}  // namespace

MadeSource make_accounting(const WorkloadSettings& settings, const radius::HopKey& key) {
  const auto user = UserFields::make(settings);
  if (!user) return std::unexpected(user.error());
  auto source = std::make_unique<Accounting>(settings, key, *user);
  if (auto finished = source->finish(settings.request_octets); !finished)
    return std::unexpected(std::move(finished.error()));
  return source;
}

void write_session_id(std::uint64_t seed, std::uint64_t number, MutableOctets out) noexcept {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (std::size_t at = kSessionIdOctets; at-- > 0;) {
    std::uint64_t& from = at < kSessionIdOctets - 16 ? seed : number;
    out[at] = static_cast<std::uint8_t>(kDigits[from & 15]);
    from >>= 4;
  }
}

}  // namespace sallyport::lab
