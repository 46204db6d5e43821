#include "verify/gate/records.h"

#include <limits>
#include <type_traits>

#include "protocol/octets.h"
#include "verify/store/fields.h"

namespace sallyport::verify {
namespace {

// Each record is described once, by a function that hands its members with their field numbers to
// a Putter or a Getter. A number that was in use is never used for anything else.

class Putter {
 public:
  template <class T>
  void operator()(std::uint8_t field, const T& value) {
    if constexpr (std::is_same_v<T, std::string>) {
      if (!value.empty()) writer_.text(field, value);
    } else if constexpr (std::is_same_v<T, IpAddress>) {
      writer_.text(field, as_text(value.octets));
    } else if constexpr (std::is_same_v<T, Session::Opened>) {
      writer_.number(field, value.id).number(field, value.until_ms);
    } else {
      writer_.number(field, static_cast<std::uint64_t>(value));
    }
  }
  template <class T>
  void operator()(std::uint8_t field, const std::vector<T>& values) {
    for (const T& value : values) (*this)(field, value);
  }
  [[nodiscard]] std::string take() { return writer_.take(); }

 private:
  FieldWriter writer_;
};

class Getter {
 public:
  explicit Getter(const FieldReader::Field& field) : field_(field) {}

  template <class T>
  void operator()(std::uint8_t field, T& value) {
    if (field != field_.number) return;
    if constexpr (std::is_same_v<T, std::string>) {
      value = field_.octets;
    } else if constexpr (std::is_same_v<T, IpAddress>) {
      good_ = field_.octets.size() == value.octets.size();
      if (good_) copy_octets(as_octets(field_.octets), value.octets);
    } else if constexpr (std::is_enum_v<T>) {
      value = static_cast<T>(number(bound_of(value)));
    } else if constexpr (std::is_same_v<T, bool>) {
      value = number(1) != 0;
    } else {
      value = static_cast<T>(number(std::numeric_limits<T>::max()));
    }
  }
  template <class T>
  void operator()(std::uint8_t field, std::vector<T>& values) {
    if (field == field_.number) (*this)(field, values.emplace_back());
  }
  void operator()(std::uint8_t field, std::vector<Session::Opened>& values) {
    if (field != field_.number) return;
    // Two numbers each: the id, then the end.
    if (values.empty() || values.back().until_ms != 0) {
      values.push_back({.id = number(UINT64_MAX), .until_ms = 0});
    } else {
      values.back().until_ms = number(UINT64_MAX);
    }
  }
  [[nodiscard]] bool good() const noexcept { return good_; }

 private:
  static constexpr std::uint64_t bound_of(Factor) noexcept { return kFactors - 1; }
  static constexpr std::uint64_t bound_of(GateError) noexcept { return kGateErrors - 1; }
  static constexpr std::uint64_t bound_of(VisitState) noexcept { return kVisitStates - 1; }

  std::uint64_t number(std::uint64_t most) {
    const auto read = field_.as_number();
    good_ = read.has_value() && *read <= most;
    return good_ ? *read : 0;
  }

