#pragma once
// RADIUS packets for tests, written from the RFC's formulas and not by the code under test.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/radius/authenticator.h"
#include "protocol/radius/codes.h"
#include "protocol/radius/hop_key.h"

namespace sallyport::radius_door::testing {

using Bytes = std::vector<std::uint8_t>;

class PacketBuilder {
 public:
  PacketBuilder(radius::Code code, std::uint8_t identifier,
                const radius::Authenticator& authenticator = {})
      : octets_{static_cast<std::uint8_t>(code), identifier, 0, 0} {
    octets_.insert(octets_.end(), authenticator.octets.begin(), authenticator.octets.end());
  }

  PacketBuilder& add(radius::Type type, Octets value) {
    octets_.push_back(static_cast<std::uint8_t>(type));
    octets_.push_back(static_cast<std::uint8_t>(value.size() + 2));
    octets_.insert(octets_.end(), value.begin(), value.end());
    return *this;
  }
  PacketBuilder& add(radius::Type type, std::string_view value) {
    return add(type, as_octets(value));
  }
  /// Room for it; sign_…() fills it in.
  PacketBuilder& add_message_authenticator() {
    add(radius::Type::message_authenticator, Bytes(16));
    message_authenticator_ = octets_.size() - 16;
    return *this;
  }

  /// User-Password, hidden as RFC 2865 §5.2 has it.
  PacketBuilder& add_password(const radius::HopKey& key, std::string_view password) {
    Bytes clear(password.begin(), password.end());
    clear.resize((std::max<std::size_t>(clear.size(), 1) + 15) / 16 * 16);
    Bytes hidden;
    for (std::size_t block = 0; block < clear.size(); block += 16) {
      const radius::Authenticator pad = key.pad(
          block == 0 ? Octets(octets_).subspan(4, 16) : Octets(hidden).subspan(block - 16, 16));
      for (std::size_t i = 0; i < 16; ++i)
        hidden.push_back(static_cast<std::uint8_t>(clear[block + i] ^ pad.octets[i]));
    }
    return add(radius::Type::user_password, hidden);
  }

  [[nodiscard]] Bytes sign_request(const radius::HopKey& key) {
    finish_length();
    const bool computed =
        radius::role_of(static_cast<radius::Code>(octets_[0])) == radius::Role::signed_request;
    if (computed) std::fill_n(octets_.begin() + 4, 16, std::uint8_t{0});
    if (message_authenticator_ != 0)
      put(message_authenticator_,
          key.message_authenticator(octets_, header(), message_authenticator_));
    if (computed) put(4, key.response_authenticator(octets_, radius::Authenticator()));
    return octets_;
  }

  [[nodiscard]] Bytes sign_response(const radius::HopKey& key,
                                    const radius::Authenticator& request_authenticator) {
    finish_length();
    put(4, request_authenticator);
    if (message_authenticator_ != 0)
      put(message_authenticator_,
          key.message_authenticator(octets_, request_authenticator, message_authenticator_));
    put(4, key.response_authenticator(octets_, request_authenticator));
    return octets_;
  }

 private:
  void finish_length() {
    octets_[2] = static_cast<std::uint8_t>(octets_.size() >> 8);
    octets_[3] = static_cast<std::uint8_t>(octets_.size());
  }
  void put(std::size_t offset, const radius::Authenticator& value) {
    std::copy(value.octets.begin(), value.octets.end(),
              octets_.begin() + static_cast<std::ptrdiff_t>(offset));
  }
  [[nodiscard]] radius::Authenticator header() const {
    radius::Authenticator value;
    std::copy_n(octets_.begin() + 4, 16, value.octets.begin());
    return value;
  }

  Bytes octets_;
  std::size_t message_authenticator_ = 0;
};

/// The authenticator in a packet's header.
[[nodiscard]] inline radius::Authenticator authenticator_of(Octets packet) {
  radius::Authenticator value;
  std::copy_n(packet.begin() + 4, 16, value.octets.begin());
  return value;
}

}  // namespace sallyport::radius_door::testing
