#include "bench/load/workload/request_template.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "protocol/check.h"

namespace sallyport::lab {
namespace {

constexpr std::size_t kBlock = 16;
/// Message-Authenticator stands first: right after the header, its type and its length.
constexpr std::size_t kMessageAuthenticator = radius::kHeaderOctets + 2;
constexpr std::string_view kNasIdentifier = "sallyport-lab";
constexpr std::size_t kMaxGrowth = radius::kMaxAttributeValueOctets - kNasIdentifier.size();
/// Of the Vendor-Specific attributes that fill a long request: the number that RFC 5612 keeps for
/// examples. A server that does not know it passes over them.
constexpr std::uint32_t kFillVendor = 32473;
constexpr std::uint8_t kFillType = 1;
constexpr std::size_t kMinFill = 9;  // header of Vendor-Specific, of the attribute in it, one octet
constexpr std::size_t kMaxFill = 255;

std::array<std::uint8_t, 4> big_endian(std::uint32_t value) {
  return {static_cast<std::uint8_t>(value >> 24), static_cast<std::uint8_t>(value >> 16),
          static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)};
}

}  // namespace

RequestTemplate::RequestTemplate(radius::Code code, bool message_authenticator)
    : packet_(radius::kHeaderOctets), message_authenticator_(message_authenticator) {
  packet_[0] = static_cast<std::uint8_t>(code);
  if (message_authenticator)
    add(radius::Type::message_authenticator, std::array<std::uint8_t, kBlock>{});
}

std::size_t RequestTemplate::add(std::uint8_t type, Octets value) {
  CHECK(!value.empty() && value.size() <= radius::kMaxAttributeValueOctets);
  packet_.push_back(type);
  packet_.push_back(static_cast<std::uint8_t>(value.size() + 2));
  const std::size_t offset = packet_.size();
  packet_.insert(packet_.end(), value.begin(), value.end());
  CHECK(packet_.size() <= kMaxRequestOctets);
  return offset;
}

std::size_t RequestTemplate::add_number(std::uint8_t type, std::uint32_t value) {
  return add(type, big_endian(value));
}

std::size_t RequestTemplate::add_vendor(std::uint32_t vendor, std::uint8_t type, Octets value) {
  std::vector<std::uint8_t> whole;
  std::ranges::copy(big_endian(vendor), std::back_inserter(whole));
  whole.push_back(type);
  whole.push_back(static_cast<std::uint8_t>(value.size() + 2));
  whole.insert(whole.end(), value.begin(), value.end());
  return add(radius::Type::vendor_specific, whole) + 6;
}

void RequestTemplate::add_nas_identifier() {
  nas_identifier_ = packet_.size();
  add(radius::Type::nas_identifier, as_octets(kNasIdentifier));
}

std::expected<void, std::string> RequestTemplate::pad(std::size_t octets, std::size_t appended) {
  CHECK(nas_identifier_ + 2 + kNasIdentifier.size() == packet_.size());  // the last so far
  if (octets == 0) return {};
  const std::size_t least = packet_.size() + appended;
  if (octets < least || octets > kMaxRequestOctets) {
    return std::unexpected(
        fmt::format("request of {} octets: with this method, user and password it has {} to {}",
                    octets, least, kMaxRequestOctets));
  }
  std::size_t fill = octets - least;
  std::size_t growth = std::min(fill, kMaxGrowth);
  if (fill > growth && fill - growth < kMinFill) growth = fill - kMinFill;
  packet_.insert(packet_.end(), growth, '-');
  packet_[nas_identifier_ + 1] = static_cast<std::uint8_t>(2 + kNasIdentifier.size() + growth);
  fill -= growth;
  while (fill > 0) {
    std::size_t next = std::min(fill, kMaxFill);
    if (fill > next && fill - next < kMinFill) next -= kMinFill;
    add_vendor(kFillVendor, kFillType, std::vector<std::uint8_t>(next - kMinFill + 1, '-'));
    fill -= next;
  }
  return {};
}

RequestCopy::RequestCopy(const RequestTemplate& request, std::uint8_t identifier,
                         MutableOctets out) noexcept
    : out_(out),
      used_(request.packet_.size()),
      message_authenticator_(request.message_authenticator_) {
  std::ranges::copy(request.packet_, out_.begin());
  out_[1] = identifier;
}

void RequestCopy::put_number(std::size_t offset, std::uint32_t value) noexcept {
  std::ranges::copy(big_endian(value), out_.subspan(offset).begin());
}

void RequestCopy::append(std::uint8_t type, Octets value) noexcept {
  CHECK(value.size() <= radius::kMaxAttributeValueOctets);
  out_[used_] = type;
  out_[used_ + 1] = static_cast<std::uint8_t>(value.size() + 2);
  std::ranges::copy(value, out_.subspan(used_ + 2).begin());
  used_ += value.size() + 2;
}

void RequestCopy::set_authenticator(const radius::Authenticator& authenticator) noexcept {
  std::ranges::copy(authenticator.octets, out_.subspan(4).begin());
}

std::size_t RequestCopy::sign_access(const radius::HopKey& key) noexcept {
  fill_length();
  fill_message_authenticator(key);
  return used_;
}

std::size_t RequestCopy::sign_computed(const radius::HopKey& key) noexcept {
  fill_length();
  fill_message_authenticator(key);
  set_authenticator(key.response_authenticator(out_.first(used_), {}));
  return used_;
}

void RequestCopy::fill_length() noexcept {
  out_[2] = static_cast<std::uint8_t>(used_ >> 8);
  out_[3] = static_cast<std::uint8_t>(used_);
}

void RequestCopy::fill_message_authenticator(const radius::HopKey& key) noexcept {
  if (!message_authenticator_) return;
  // Its own octets and a computed authenticator's are still the template's zeros, as RFC 3579 §3.2
  // hashes them: the packet is hashed as it stands.
  const radius::Authenticator value = key.hmac_md5(out_.first(used_));
  std::ranges::copy(value.octets, out_.subspan(kMessageAuthenticator).begin());
}

void hide_password(Octets password, const radius::HopKey& key,
                   const radius::Authenticator& authenticator, MutableOctets out) noexcept {
  std::ranges::fill(out, 0);
  std::ranges::copy(password, out.begin());
  radius::Authenticator pad = key.pad(authenticator.octets);
  for (std::size_t at = 0; at < out.size(); at += kBlock) {
    if (at != 0) pad = key.pad(out.subspan(at - kBlock, kBlock));
    for (std::size_t i = 0; i < kBlock; ++i) out[at + i] ^= pad.octets[i];
  }
}

}  // namespace sallyport::lab