  FieldReader::Field field_;
  bool good_ = true;
};

template <class Record, class Of>
concept Is = std::is_same_v<std::remove_const_t<Record>, Of>;

void describe(Is<Visit> auto& visit, auto&& field) {
  field(1, visit.state);
  field(2, visit.user);
  field(3, visit.address);
  field(4, visit.device);
  field(5, visit.language);
  field(6, visit.return_url);
  field(7, visit.factors);
  field(8, visit.access_ms);
  field(9, visit.expires_ms);
  field(10, visit.form_token);
  field(11, visit.captcha_seed);
  field(12, visit.captchas_wrong);
  field(13, visit.wrong);
  field(14, visit.sends);
  field(15, visit.code_hash);
  field(16, visit.attempt);
  field(17, visit.number);
  field(18, visit.challenge);
  field(19, visit.begun_ms);
  field(20, visit.until_ms);
  field(21, visit.by);
  field(22, visit.nonce);
  field(23, visit.error);
}

void describe(Is<Session> auto& session, auto&& field) {
  field(1, session.by);
  field(2, session.since_ms);
  field(3, session.until_ms);
  field(4, session.address);
  field(5, session.device);
  field(6, session.opened);
}

void describe(Is<Approval> auto& approval, auto&& field) {
  field(1, approval.visit);
  field(2, approval.user);
  field(3, approval.address);
  field(4, approval.device);
  field(5, approval.number);
  field(6, approval.at_ms);
  field(7, approval.until_ms);
}

void describe(Is<Registration> auto& registration, auto&& field) {
  field(1, registration.user);
  field(2, registration.factor);
  field(3, registration.sealed_secret);
  field(4, registration.challenge);
  field(5, registration.until_ms);
}

void describe(Is<OtpRecord> auto& otp, auto&& field) {
  field(1, otp.sealed_secret);
  field(2, otp.last_step);
  field(3, otp.since_ms);
  field(4, otp.recovery_hashes);
}

void describe(Is<PasskeyRecord> auto& passkey, auto&& field) {
  field(1, passkey.credential);
  field(2, passkey.public_key);
  field(3, passkey.sign_count);
  field(4, passkey.backed_up);
  field(5, passkey.name);
  field(6, passkey.since_ms);
}

void describe(Is<WrongCount> auto& count, auto&& field) {
  field(1, count.count);
  field(2, count.until_ms);
}

std::string write_any(const auto& record) {
  Putter put;
  describe(record, put);
  return put.take();
}

RecordKey key(RecordKind kind, std::string_view group, std::string_view id) {
  return {.kind = kind, .group = std::string(group), .id = std::string(id)};
}

}  // namespace

std::string write(const Visit& visit) { return write_any(visit); }
std::string write(const Session& session) { return write_any(session); }
std::string write(const Approval& approval) { return write_any(approval); }
std::string write(const Registration& registration) { return write_any(registration); }
std::string write(const OtpRecord& otp) { return write_any(otp); }
std::string write(const PasskeyRecord& passkey) { return write_any(passkey); }
std::string write(const WrongCount& count) { return write_any(count); }

template <class Kind>
std::optional<Kind> read(std::string_view value) {
  Kind record;
  FieldReader reader(value);
  while (const auto field = reader.next()) {
    Getter get(*field);
    describe(record, get);
    if (!get.good()) return std::nullopt;
  }
  if (reader.broken()) return std::nullopt;
  return record;
}

template std::optional<Visit> read<Visit>(std::string_view);
template std::optional<Session> read<Session>(std::string_view);
template std::optional<Approval> read<Approval>(std::string_view);
template std::optional<Registration> read<Registration>(std::string_view);
template std::optional<OtpRecord> read<OtpRecord>(std::string_view);
template std::optional<PasskeyRecord> read<PasskeyRecord>(std::string_view);
template std::optional<WrongCount> read<WrongCount>(std::string_view);

RecordKey visit_key(std::string_view id) { return key(RecordKind::visit, "", id); }
RecordKey session_key(std::string_view user, std::string_view id) {
  return key(RecordKind::session, user, id);
}
RecordKey approval_key(std::string_view id) { return key(RecordKind::approval, "", id); }
RecordKey registration_key(std::string_view id) { return key(RecordKind::registration, "", id); }
RecordKey otp_key(std::string_view user) { return key(RecordKind::otp, "", user); }
RecordKey passkey_key(std::string_view user, std::string_view id) {
  return key(RecordKind::passkey, user, id);
}
RecordKey known_key(std::string_view subject, std::string_view from) {
  return key(RecordKind::known, subject, from);
}
RecordKey lock_key(std::string_view subject, std::string_view from) {
  return key(RecordKind::lock, subject, from);
}

}  // namespace sallyport::verify
