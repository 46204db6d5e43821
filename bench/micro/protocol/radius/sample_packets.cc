#include "bench/micro/protocol/radius/sample_packets.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "protocol/check.h"
#include "protocol/radius/packet_writer.h"

namespace sallyport::micro {
namespace {

using radius::Authenticator;
using radius::Code;
using radius::HopKey;
using radius::Type;

constexpr Type kNasPortType{61};
constexpr Type kClass{25};
constexpr Type kAcctStatusType{40};
constexpr Type kAcctSessionId{44};

/// A packet in the making, in memory of its own.
class Sample {
 public:
  Sample(Code code, std::uint8_t identifier) : writer_(octets_, code, {identifier}) {}

  Sample& add(Type type, Octets value) {
    CHECK(writer_.add(type, value));
    return *this;
  }
  Sample& add(Type type, std::string_view value) { return add(type, as_octets(value)); }
  Sample& add_number(Type type, std::uint8_t value) {
    return add(type, std::array<std::uint8_t, 4>{0, 0, 0, value});
  }
  Sample& add_message_authenticator() {
    CHECK(writer_.add_message_authenticator());
    return *this;
  }
  /// What every request of a gateway says of itself and of the caller.
  Sample& add_sender() {
    return add(Type::nas_ip_address, std::array<std::uint8_t, 4>{192, 0, 2, 9})
        .add_number(Type::nas_port, 7)
        .add_number(kNasPortType, 5)
        .add(Type::calling_station_id, "00-11-22-33-44-55")
        .add(Type::called_station_id, "vpn.example.org")
        .add(Type::nas_identifier, "gate-007");
  }

  [[nodiscard]] Bytes sign_access_request(const HopKey& key) {
    return first(writer_.sign_access_request(key, sample_authenticator()));
  }
  [[nodiscard]] Bytes sign(const HopKey& key, const Authenticator& header) {
    return first(writer_.sign(key, header));
  }

 private:
  [[nodiscard]] Bytes first(std::size_t octets) const {
    return {octets_.begin(), octets_.begin() + static_cast<std::ptrdiff_t>(octets)};
  }

  std::array<std::uint8_t, radius::kMaxPacketOctets> octets_{};
  radius::PacketWriter writer_;
};

/// One block: RFC 2865 §5.2.
std::array<std::uint8_t, 16> hidden_password(const HopKey& key) {
  std::array<std::uint8_t, 16> hidden{};
  std::ranges::copy(std::string_view("wonderland"), hidden.begin());
  const Authenticator pad = key.pad(sample_authenticator().octets);
  for (std::size_t i = 0; i < hidden.size(); ++i) hidden[i] ^= pad.octets[i];
  return hidden;
}

/// Vendor-Specific of Microsoft that holds one salted key of 32 octets. What is hidden looks like
/// chance, so any octets will do.
Bytes mppe_key(std::uint8_t vendor_type, std::uint8_t salt) {
  constexpr std::size_t kSaltAndBlocks = 2 + 48;
  Bytes value{0, 0, 1, 55, vendor_type, 2 + kSaltAndBlocks, 0x80, salt};
  for (std::size_t i = 0; i < kSaltAndBlocks - 2; ++i)
    value.push_back(static_cast<std::uint8_t>(i * 37 + salt));
  return value;
}

}  // namespace

Authenticator sample_authenticator() noexcept {
  Authenticator authenticator;
  authenticator.octets.fill(0xa5);
  return authenticator;
}

Bytes pap_request(const HopKey& key, std::uint8_t identifier) {
  const Bytes packet = Sample(Code::access_request, identifier)
                           .add_message_authenticator()
                           .add(Type::user_name, "jdoe0001")
                           .add(Type::user_password, hidden_password(key))
                           .add_sender()
                           .sign_access_request(key);
  CHECK(packet.size() == 130);
  return packet;
}

Bytes eap_request(const HopKey& key, std::uint8_t identifier) {
  Bytes eap{2, 9, 0, 200, 25};  // Response, Identifier, Length, PEAP
  eap.resize(200, 0x16);
  return Sample(Code::access_request, identifier)
      .add(Type::user_name, "jdoe0001")
      .add_sender()
      .add(Type::eap_message, eap)
      .add(Type::state, "0123456789abcdef")
      .add_message_authenticator()
      .sign_access_request(key);
}

Bytes accounting_request(const HopKey& key, std::uint8_t identifier) {
  return Sample(Code::accounting_request, identifier)
      .add_number(kAcctStatusType, 3)
      .add(kAcctSessionId, "8d2f00c1")
      .add(Type::user_name, "jdoe0001")
      .add_sender()
      .sign(key, {});
}

Bytes accept_reply(const HopKey& key, const Answered& request) {
  return Sample(Code::access_accept, request.identifier)
      .add_message_authenticator()
      .add(kClass, "staff-and-vpn")
      .add_number(Type::service_type, 2)
      .sign(key, request.authenticator);
}

Bytes reject_reply(const HopKey& key, const Answered& request) {
  return Sample(Code::access_reject, request.identifier)
      .add_message_authenticator()
      .add(Type::reply_message, "Wrong name or password.")
      .sign(key, request.authenticator);
}

Bytes accounting_reply(const HopKey& key, const Answered& request) {
  return Sample(Code::accounting_response, request.identifier).sign(key, request.authenticator);
}

Bytes mppe_reply(const HopKey& key, const Answered& request) {
  return Sample(Code::access_accept, request.identifier)
      .add(Type::user_name, "jdoe0001")
      .add(Type::vendor_specific, mppe_key(16, 1))
      .add(Type::vendor_specific, mppe_key(17, 2))
      .add(Type::eap_message, std::array<std::uint8_t, 4>{3, 9, 0, 4})
      .add_message_authenticator()
      .sign(key, request.authenticator);
}

radius::PacketView parsed(Octets packet) noexcept {
  const auto view = radius::PacketView::parse(packet);
  CHECK(view.has_value());
  return *view;
}

}  // namespace sallyport::micro
