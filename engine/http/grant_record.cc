#include "engine/http/grant_record.h"

#include <charconv>

#include "engine/http/grants.h"
#include "verify/store/fields.h"

namespace sallyport::http_door {
namespace {

/// Of a value. A number is never given to another field: older records stay readable.
enum Field : std::uint8_t {
  kUser = 1,
  kAddress = 2,
  kSince = 3,
  kBy = 4,
  kReason = 5,
  kSession = 6,
  kSlides = 7,
  kLatest = 8,
};

bool take_field(const verify::FieldReader::Field& field, Grant& grant) {
  const auto take_number = [&](std::uint64_t& number) {
    const auto value = field.as_number();
    number = value.value_or(0);
    return value.has_value();
  };
  switch (field.number) {
    case kUser: grant.user = field.octets; return true;
    case kBy: grant.by = field.octets; return true;
    case kReason: grant.reason = field.octets; return true;
    case kSession: grant.session = field.octets; return true;
    case kSince: return take_number(grant.since_ms);
    case kSlides: return take_number(grant.slides_ms);
    case kLatest: return take_number(grant.latest_ms);
    case kAddress: {
      const auto address = IpAddress::parse(field.octets);
      if (address) grant.address = *address;
      return address.has_value();
    }
    default: return true;  // of a later sallyport
  }
}

}  // namespace

verify::RecordKey grant_key(std::uint64_t id) {
  return {.kind = verify::RecordKind::grant, .group = {}, .id = std::to_string(id)};
}

std::uint64_t grant_id_of(std::string_view record_id) noexcept {
  std::uint64_t id = 0;
  const char* const last = record_id.data() + record_id.size();
  const auto [end, error] = std::from_chars(record_id.data(), last, id);
  return error == std::errc() && end == last ? id : 0;
}

std::string grant_value(const Grant& grant) {
  verify::FieldWriter writer;
  writer.text(kUser, grant.user)
      .text(kAddress, grant.address.text())
      .number(kSince, grant.since_ms);
  writer.text(kBy, grant.by).text(kReason, grant.reason).text(kSession, grant.session);
  return writer.number(kSlides, grant.slides_ms).number(kLatest, grant.latest_ms).take();
}

std::optional<Grant> read_grant(std::uint64_t id, const verify::Record& record) {
  Grant grant;
  grant.id = id;
  grant.until_ms = record.until_ms;
  verify::FieldReader reader(record.value);
  while (const auto field = reader.next()) {
    if (!take_field(*field, grant)) return std::nullopt;
  }
  if (id == 0 || reader.broken() || mistake_in(grant)) return std::nullopt;
  return grant;
}

}  // namespace sallyport::http_door
