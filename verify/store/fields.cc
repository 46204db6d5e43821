#include "verify/store/fields.h"

#include "protocol/check.h"

namespace sallyport::verify {
namespace {

constexpr std::size_t kMaxFieldOctets = std::size_t{64} << 10;
constexpr std::size_t kLengthOctets = 3;
constexpr std::size_t kHeadOctets = 1 + kLengthOctets;
constexpr std::size_t kNumberOctets = 8;

/// Big-endian, so that numbers sort as they count.
void append_number(std::string& out, std::uint64_t number, std::size_t octets) {
  for (std::size_t left = octets; left > 0; --left) {
    out += static_cast<char>(number >> (8 * (left - 1)) & 0xff);
  }
}

std::uint64_t read_number(std::string_view octets) noexcept {
  std::uint64_t number = 0;
  for (const char octet : octets) number = number << 8 | static_cast<std::uint8_t>(octet);
  return number;
}

}  // namespace

FieldWriter& FieldWriter::text(std::uint8_t field, std::string_view value) {
  CHECK(value.size() <= kMaxFieldOctets);
  value_ += static_cast<char>(field);
  append_number(value_, value.size(), kLengthOctets);
  value_ += value;
  return *this;
}

FieldWriter& FieldWriter::number(std::uint8_t field, std::uint64_t value) {
  std::string octets;
  append_number(octets, value, kNumberOctets);
  return text(field, octets);
}

std::optional<std::uint64_t> FieldReader::Field::as_number() const noexcept {
  if (octets.size() != kNumberOctets) return std::nullopt;
  return read_number(octets);
}

std::optional<FieldReader::Field> FieldReader::next() noexcept {
  if (broken_ || rest_.empty()) return std::nullopt;
  broken_ = true;  // until it has proved to be a field
  if (rest_.size() < kHeadOctets) return std::nullopt;
  const std::uint64_t length = read_number(rest_.substr(1, kLengthOctets));
  if (length > kMaxFieldOctets || length > rest_.size() - kHeadOctets) return std::nullopt;
  broken_ = false;
  const Field field{.number = static_cast<std::uint8_t>(rest_.front()),
                    .octets = rest_.substr(kHeadOctets, static_cast<std::size_t>(length))};
  rest_.remove_prefix(kHeadOctets + field.octets.size());
  return field;
}

}  // namespace sallyport::verify
